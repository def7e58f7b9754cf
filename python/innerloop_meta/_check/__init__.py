"""Trust in one's own gradient: what `check` is made of."""
