#!/usr/bin/python3
"""Writes tests/reference/resnet-trajectory.bin: what PyTorch computes for a narrow ResNet-18.

Little-endian doubles: the parameters in PyTorch's order, the images, the multi-hot labels; then for SGD and for
Adam: the data loss of 20 steps, the logits of the first batch in evaluation mode afterwards, and the running
means and variances, layer by layer. tests/test_trajectory.c repeats the steps and compares.

    /usr/bin/python3 tests/reference/resnet-trajectory.py     (PyTorch 1.13)
"""
import copy
import os
import torch
from torch import nn

CLASSES, SIZE, IMAGES, BATCH, EPOCHS, WIDTH = 4, 8, 29, 8, 5, 2


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x)))))
        return torch.relu(y + self.shortcut(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.norm = nn.Conv2d(1, WIDTH, 3, 1, 1, bias=False), nn.BatchNorm2d(WIDTH)
        blocks, inputs = [], WIDTH
        for stage in range(4):
            for i in range(2):
                blocks.append(Block(inputs, WIDTH << stage, 2 if stage and not i else 1))
                inputs = WIDTH << stage
        self.blocks, self.fc = nn.Sequential(*blocks), nn.Linear(inputs, CLASSES)

    def forward(self, x):
        h = self.blocks(torch.relu(self.norm(self.stem(x)))).mean(dim=(2, 3))
        return self.fc(h), h


def train(net, images, labels, optimizer, rate):
    """The published loop: soft-label cross-entropy on y/m plus 1e-3 |H_batch|^2."""
    schedule = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, EPOCHS, eta_min=rate / 1000)
    losses = []
    net.train()
    for _ in range(EPOCHS):
        for begin in range(0, IMAGES, BATCH):
            x, y = images[begin:begin + BATCH], labels[begin:begin + BATCH]
            z, h = net(x)
            loss = nn.functional.cross_entropy(z, y / y.sum(1, keepdim=True))
            optimizer.zero_grad()
            (loss + 1e-3 * (h ** 2).sum()).backward()
            optimizer.step()
            losses.append(loss.item())
        schedule.step()
    net.eval()
    running = [b for m in net.modules() if isinstance(m, nn.BatchNorm2d) for b in (m.running_mean, m.running_var)]
    return [torch.tensor(losses), net(images[:BATCH])[0]] + running


torch.manual_seed(1)
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
net = Net()
for p in net.parameters():
    if p.dim() == 1:
        p.data += 0.2 * torch.randn_like(p)
images = torch.randn(IMAGES, 1, SIZE, SIZE).float().double()
labels = torch.zeros(IMAGES, CLASSES)
for i in range(IMAGES):
    labels[i, torch.randperm(CLASSES)[:1 + i % 2]] = 1
parts = [torch.cat([p.detach().flatten() for p in net.parameters()]), images, labels]
adam = copy.deepcopy(net)
parts += train(net, images, labels, torch.optim.SGD(net.parameters(), 0.05, momentum=0.9, weight_decay=5e-4), 0.05)
parts += train(adam, images, labels, torch.optim.Adam(adam.parameters(), 0.01, weight_decay=5e-4), 0.01)
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "resnet-trajectory.bin")
with open(path, "wb") as out:
    for part in parts:
        out.write(part.detach().numpy().astype("<f8").tobytes())
print(path, os.path.getsize(path), "bytes")
