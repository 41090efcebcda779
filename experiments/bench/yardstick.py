#!/usr/bin/env python3
"""The yardstick: the same training of ResNet-18 on the same composites by `ufmlab train` and by PyTorch, in turn.

    yardstick.py PROGRAM OUT-DIRECTORY [--seeds N...] [--threads T]

ResNet-18 at a quarter of its width on M-lab MNIST pooled to 28 x 28, 500 samples per class and 30 per pair, 60 epochs. Starts and
orders are drawn by each for itself. Both sides' features are measured by `ufmlab metrics`; writes OUT/yardstick.csv and prints it.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys

from common import markdown, measured, write_csv

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("program")
parser.add_argument("out", type=pathlib.Path)
parser.add_argument("--seeds", type=int, nargs="+", default=[1])
parser.add_argument("--threads", type=int, default=os.cpu_count())
args = parser.parse_args()
here = pathlib.Path(__file__).parent
args.out.mkdir(parents=True, exist_ok=True)
OURS = ("--preset paper --loss pal --arch resnet18 --width 0.25 --epochs 60 --batch 128 --rate 0.1 --feature-decay-batch 1e-3 --measure-every 60 "
        "--no-figures").split()


def answer(*command):
    return measured(command)[0]


def row(seed, side, seconds, *files):
    """The measures of one side's features; the published NCm is the uncentred one."""
    m = answer(args.program, "metrics", "--json", *files)
    made = {"seed": seed, "side": side, "seconds": seconds, "nc1": m["nc1"], "nc2": m["nc2"], "nc3": m["nc3"], "ncm": m["ncm"]["2"],
            "ncm_centred": m["ncm_centred"]["2"]}
    print(made, file=sys.stderr, flush=True)
    return made


rows = []
for seed in args.seeds:
    data, own, peer = (args.out / f"yardstick-{name}-{seed}" for name in ("set.h5", "ufmlab", "pytorch"))
    subprocess.run([args.program, "data", "make", "--set", "mlab-mnist", "--samples", "1:500,2:30", "--published", "--pool", "--seed",
                    str(seed), "--out", data], check=True, stdout=sys.stderr)
    shutil.rmtree(own, ignore_errors=True)
    options = ["--seed", seed, "--threads", args.threads]
    ours = answer(args.program, "train", "--json", "--data", data, "--out", own, *OURS, *options)
    theirs = answer("/usr/bin/python3", here / "yardstick_peer.py", data, peer, *options)
    rows.append(row(seed, "ufmlab", ours["seconds"], own / "features.h5"))
    rows.append(row(seed, "PyTorch", theirs["seconds"], "--features", peer / "features.npy", "--weights", peer / "weights.npy", "--bias",
                    peer / "bias.npy", "--labels", peer / "labels.csv"))

write_csv(args.out / "yardstick.csv", rows)
print(markdown(["side", "seed", "seconds", "NC1", "NC2", "NC3", "NCm", "centred"],
               [[r["side"], r["seed"], f"{r['seconds']:.0f}", f"{r['nc1']:.4f}", *(f"{r[key]:.3f}" for key in ("nc2", "nc3", "ncm", "ncm_centred"))]
                for r in rows], "Seconds are those of the training; ours measure collapse once, at the end."))
