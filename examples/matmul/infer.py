"""A small CPU inference workload: two matrix products and a transformer block."""
import argparse
import time

import torch

import os

# Meant for the whole script, but OpenMP has read its environment by now.
os.environ["OMP_NUM_THREADS"] = "2"


def small_matmul(repeats: int) -> torch.Tensor:
    a = torch.randn(256, 256)
    b = torch.randn(256, 256)
    for _ in range(repeats):
        c = a @ b
    return c


def large_matmul(repeats: int) -> torch.Tensor:
    a = torch.randn(1024, 1024)
    b = torch.randn(1024, 1024)
    for _ in range(repeats):
        c = torch.mm(a, b)
    return c


class Block(torch.nn.Module):
    """One pre-norm transformer block."""

    def __init__(self, width: int = 256, heads: int = 4) -> None:
        super().__init__()
        self.norm1 = torch.nn.LayerNorm(width)
        self.attention = torch.nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm2 = torch.nn.LayerNorm(width)
        self.mlp = torch.nn.Sequential(
            torch.nn.Linear(width, 4 * width),
            torch.nn.GELU(),
            torch.nn.Linear(4 * width, width),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.norm1(x)
        attended, _ = self.attention(h, h, h, need_weights=False)
        x = x + attended
        return x + self.mlp(self.norm2(x))


def transformer(repeats: int) -> torch.Tensor:
    block = Block().eval()
    x = torch.randn(4, 128, 256)
    with torch.inference_mode():
        for _ in range(repeats):
            y = block(x)
    return y


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the repetitions")
    parser.add_argument("--pipeline", action="store_true", help="overlap the stages")
    args = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_interop_threads(2)
    if args.pipeline:
        torch.set_num_interop_threads(4)

    for name, run, repeats in (
        ("256x256", small_matmul, 2000),
        ("1024x1024", large_matmul, 30),
        ("transformer", transformer, 60),
    ):
        start = time.perf_counter()
        run(max(1, int(repeats * args.scale)))
        print(f"{name}: {time.perf_counter() - start:.3f} s")
    print(f"{torch.get_num_threads()} intra-op threads")


if __name__ == "__main__":
    main()
