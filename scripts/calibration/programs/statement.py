"""One statement with torch; the calibration measures its last line by itself."""

import os

import torch

size = int(os.environ["CALIBRATION_SIZE"])
a = torch.rand(size, size)
b = torch.rand(size, size)
c = torch.relu(a @ b)
