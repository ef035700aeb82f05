"""A WSGI service around the transformer block, started by serve.sh."""
import json

import torch

from infer import Block

block = Block().eval()


def app(environ, start_response):
    with torch.inference_mode():
        y = block(torch.randn(1, 128, 256))
    body = json.dumps({"mean": y.mean().item()}).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]
