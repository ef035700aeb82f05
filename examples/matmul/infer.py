"""A small CPU inference workload: two matrix products and a transformer block."""
import argparse
import time

import torch

import os

os.environ["OMP_NUM_THREADS"] = "1"


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
    args = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_interop_threads(2)

    start = time.perf_counter()
    small_matmul(int(2000 * args.scale))
    large_matmul(int(30 * args.scale))
    transformer(int(60 * args.scale))
    print(f"{time.perf_counter() - start:.2f} s with {torch.get_num_threads()} threads")

    torch.set_num_interop_threads(1)


if __name__ == "__main__":
    main()
