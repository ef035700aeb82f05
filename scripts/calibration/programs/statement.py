"""One statement with torch, which the calibration measures by itself; torch.utils.benchmark times the same before and after, in the same process."""

import json
import os
import time

import torch
from torch.utils.benchmark import Timer

size = int(os.environ["CALIBRATION_SIZE"])
seconds = float(os.environ["CALIBRATION_SECONDS"])
a = torch.rand(size, size)
b = torch.rand(size, size)


def theirs(clock):
    timer = Timer("c = torch.relu(a @ b)", globals={"torch": torch, "a": a, "b": b}, num_threads=torch.get_num_threads(), timer=clock)
    return timer.blocked_autorange(min_run_time=seconds)


def both():
    measured, spent = theirs(time.perf_counter), theirs(time.process_time)
    return {"mean": measured.mean, "median": measured.median, "cpu": spent.mean, "version": torch.__version__}


before = both()
try:
    c = torch.relu(a @ b)
finally:
    with open(os.environ["CALIBRATION_OUT"], "a") as file:
        file.write(json.dumps([before, both()]) + "\n")
