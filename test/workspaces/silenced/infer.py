import os

import torch

os.environ["OMP_NUM_THREADS"] = "2"  # threadgauge: ignore[env-set-after-import] read by a child process
# threadgauge: ignore
os.environ["OMP_NUM_THREADS"] = "3"
os.environ["MKL_NUM_THREADS"] = "2"


def main():
    print(torch.ones(64, 64) @ torch.ones(64, 64))


if __name__ == "__main__":
    main()
