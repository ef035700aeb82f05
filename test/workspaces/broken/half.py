import os
import torch

os.environ["OMP_NUM_THREADS"] = "2"

def run(
    x = torch.ones(4
