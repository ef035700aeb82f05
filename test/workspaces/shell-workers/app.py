import torch
from flask import Flask

app = Flask(__name__)
model = torch.nn.Linear(512, 512).eval()


@app.get("/")
def predict():
    with torch.inference_mode():
        return str(model(torch.ones(1, 512)).sum().item())
