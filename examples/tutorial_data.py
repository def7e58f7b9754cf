"""Saves the tutorial's files with PyTorch: train_data.txt and test_data.txt (lists of batches of inputs and targets),
model_params.pth (a bare 10x2 tensor) and model_state.pth (the state dict of linear, relu, linear).
The numbers come from Python's own generator, so that every version of PyTorch saves the same ones."""
import random

import torch

draw = random.Random(7)


def batches(count, size=32):
    """Two classes: whether the first two features lie on the same side, seen through ten noisy mixtures."""
    result = []
    for _ in range(count):
        inputs, targets = [], []
        for _ in range(size):
            a, b = draw.gauss(0, 1), draw.gauss(0, 1)
            inputs.append([wa * a + wb * b + draw.gauss(0, 0.3) for wa, wb in mixture])
            targets.append(int(a * b > 0))
        result.append((torch.tensor(inputs), torch.tensor(targets)))
    return result


def matrix(rows, columns, scale):
    return torch.tensor([[draw.uniform(-scale, scale) for _ in range(columns)] for _ in range(rows)])


mixture = [(draw.gauss(0, 1), draw.gauss(0, 1)) for _ in range(10)]
torch.save(batches(10), "train_data.txt")
torch.save(batches(20), "test_data.txt")
torch.save(matrix(10, 2, 0.3), "model_params.pth")
torch.save({"layers.0.weight": matrix(64, 10, 0.3), "layers.0.bias": torch.zeros(64),
            "layers.2.weight": matrix(2, 64, 0.12), "layers.2.bias": torch.zeros(2)}, "model_state.pth")
