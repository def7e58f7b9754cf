#!/usr/bin/env python3
"""Prints what test_mnist1d.c expects, computed by the published program: hashes (FNV-1a, 64 bits) of its data sets, x as
float32 and y as int32, training examples before test examples.

    pip install mnist1d numpy scipy matplotlib requests && python3 make_mnist1d_numbers.py

Printed with mnist1d 0.0.2.post1, numpy 2.4.6 and scipy 1.17.1.
"""
import numpy as np
from mnist1d.data import get_dataset_args, make_dataset


def fnv(array):
    h = 0xCBF29CE484222325
    for byte in np.ascontiguousarray(array).tobytes():
        h = (h ^ byte) * 0x100000001B3 % 2**64
    return h


for count in (5000, 10000):
    args = get_dataset_args()
    args.num_samples = count
    data = make_dataset(args)
    x, y = (np.concatenate([data[k], data[k + "_test"]]) for k in "xy")
    print(f"{{{count}, {fnv(x.astype('f4')):#x}, {fnv(y.astype('i4')):#x}, {x[0, 0]:.6g}, {x[-1, -1]:.6g}}},")
