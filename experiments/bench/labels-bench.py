#!/usr/bin/env python3
"""Certified optima of label files: `ufmlab solve --duplicates merge` beside PyTorch's L-BFGS, in one run.

    labels-bench.py PROGRAM OUT-DIRECTORY [--limit SECONDS] [--data DIR]

Writes OUT/labels.csv and prints it as a table. ufmlab's time is that of the whole process, reading and certificate included, and
ends at its certified relative gap; PyTorch's counts from the start point on and ends where f is within 1e-9 of the certified
optimum, or at the limit: then the ratio is a lower bound, marked >=. PyTorch runs with one thread and with all; the faster counts.
The synthetic files come from labels.py; yeast needs --data DIR (or UFMLAB_DATA) with mulan/yeast.arff.
"""
import argparse
import csv
import json
import os
import pathlib
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
args.out.mkdir(parents=True, exist_ok=True)
COCO = ["--classes", "80", "--zipf", "1.1", "--samples", "118000", "--more", "0.84", "--focus", "0.83"]
LARGE = ["--classes", "1000", "--groups", "60", "--tag-sets", "50000", "--more", "0.72"]


def synthetic(name, arguments):
    path = args.out / (name + ".csv")
    with open(path, "w") as stream:
        subprocess.run([sys.executable, here / "labels.py", *arguments], stdout=stream, check=True)
    return path


def measured(command):
    """Output, wall and CPU seconds, peak memory in GiB."""
    started = time.monotonic()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command[0]} failed")
    return json.loads(output), time.monotonic() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20


def peer(path, columns, optimum):
    """The faster of one and all threads."""
    best = None
    for threads in sorted({1, os.cpu_count()}):
        run, _, _, _ = measured(["/usr/bin/python3", here / "peer.py", path, "--columns", columns, "--optimum", repr(optimum),
                                 "--limit", args.limit, "--threads", threads])
        run["threads"] = threads
        order = (run["stop"] != "reached", run["seconds"] if run["stop"] == "reached" else run["objective"])
        if best is None or order < best[0]:
            best = order, run
    return best[1]


cases = [("coco-like (synthetic)", synthetic("coco-like", COCO), "last:0", [], True),
         ("large (synthetic)", synthetic("large", LARGE), "last:0", [], False)]
if args.data:
    cases.insert(0, ("yeast", pathlib.Path(args.data) / "mulan/yeast.arff", "last:14", ["--label-columns", "last:14"], True))
else:
    print("no yeast: give --data or UFMLAB_DATA", file=sys.stderr)

rows = []
for name, path, columns, options, compared in cases:
    if args.only not in name:
        continue
    source = "--labels" if path.suffix == ".arff" else "--counts"
    ours, wall, cpu, memory = measured([args.program, "solve", source, path, *options, "--duplicates", "merge", "--json"])
    row = {"case": name, "classes": ours["classes"], "samples": ours["samples_total"], "tag_sets": ours["features"],
           "rank": ours["rank"], "objective": ours["objective"], "relative_gap": ours["gap"] / ours["objective"],
           "seconds": wall, "solver_seconds": ours["seconds"], "cpu_seconds": cpu, "memory_gib": memory}
    if compared:
        theirs = peer(path, columns, ours["objective"])
        row |= {"peer_stop": theirs["stop"], "peer_threads": theirs["threads"], "peer_seconds": theirs["seconds"],
                "peer_cpu_seconds": theirs["cpu_seconds"], "peer_memory_gib": theirs["memory_gib"],
                "peer_above_optimum": theirs["objective"] / ours["objective"] - 1,
                "ratio": theirs["seconds"] / wall, "solver_ratio": theirs["seconds"] / ours["seconds"],
                "cpu_ratio": theirs["cpu_seconds"] / cpu}
    row["load_average"] = os.getloadavg()[0]
    rows.append(row)

fields = list(dict.fromkeys(key for row in rows for key in row))
with open(args.out / "labels.csv", "w", newline="") as stream:
    writer = csv.DictWriter(stream, fields)
    writer.writeheader()
    writer.writerows(rows)

lines = [f"{'case':22} {'K':>5} {'samples':>8} {'tag sets':>8} {'rank':>5} {'gap/f':>8} {'s':>8} {'cpu s':>8} {'GiB':>6}  "
         f"{'PyTorch s':>10} {'f/f*-1':>8} {'GiB':>6} {'ratio':>7} {'solver':>7} {'cpu':>7} {'load':>5}"]
for r in rows:
    line = (f"{r['case']:22} {r['classes']:5} {r['samples']:8} {r['tag_sets']:8} {r['rank']:5} {r['relative_gap']:8.1e} "
            f"{r['seconds']:8.2f} {r['cpu_seconds']:8.2f} {r['memory_gib']:6.3f}  ")
    if "ratio" in r:
        bound = "" if r["peer_stop"] == "reached" else ">="
        ratios = " ".join(f"{bound + format(r[key], '.0f'):>7}" for key in ("ratio", "solver_ratio", "cpu_ratio"))
        line += f"{r['peer_seconds']:10.2f} {r['peer_above_optimum']:8.1e} {r['peer_memory_gib']:6.3f} {ratios}"
    else:
        line += " " * 50
    lines.append(line + f" {r['load_average']:5.1f}")
text = "\n".join(lines) + "\n\n" + """s, cpu s: the whole process of ufmlab, reading and certificate included. PyTorch s: torch.optim.LBFGS (strong Wolfe, history 10,
double precision) on the unmerged problem with d = K, from its start point to f within 1e-9 of the certified f*, or to the time
limit (then >=). ratio: PyTorch s over s; solver: over ufmlab's minimisation and certificates alone; cpu: CPU seconds over cpu s.
"""
(args.out / "labels.txt").write_text(text)
print(text, end="")
