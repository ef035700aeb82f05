"""The same statement by torch.utils.benchmark: prints the median by the wall clock and by the CPU time of the process."""

import json
import os
import time

import torch
from torch.utils.benchmark import Timer

size = int(os.environ["CALIBRATION_SIZE"])
values = {"torch": torch, "a": torch.rand(size, size), "b": torch.rand(size, size)}
threads = int(os.environ["CALIBRATION_THREADS"])
timer = Timer("c = torch.relu(a @ b)", globals=values, num_threads=threads)
clock = Timer("c = torch.relu(a @ b)", globals=values, num_threads=threads, timer=time.process_time)
measured = timer.blocked_autorange(min_run_time=float(os.environ["CALIBRATION_SECONDS"]))
spent = clock.blocked_autorange(min_run_time=float(os.environ["CALIBRATION_SECONDS"]))
print(json.dumps({"cpu": spent.median, "median": measured.median, "mean": measured.mean, "blocks": len(measured.times), "version": torch.__version__}))
