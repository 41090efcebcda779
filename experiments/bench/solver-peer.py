#!/usr/bin/env python3
"""The peers of `ufmlab solve`: SciPy's L-BFGS-B on NumPy, or PyTorch's LBFGS with strong Wolfe, from a start in a file.

    solver-peer.py scipy|torch START.h5 --optimum F [--target T] [--threads N] [--limit SECONDS]

START.h5 is what `ufmlab solve --max-iterations 0 --save` writes (pal loss, duplicates kept). Minimises in double precision with
history 10 until f - F <= T or the time is up and prints one JSON object. Time counts from the start point on, without reading
and imports. One feature is one row here: a Fortran H (d x N) is the same memory as a C array (N x d).
"""
import argparse
import json
import os
import resource
import time

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("method", choices=["scipy", "torch"])
parser.add_argument("start")
parser.add_argument("--optimum", type=float, required=True)
parser.add_argument("--target", type=float, default=1e-10, help="f - F at which to stop")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--limit", type=float, default=600)
args = parser.parse_args()
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[library + "_NUM_THREADS"] = str(args.threads)  # before NumPy is loaded

import h5py
import numpy as np

HISTORY, UNLIMITED = 10, 10**9


class Finished(Exception):
    pass


class Watch:
    """Counts evaluations and ends the run at the target or the limit."""

    def __init__(self):
        self.first, self.best, self.evaluations = None, float("inf"), 0
        self.started = time.monotonic()

    def see(self, f):
        self.evaluations += 1
        self.first = f if self.first is None else self.first
        self.best = min(self.best, f)
        self.seconds = time.monotonic() - self.started
        if self.best - args.optimum <= args.target or self.seconds > args.limit:
            raise Finished


def run_scipy(W, H, b, Y, lambdas):
    from scipy.optimize import minimize

    (K, d), N = W.shape, len(H)
    m, (lw, lh, lb) = Y.sum(1), lambdas
    shapes = np.cumsum([K * d, N * d])
    watch = Watch()

    def function(x):
        W, H, b = np.split(x, shapes)
        W, H = W.reshape(K, d), H.reshape(N, d)
        Z = H @ W.T
        Z += b
        top = Z.max(1, keepdims=True)
        P = np.exp(Z - top)
        total = P.sum(1, keepdims=True)
        f = (m @ (np.log(total) + top)[:, 0] - np.vdot(Y, Z)) / N
        f += lw * np.vdot(W, W) + lh * np.vdot(H, H) + lb * np.vdot(b, b)
        P *= m[:, None] / total
        P -= Y
        P /= N
        gradient = np.empty_like(x)
        dW, dH, db = np.split(gradient, shapes)
        dW.reshape(K, d)[...] = P.T @ H + 2 * lw * W
        dH.reshape(N, d)[...] = P @ W + 2 * lh * H
        db[...] = P.sum(0) + 2 * lb * b
        watch.see(f)
        return f, gradient

    x = np.concatenate([W.ravel(), H.ravel(), b])
    watch.started = time.monotonic()
    try:
        minimize(function, x, jac=True, method="L-BFGS-B",
                 options={"maxcor": HISTORY, "maxiter": UNLIMITED, "maxfun": UNLIMITED, "ftol": 0, "gtol": 0})
    except Finished:
        pass
    return watch


def run_torch(W, H, b, Y, lambdas):
    import torch

    torch.set_num_threads(args.threads)
    W, H, b = (torch.tensor(a, requires_grad=True) for a in (W, H, b))
    Y = torch.tensor(Y)
    m, N, (lw, lh, lb) = Y.sum(1), len(Y), lambdas
    optimizer = torch.optim.LBFGS([W, H, b], max_iter=UNLIMITED, max_eval=UNLIMITED, history_size=HISTORY,
                                  tolerance_grad=0, tolerance_change=0, line_search_fn="strong_wolfe")
    watch = Watch()

    def closure():
        optimizer.zero_grad()
        Z = torch.addmm(b, H, W.T)
        f = (m @ torch.logsumexp(Z, 1) - (Y * Z).sum()) / N + lw * (W * W).sum() + lh * (H * H).sum() + lb * (b * b).sum()
        f.backward()
        watch.see(f.item())
        return f

    try:
        optimizer.step(closure)
    except Finished:
        pass
    return watch


with h5py.File(args.start) as file:
    if file["loss"][()] != b"pal" or "counts" in file:
        raise SystemExit(f"{args.start}: the peers know the pal loss without merged duplicates only")
    arrays = [file[name][()] for name in ("W", "H", "b", "labels", "lambda")]
W, H, b, Y = (np.asarray(a, dtype=np.float64) for a in arrays[:4])
watch = {"scipy": run_scipy, "torch": run_torch}[args.method](W, np.ascontiguousarray(H.T), b.ravel(), Y, arrays[4].ravel())
reached = watch.best - args.optimum <= args.target
stop = "reached" if reached else "time limit" if watch.seconds > args.limit else "stopped by itself"
print(json.dumps({"stop": stop, "seconds": watch.seconds, "evaluations": watch.evaluations,
                  "start": float(watch.first), "objective": float(watch.best), "gap": float(watch.best - args.optimum),
                  "memory_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}))
