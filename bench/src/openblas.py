"""The roof of matrix products. Says at the start whose BLAS it is, then answers each line 'M N K count' with the milliseconds that count
products take at the speed of the best of them: a roof is what the machine can do, so its small calls are not averaged."""
import sys
import time

import numpy as np

try:
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    print(f"{blas.get('name')} {blas.get('version')}, numpy {np.__version__}", flush=True)
except (TypeError, KeyError):
    print(f"numpy {np.__version__}", flush=True)

held = {}
for line in sys.stdin:
    m, n, k, count = map(int, line.split())
    if (m, n, k) not in held:
        random = np.random.default_rng(1)
        held = {(m, n, k): (random.random((m, k), np.float32), random.random((k, n), np.float32), np.empty((m, n), np.float32))}
    a, b, c = held[m, n, k]
    best = float("inf")
    for _ in range(count):
        began = time.perf_counter()
        np.matmul(a, b, out=c)
        best = min(best, time.perf_counter() - began)
    print(best * count * 1e3, flush=True)
