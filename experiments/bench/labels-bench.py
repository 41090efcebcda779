#!/usr/bin/env python3
"""Certified optima of label files: `ufmlab solve --duplicates merge` beside PyTorch's L-BFGS, in one run.

    labels-bench.py PROGRAM OUT-DIRECTORY [--limit SECONDS] [--data DIR] [--only NAME]

Writes OUT/labels.csv and prints it as a table. Both sides are timed within their process, from the start point until f is within
1e-9 of the certified optimum, in turn, and the medians of the repetitions are compared. PyTorch runs with one thread and with all
(its BLAS restricted likewise); the faster counts. At the time limit its figure is a lower bound, marked >=.
The synthetic files come from labels.py; yeast needs --data DIR (or UFMLAB_DATA) with mulan/yeast.arff.
"""
import argparse
import csv
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

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


def measured(command, **environment):
    """Output, wall and CPU seconds, peak memory in GiB."""
    started = time.monotonic()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, env=os.environ | environment)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command[0]} failed")
    return json.loads(output), time.monotonic() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20


def ours(source, path, options):
    """One run, with the time at which the trace reaches the target."""
    trace = args.out / "trace.csv"
    run, wall, cpu, memory = measured([args.program, "solve", source, path, *options, "--duplicates", "merge", "--json", "--trace", trace])
    with open(trace) as stream:
        reached = [float(row["seconds"]) for row in csv.DictReader(stream) if float(row["objective"]) / run["objective"] - 1 <= TARGET]
    return run | {"target_seconds": reached[0], "wall": wall, "cpu": cpu, "memory": memory}


def peer(path, columns, optimum, threads):
    run, _, _, _ = measured(["/usr/bin/python3", here / "peer.py", path, "--columns", columns, "--optimum", repr(optimum), "--target", TARGET,
                             "--limit", args.limit, "--threads", threads],
                            OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads))
    return run | {"threads": threads}


def median(runs, key):
    return statistics.median(run[key] for run in runs)


def spread(side, runs, key):
    """Median, least and greatest as columns of the table."""
    values = [run[key] for run in runs]
    return {f"{side}_seconds": statistics.median(values), f"{side}_fastest": min(values), f"{side}_slowest": max(values)}


def outcome(runs):
    """How the first run that missed the target stopped, or "reached"."""
    return next((run["stop"] for run in runs if run["stop"] != "reached"), "reached")


def compare(source, path, columns, options, repetitions, compared):
    """The runs of both sides in turn; of the peer those with the better number of threads."""
    mine, theirs = [], {threads: [] for threads in (sorted({1, os.cpu_count()}) if compared else [])}
    for _ in range(repetitions):
        mine.append(ours(source, path, options))
        for threads, runs in theirs.items():
            runs.append(peer(path, columns, mine[0]["objective"], threads))
    return mine, min(theirs.values(), key=lambda runs: (outcome(runs) != "reached", median(runs, "seconds"), runs[0]["objective"]),
                     default=[])


cases = [("coco-like (synthetic)", synthetic("coco-like", COCO), "last:0", [], 1, True),
         ("large (synthetic)", synthetic("large", LARGE), "last:0", [], 1, False)]
if args.data:
    cases.insert(0, ("yeast", pathlib.Path(args.data) / "mulan/yeast.arff", "last:14", ["--label-columns", "last:14"], 7, True))
else:
    print("no yeast: give --data or UFMLAB_DATA", file=sys.stderr)

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
                "peer_above_optimum": theirs[0]["objective"] / run["objective"] - 1, "ratio": row["peer_seconds"] / row["target_seconds"]}
    row["load_average"] = os.getloadavg()[0]
    rows.append(row)

fields = list(dict.fromkeys(key for row in rows for key in row))
with open(args.out / "labels.csv", "w", newline="") as stream:
    writer = csv.DictWriter(stream, fields)
    writer.writeheader()
    writer.writerows(rows)

lines = [f"{'case':22} {'K':>5} {'samples':>8} {'tag sets':>8} {'rank':>5} {'gap/f':>8} {'ms to target':>24} {'process s':>9} {'GiB':>6}  "
         f"{'PyTorch ms to target':>24} {'threads':>7} {'f/f*-1':>8} {'GiB':>6} {'ratio':>7} {'load':>5}"]


def span(row, side):
    middle, low, high = (1e3 * row[f"{side}_{name}"] for name in ("seconds", "fastest", "slowest"))
    return f"{middle:.4g} ({low:.4g}-{high:.4g})"


for r in rows:
    mine = span(r, "target")
    line = (f"{r['case']:22} {r['classes']:5} {r['samples']:8} {r['tag_sets']:8} {r['rank']:5} {r['relative_gap']:8.1e} "
            f"{mine:>24} {r['process_seconds']:9.2f} {r['memory_gib']:6.3f}  ")
    if "ratio" in r:
        theirs = span(r, "peer")
        ratio = ("" if r["peer_stop"] == "reached" else ">=") + format(r["ratio"], ".0f")
        line += f"{theirs:>24} {r['peer_threads']:7} {r['peer_above_optimum']:8.1e} {r['peer_memory_gib']:6.3f} {ratio:>7}"
    else:
        line += " " * 56
    lines.append(line + f" {r['load_average']:5.1f}")
text = "\n".join(lines) + "\n\n" + """ms to target: from the start point to f within 1e-9 of the certified f*, within each process; median (fastest-slowest). PyTorch:
torch.optim.LBFGS (strong Wolfe, history 10, double precision) on the unmerged problem with d = K. process s: the whole run of ufmlab,
reading, certificate and the last digits included; gap/f is its certified relative gap. ratio: of the medians; >= where PyTorch met
the time limit.
"""
(args.out / "labels.txt").write_text(text)
print(text, end="")
