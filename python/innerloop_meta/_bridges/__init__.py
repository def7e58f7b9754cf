"""PyTorch and JAX: each is imported when something of it is asked for, and no sooner."""
