"""Makes fixtures/numpy: arrays of texts as numpy writes them.

    pip install numpy && python make_numpy_fixtures.py
"""
import os
import numpy as np

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures", "numpy")
os.makedirs(folder, exist_ok=True)
names = ["été", "猫", "", "a longer name", "😀"]
np.savez(os.path.join(folder, "texts.npz"), x=np.arange(10, dtype=np.float64).reshape(5, 2), little=np.array(names),
         big=np.array(names).astype(">U13"), bytes=np.array([n.encode() for n in names]), square=np.array([["a", "b"], ["c", "d"]]))
np.save(os.path.join(folder, "texts.npy"), np.array(names))
