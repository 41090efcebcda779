#!/usr/bin/env python3
"""Certified optima of label files: `ufmlab solve --duplicates merge` beside PyTorch's L-BFGS, in one run.

    labels-bench.py PROGRAM OUT-DIRECTORY [--limit SECONDS] [--data DIR] [--only NAME]

Writes OUT/labels.csv and OUT/labels.md, and prints the table. Both sides are timed within their process, from the start point until f is within
1e-9 of the certified optimum, in turn, and the medians of the repetitions are compared. PyTorch runs with one thread and with all
(its BLAS restricted likewise); the faster counts. At the time limit its figure is a lower bound, marked >=.
The synthetic files come from labels.py; yeast needs --data DIR (or UFMLAB_DATA) with mulan/yeast.arff.
"""
import argparse
import csv
import os
import pathlib
import subprocess
import sys

from common import better, markdown, measured, median, outcome, ratio, share_kernels, spread, thread_counts, write_csv

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("program")
parser.add_argument("out", type=pathlib.Path)
parser.add_argument("--limit", type=float, default=300, help="seconds for each run of PyTorch")
parser.add_argument("--data", default=os.environ.get("UFMLAB_DATA"))
parser.add_argument("--only", default="", help="run only the cases whose name contains this")
args = parser.parse_args()
here = pathlib.Path(__file__).parent
TARGET = 1e-9
args.out.mkdir(parents=True, exist_ok=True)
COCO = ["--classes", "80", "--zipf", "1.1", "--samples", "118000", "--more", "0.84", "--focus", "0.83"]
LARGE = ["--classes", "1000", "--groups", "60", "--tag-sets", "50000", "--more", "0.72"]


def synthetic(name, arguments):
    path = args.out / (name + ".csv")
    with open(path, "w") as stream:
        subprocess.run([sys.executable, here / "labels.py", *arguments], stdout=stream, check=True)
    return path


def ours(source, path, options):
    """One run, with the time at which the trace reaches the target."""
    trace = args.out / "trace.csv"
    run, wall, cpu, memory = measured([args.program, "solve", source, path, *options, "--duplicates", "merge", "--json", "--trace", trace])
    with open(trace) as stream:
        reached = [float(row["seconds"]) for row in csv.DictReader(stream) if float(row["objective"]) / run["objective"] - 1 <= TARGET]
    return run | {"target_seconds": reached[0], "wall": wall, "cpu": cpu, "memory": memory}


def peer(path, columns, optimum, threads):
    run, _, _, _ = measured(["/usr/bin/python3", here / "peer.py", path, "--columns", columns, "--optimum", repr(optimum), "--target", TARGET,
                             "--limit", args.limit, "--threads", threads], threads)
    return run | {"threads": threads}


def compare(source, path, columns, options, repetitions, compared):
    """The runs of both sides in turn; of the peer those with the better number of threads."""
    mine, theirs = [], {threads: [] for threads in (thread_counts() if compared else [])}
    for _ in range(repetitions):
        mine.append(ours(source, path, options))
        for threads, runs in theirs.items():
            runs.append(peer(path, columns, mine[0]["objective"], threads))
    return mine, better(theirs.values())


cases = [("coco-like (synthetic)", synthetic("coco-like", COCO), "last:0", [], 1, True),
         ("large (synthetic)", synthetic("large", LARGE), "last:0", [], 1, False)]
if args.data:
    cases.insert(0, ("yeast", pathlib.Path(args.data) / "mulan/yeast.arff", "last:14", ["--label-columns", "last:14"], 7, True))
else:
    print("no yeast: give --data or UFMLAB_DATA", file=sys.stderr)

kernels = share_kernels(args.program)
rows = []
for name, path, columns, options, repetitions, compared in cases:
    if args.only not in name:
        continue
    source = "--labels" if path.suffix == ".arff" else "--counts"
    mine, theirs = compare(source, path, columns, options, repetitions, compared)
    run = mine[0]
    row = {"case": name, "classes": run["classes"], "samples": run["samples_total"], "tag_sets": run["features"], "rank": run["rank"],
           "objective": run["objective"], "relative_gap": run["gap"] / run["objective"], "repetitions": repetitions,
           "process_seconds": median(mine, "wall"), "cpu_seconds": median(mine, "cpu"), "memory_gib": median(mine, "memory")}
    row |= spread("target", mine, "target_seconds")
    if theirs:
        row |= spread("peer", theirs, "seconds")
        row |= {"peer_stop": outcome(theirs), "peer_threads": theirs[0]["threads"],
                "peer_cpu_seconds": median(theirs, "cpu_seconds"), "peer_memory_gib": median(theirs, "memory_gib"),
                "peer_above_optimum": theirs[0]["objective"] / run["objective"] - 1,
                "ratio": ratio(theirs, [{"seconds": one["target_seconds"]} for one in mine])}
    row["load_average"] = os.getloadavg()[0]
    rows.append(row)

write_csv(args.out / "labels.csv", rows)


def span(row, side):
    middle, low, high = (1e3 * row[f"{side}_{name}"] for name in ("seconds", "fastest", "slowest"))
    return f"{middle:.4g} ({low:.4g}-{high:.4g})"


def line(r):
    mine = [r["case"], r["classes"], r["samples"], r["tag_sets"], r["rank"], format(r["relative_gap"], ".1e"), span(r, "target"),
            format(r["process_seconds"], ".2f"), format(r["memory_gib"], ".3f")]
    if "ratio" not in r:
        return mine + [""] * 5
    return mine + [span(r, "peer"), r["peer_threads"], format(r["peer_above_optimum"], ".1e"), format(r["peer_memory_gib"], ".3f"), r["ratio"]]


text = markdown(["case", "K", "samples", "tag sets", "rank", "gap/f", "ms to target", "process s", "GiB", "PyTorch ms to target", "threads",
                 "f/f*-1", "GiB", "ratio"], [line(r) for r in rows], f"""
ms to target: from the start point to f within 1e-9 of the certified f*, within each process; median (fastest-slowest). PyTorch:
torch.optim.LBFGS (strong Wolfe, history 10, double precision) on the unmerged problem with d = K, with one thread and with all, of which
the faster counts. process s: the whole run of ufmlab, reading, certificate and the last digits included; gap/f is its certified
relative gap. ratio: of the medians; >= where PyTorch met the time limit. OpenBLAS kernels of both: {kernels}.
""")
(args.out / "labels.md").write_text(text)
print(text, end="")
