#!/usr/bin/env python3
"""PyTorch's side of the yardstick: the training of `ufmlab train --preset paper --arch resnet18` on a set of `ufmlab data make`.

    yardstick_peer.py TRAIN.h5 OUT-DIRECTORY [--width W] [--epochs N] [--batch B] [--seed N] [--threads T]

PAL loss, SGD with momentum 0.9, rate 0.1 with a cosine schedule, weight decay 5e-4, and 1e-3 times the squared norms of a batch's
features; every epoch in a new order, the last batch partial. Writes features.npy, labels.csv, weights.npy and bias.npy of the whole
set in evaluation mode, which `ufmlab metrics` reads, and prints one JSON object with the seconds that the epochs took.
"""
import argparse
import json
import pathlib
import time

import h5py
import numpy
import torch

from resnet import ResNet18

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("data", type=pathlib.Path)
parser.add_argument("out", type=pathlib.Path)
parser.add_argument("--width", type=float, default=0.25)
parser.add_argument("--epochs", type=int, default=60)
parser.add_argument("--batch", type=int, default=128)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--threads", type=int, default=2)
args = parser.parse_args()
torch.set_num_threads(args.threads)
torch.manual_seed(args.seed)

with h5py.File(args.data) as file:
    mean, deviation = (torch.tensor(row, dtype=torch.float32).reshape(1, -1, 1, 1) for row in file["scaling"][:])
    images = (torch.from_numpy(file["images"][:]).float() / 255 - mean) / deviation
    labels = torch.from_numpy(file["labels"][:]).float()
images = images.contiguous(memory_format=torch.channels_last)

model = ResNet18(args.width, images.shape[1], labels.shape[1], kaiming=True).to(memory_format=torch.channels_last)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)
started = time.monotonic()
for epoch in range(args.epochs):
    for batch in torch.randperm(len(images)).split(args.batch):
        optimizer.zero_grad(set_to_none=True)
        z, h = model(images[batch])
        loss = -(labels[batch] * torch.log_softmax(z, 1)).sum(1).mean() + 1e-3 * h.square().sum()
        loss.backward()
        optimizer.step()
    schedule.step()
seconds = time.monotonic() - started

model.eval()
with torch.no_grad():
    features = torch.cat([model(images[batch])[1] for batch in torch.arange(len(images)).split(args.batch)])
args.out.mkdir(parents=True, exist_ok=True)
numpy.save(args.out / "features.npy", features.double().numpy())
numpy.save(args.out / "weights.npy", model.fc.weight.detach().double().numpy())
numpy.save(args.out / "bias.npy", model.fc.bias.detach().double().numpy())
numpy.savetxt(args.out / "labels.csv", labels.numpy(), fmt="%d", delimiter=",", comments="",
              header=",".join(f"tag{k}" for k in range(labels.shape[1])))
print(json.dumps({"seconds": seconds, "last_loss": loss.item()}))
