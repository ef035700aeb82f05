"""Batches through a transformer encoder: a few heavy lines, as most inference code."""

import os
import time

import torch
from torch import nn

torch.manual_seed(0)
if os.environ.get("WL_THREADS"):
    torch.set_num_threads(int(os.environ["WL_THREADS"]))
ROUNDS = int(os.environ.get("WL_ROUNDS", "80"))
LAYERS = nn.ModuleList([nn.TransformerEncoderLayer(256, 4, 512, batch_first=True, dropout=0.0) for _ in range(4)])
EMBED = nn.Embedding(1000, 256)
HEAD = nn.Linear(256, 1000)
IDS = torch.randint(0, 1000, (2, 64))


@torch.no_grad()
def loop(rounds):
    best = 0.0
    for _ in range(rounds):
        x = EMBED(IDS)
        for layer in LAYERS:
            x = layer(x)
        logits = HEAD(x)
        chance = torch.softmax(logits, -1)
        top = chance.topk(5, -1)
        best += top.values[0, 0, 0].item()
    return best


loop(5)
cpu = time.thread_time()
wall = time.perf_counter()
loop(ROUNDS)
print("WL", (time.perf_counter() - wall) / ROUNDS, (time.thread_time() - cpu) / ROUNDS)
