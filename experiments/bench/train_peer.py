#!/usr/bin/env python3
"""The peer of `ufmlab train --data synthetic --arch resnet18`: PyTorch's training steps on the same network, channels-last.

    train_peer.py [--width W] [--size S] [--channels C] [--batch B] [--steps N] [--precision f32|bf16] [--threads T]

ResNet-18 as in the paper (3x3 stem, no max-pool), soft cross-entropy plus the mean squared norm of the features, SGD with momentum
and weight decay. bf16 is torch.autocast's. Prints one JSON object: images per second (best of the repeats, and their median) and
peak memory. The images are random and ready in memory before the clock starts.
"""
import argparse
import json
import resource
import time

import torch
from torch.nn import functional as F

from resnet import ResNet18

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--width", type=float, default=1)
parser.add_argument("--size", type=int, default=28)
parser.add_argument("--channels", type=int, default=1)
parser.add_argument("--classes", type=int, default=10)
parser.add_argument("--batch", type=int, default=32)
parser.add_argument("--steps", type=int, default=3, help="steps per repeat")
parser.add_argument("--repeats", type=int, default=3)
parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
parser.add_argument("--threads", type=int, default=2)
args = parser.parse_args()

torch.set_num_threads(args.threads)
torch.manual_seed(1)
model = ResNet18(args.width, args.channels, args.classes).to(memory_format=torch.channels_last)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
x = torch.rand(args.batch, args.channels, args.size, args.size).contiguous(memory_format=torch.channels_last)
y = F.one_hot(torch.randint(args.classes, (args.batch,)), args.classes).float()


def step():
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.precision == "bf16"):
        z, h = model(x)
    loss = -(y * torch.log_softmax(z.float(), 1)).sum(1).mean() + 1e-3 * h.float().square().sum()
    loss.backward()
    optimizer.step()


step()
step()
rates = []
for _ in range(args.repeats):
    started = time.monotonic()
    for _ in range(args.steps):
        step()
    rates.append(args.steps * args.batch / (time.monotonic() - started))
rates.sort()
print(json.dumps({"images_per_second": rates[-1], "median": rates[len(rates) // 2],
                  "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
