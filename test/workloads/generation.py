"""Token by token: very many tiny operations, the worst case for whoever measures lines."""

import os
import time

import torch

torch.manual_seed(0)
if os.environ.get("WL_THREADS"):
    torch.set_num_threads(int(os.environ["WL_THREADS"]))
ROUNDS = int(os.environ.get("WL_ROUNDS", "150"))
WIDTH = 128
QUERY, KEY, VALUE, OUT = (torch.randn(WIDTH, WIDTH) / WIDTH for _ in range(4))
UP = torch.randn(WIDTH, 4 * WIDTH) / WIDTH
DOWN = torch.randn(4 * WIDTH, WIDTH) / WIDTH
VOCABULARY = torch.randn(500, WIDTH)


def attend(x, keys, values):
    query = x @ QUERY
    keys.append(x @ KEY)
    values.append(x @ VALUE)
    k = torch.cat(keys)
    v = torch.cat(values)
    weights = torch.softmax(query @ k.T / 11.3, -1)
    mixed = weights @ v
    return mixed @ OUT


def expand(x):
    hidden = torch.relu(x @ UP)
    return hidden @ DOWN


@torch.no_grad()
def loop(rounds):
    total = 0
    for i in range(rounds):
        keys = []
        values = []
        token = i % 500
        for _ in range(32):
            x = VOCABULARY[token : token + 1]
            x = x + attend(x, keys, values)
            x = x + expand(x)
            logits = x @ VOCABULARY.T
            token = int(logits.argmax())
            total += token
    return total


loop(5)
cpu = time.thread_time()
wall = time.perf_counter()
loop(ROUNDS)
print("WL", (time.perf_counter() - wall) / ROUNDS, (time.thread_time() - cpu) / ROUNDS)
