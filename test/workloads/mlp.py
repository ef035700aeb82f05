"""A small feed-forward loop with a feature step in pure Python and a pause, as a server between requests."""

import os
import time

import torch

torch.manual_seed(0)
if os.environ.get("WL_THREADS"):
    torch.set_num_threads(int(os.environ["WL_THREADS"]))
ROUNDS = int(os.environ.get("WL_ROUNDS", "300"))
UP = torch.randn(512, 1024)
DOWN = torch.randn(1024, 512)
BASE = torch.randn(64, 512)


def features(seed):
    values = []
    for k in range(200):
        values.append((seed * k) % 97 * 0.01)
    return values


@torch.no_grad()
def loop(rounds):
    best = 0.0
    for i in range(rounds):
        row = features(i)
        x = BASE + row[i % 200]
        hidden = x @ UP
        hidden = torch.relu(hidden)
        y = hidden @ DOWN
        chance = torch.softmax(y, -1)
        scan = torch.tanh(chance).cumsum(0)
        best += chance.max().item()
        time.sleep(0.0005)
    return best


loop(20)
cpu = time.thread_time()
wall = time.perf_counter()
loop(ROUNDS)
print("WL", (time.perf_counter() - wall) / ROUNDS, (time.thread_time() - cpu) / ROUNDS)
