#!/usr/bin/env python3
"""The peer of `ufmlab solve --duplicates merge`: PyTorch's L-BFGS (strong Wolfe) on the same objective, one feature per sample.

    peer.py LABELS --optimum F [--columns last:N] [--dim d] [--limit SECONDS]

LABELS is a counts file (tags,count) or a dense ARFF file whose labels are its last N attributes. Minimises in double precision
from a Gaussian start until (f - F)/|F| <= 1e-9 or the time is up, and prints one JSON object. Time counts from the start point on,
without reading and imports.
"""
import argparse
import json
import resource
import time

import torch

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("labels")
parser.add_argument("--optimum", type=float, required=True, help="certified optimal value")
parser.add_argument("--target", type=float, default=1e-9, help="relative distance to it at which to stop")
parser.add_argument("--columns", default="last:0")
parser.add_argument("--dim", type=int, default=0, help="feature dimension; 0: number of classes")
parser.add_argument("--lambdas", type=float, nargs=3, default=[5e-4, 1e-4, 1e-3])
parser.add_argument("--limit", type=float, default=300)
parser.add_argument("--threads", type=int, default=2)
args = parser.parse_args()


def counts_rows(lines):
    sets = [(list(map(int, tags.split("+"))), int(count)) for tags, count in (line.strip().split(",") for line in lines[1:])]
    classes = 1 + max(max(tags) for tags, _ in sets)
    rows = torch.zeros(len(sets), classes, dtype=torch.float64)
    for i, (tags, _) in enumerate(sets):
        rows[i, tags] = 1
    return rows.repeat_interleave(torch.tensor([count for _, count in sets]), dim=0)


def arff_rows(lines, columns):
    data = [line.strip().lower() for line in lines].index("@data")
    rows = [[float(x) for x in line.split(",")[-columns:]] for line in lines[data + 1:] if line.strip()]
    return torch.tensor(rows, dtype=torch.float64)


torch.set_num_threads(args.threads)
torch.manual_seed(1)
with open(args.labels) as stream:
    lines = stream.readlines()
columns = int(args.columns.split(":")[1])
Y = arff_rows(lines, columns) if args.labels.endswith(".arff") else counts_rows(lines)
Y = Y[Y.sum(1) > 0]
N, K = Y.shape
d = args.dim or K
m = Y.sum(1)
W = (0.3 * torch.randn(K, d, dtype=torch.float64)).requires_grad_()
H = (0.3 * torch.randn(N, d, dtype=torch.float64)).requires_grad_()
b = torch.zeros(K, dtype=torch.float64, requires_grad=True)
optimizer = torch.optim.LBFGS([W, H, b], max_iter=10**9, max_eval=10**9, history_size=10, tolerance_grad=0,
                              tolerance_change=0, line_search_fn="strong_wolfe")


class Finished(Exception):
    pass


best, evaluations = float("inf"), 0
started, cpu = time.monotonic(), time.process_time()


def closure():
    global best, evaluations
    optimizer.zero_grad()
    Z = torch.addmm(b, H, W.T)
    lw, lh, lb = args.lambdas
    f = (m * torch.logsumexp(Z, 1) - (Y * Z).sum(1)).sum() / N + lw * (W * W).sum() + lh * (H * H).sum() + lb * (b * b).sum()
    f.backward()
    evaluations += 1
    best = min(best, f.item())
    if best - args.optimum <= args.target * abs(args.optimum) or time.monotonic() - started > args.limit:
        raise Finished
    return f


stop = "stopped by itself"
try:
    optimizer.step(closure)
except Finished:
    stop = "reached" if best - args.optimum <= args.target * abs(args.optimum) else "time limit"
print(json.dumps({"stop": stop, "seconds": time.monotonic() - started, "cpu_seconds": time.process_time() - cpu,
                  "objective": best, "evaluations": evaluations, "samples": N, "classes": K, "dim": d,
                  "memory_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, "torch": torch.__version__}))
