"""MAML by hand in Python, as docs/python.md shows it, as a side of bench/python_loop.py.

    maml_by_hand.py THREADS [repeat]

Prints "ready", then answers each line "N …" of standard input with one JSON line about N more meta-steps: a call for each,
or all in one (`repeat`).
"""
import json
import sys
import time

import innerloop_meta as il

il.set_threads(int(sys.argv[1]))
net = il.Net("mlp", example=1, outputs=1)
theta = net.parameters(seed=1)
adam = il.adam(theta, lr=1e-3)
tasks = il.Tasks("sinusoid", shots=10, queries=10)


def loss(w, x, y):
    return il.mean_squared_error(net(w, x), y)


@il.function
def meta_step(theta, adam, task):
    phi = theta - 0.01 * il.grad(loss(theta, task.support_x, task.support_y), theta)
    query = loss(phi, task.query_x, task.query_y)
    adam.step(theta, il.task_mean(il.grad(query, theta)))
    return il.task_mean(query)


def each_called(first, steps):
    batch = query = None
    for s in range(first, first + steps):
        batch = tasks.draw("train", 25 * s, 25, out=batch)
        query = meta_step(theta, adam, batch)
    return query


def repeated(first, steps):
    batch = tasks.draw("train", 25 * first, 25)
    return meta_step.repeat(steps, theta, adam, batch)[-1]


run = repeated if sys.argv[2:] == ["repeat"] else each_called
print(json.dumps({"ready": True}), flush=True)
done = 0
for line in sys.stdin:
    count = int(line.split()[0])
    start, used = time.perf_counter(), time.process_time()
    query = run(done, count)
    seconds, used = time.perf_counter() - start, time.process_time() - used
    done += count
    print(json.dumps({"seconds": seconds, "processor": used, "loss": float(query)}), flush=True)
