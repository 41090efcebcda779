#!/usr/bin/env python3
"""Training steps of ResNet-18, one channel: `ufmlab bench train` beside PyTorch, in one run.

    train-bench.py PROGRAM OUT-DIRECTORY [--rounds N] [--threads T] [--only TEXT]

Writes OUT/train.csv, OUT/train-parts.csv and prints them as tables. The two run in turn, a fresh process each time, as often as
--rounds says; each process times several repeats after two steps that do not count. Medians over all rounds' medians, with the
lowest and the highest of them; PyTorch's side is that of train_peer.py: channels-last, in bf16 with autocast; ours takes f32 for bf16 where there are no matrix units. Memory is the
largest resident set of the whole process.
"""
import argparse
import csv
import json
import os
import pathlib
import subprocess
import sys

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("program")
parser.add_argument("out", type=pathlib.Path)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--threads", type=int, default=os.cpu_count())
parser.add_argument("--only", default="", help="run only the cases whose name contains this")
args = parser.parse_args()
here = pathlib.Path(__file__).parent
args.out.mkdir(parents=True, exist_ok=True)
CASES = [(1, 28, 32), (1, 28, 128), (1, 56, 32), (0.25, 28, 128)]  # width, pixels, batch
GOALS = {"f32": [1.8, 1.8, 1.8, 1.8], "bf16": [3, 3, 3, 2]}


def measured(command):
    process = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True)
    if process.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed")
    return json.loads(process.stdout)


def middle(runs, key):
    values = sorted(run[key] for run in runs)
    return values[len(values) // 2], values[0], values[-1]


rows, parts = [], []
for precision, goals in GOALS.items():
    for (width, size, batch), goal in zip(CASES, goals):
        name = f"{precision} width {width}, {size}x{size}, batch {batch}"
        if args.only not in name:
            continue
        options = ["--width", width, "--size", size, "--batch", batch, "--precision", precision, "--threads", args.threads]
        steps = max(1, 128 // batch) if width == 1 else 8
        ours, theirs = [], []
        for _ in range(args.rounds):
            ours.append(measured([args.program, "bench", "train", "--json", "--steps", steps, *options]))
            theirs.append(measured(["/usr/bin/python3", here / "train_peer.py", "--steps", steps, *options]))
        rate, low, high = middle(ours, "median")
        peer, peer_low, peer_high = middle(theirs, "median")
        row = {"case": name, "images_per_second": rate, "lowest": low, "highest": high, "pytorch": peer,
               "pytorch_lowest": peer_low, "pytorch_highest": peer_high, "ratio": rate / peer, "goal": goal,
               "tflops_per_second": middle(ours, "flops_per_second")[0] / 1e12, "mib": middle(ours, "peak_mib")[0],
               "pytorch_mib": middle(theirs, "peak_mib")[0], "products": ours[-1]["products"],
               "products_by_onednn": ours[-1]["products_by_onednn"], "ours_in": ours[-1]["precision"]}
        rows.append(row)
        parts.append({"case": name, **{part: middle([run["share"] for run in ours], part)[0] for part in ours[0]["share"]}})
        print(f"{name}: {rate:.0f} images/s ({low:.0f} to {high:.0f}), PyTorch {peer:.0f} ({peer_low:.0f} to {peer_high:.0f}), "
              f"ratio {rate / peer:.2f} of {goal}", file=sys.stderr, flush=True)

for file, table in (("train.csv", rows), ("train-parts.csv", parts)):
    with open(args.out / file, "w", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(table[0]) if table else ["case"])
        writer.writeheader()
        writer.writerows(table)
print("| case | images/s | PyTorch | ratio | goal | TFLOP/s | MiB | PyTorch MiB | by oneDNN | ours in |\n|---|---|---|---|---|---|---|---|---|---|")
for row in rows:
    print("| {case} | {images_per_second:.0f} ({lowest:.0f}-{highest:.0f}) | {pytorch:.0f} ({pytorch_lowest:.0f}-{pytorch_highest:.0f}) "
          "| {ratio:.2f} | {goal} | {tflops_per_second:.2f} | {mib:.0f} | {pytorch_mib:.0f} | {products_by_onednn}/{products} | {ours_in} |".format(**row))
if parts:
    names = list(parts[0])[1:]
    print("\n| share of time | " + " | ".join(names) + " |\n|" + "---|" * (len(names) + 1))
    for row in parts:
        print(f"| {row['case']} | " + " | ".join(f"{100 * row[name]:.0f} %" for name in names) + " |")
