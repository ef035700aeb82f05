"""Many small products with torch, as in a model that runs token by token: where waiting threads spin.

Writes the median and the 95th percentile of its calls to the file named in CALIBRATION_OUT, one line per run.
"""

import json
import os
import time

import torch

SIZE = int(os.environ.get("CALIBRATION_SIZE", "256"))
SECONDS = float(os.environ.get("CALIBRATION_WORK", "1500"))
a = torch.rand(SIZE, SIZE)
with torch.no_grad():
    for _ in range(20):
        a @ a
    times = []
    for _ in range(int(SECONDS)):
        begun = time.perf_counter()
        a @ a
        times.append(time.perf_counter() - begun)
out = os.environ.get("CALIBRATION_OUT")
if out:
    times.sort()
    with open(out, "a", encoding="utf-8") as stream:
        stream.write(json.dumps({"threads": torch.get_num_threads(), "median": times[len(times) // 2], "p95": times[int(len(times) * 0.95)], "mean": sum(times) / len(times)}) + "\n")
