"""The same statement by torch.utils.benchmark: prints the median and the number of its blocks."""

import json
import os

import torch
from torch.utils.benchmark import Timer

size = int(os.environ["CALIBRATION_SIZE"])
values = {"torch": torch, "a": torch.rand(size, size), "b": torch.rand(size, size)}
timer = Timer("c = torch.relu(a @ b)", globals=values, num_threads=int(os.environ["CALIBRATION_THREADS"]))
measured = timer.blocked_autorange(min_run_time=float(os.environ["CALIBRATION_SECONDS"]))
print(json.dumps({"median": measured.median, "mean": measured.mean, "blocks": len(measured.times), "version": torch.__version__}))
