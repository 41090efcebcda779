#!/usr/bin/env python3
"""The direct problem: `ufmlab solve` beside SciPy's L-BFGS-B and PyTorch's LBFGS, from the same start to f - f* <= 1e-10.

    solver-bench.py PROGRAM OUT-DIRECTORY [--rows 1,2,4] [--repetitions R]

Writes OUT/solver.csv, one line per run, and prints medians, least and greatest times. f* is that of `solve --solver newton
--duplicates merge`, whose relative duality gap must be at most 1e-12. Our time is that of the trace's first iteration at the
target, the peers' that of the evaluation which reached it. The start is that of --seed 1, stored by --max-iterations 0.
"""
import argparse
import csv
import json
import pathlib
import statistics
import subprocess
import sys

ROWS = {1: (10, "1:10,2:3", 11), 2: (10, "1:100,2:20,3:10", 64), 3: (10, "1:500,2:100", 512), 4: (30, "1:20,2:4,3:1", 64)}
SOLVERS, PEERS, TARGET = ["lbfgs", "newton", "gsl-bfgs2"], ["scipy", "torch"], 1e-10

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("program")
parser.add_argument("out", type=pathlib.Path)
parser.add_argument("--rows", default="1,2,3,4")
parser.add_argument("--repetitions", type=int, default=3, help="of each run; row 3 has one")
parser.add_argument("--solvers", default=",".join(SOLVERS + PEERS))
args = parser.parse_args()
here = pathlib.Path(__file__).parent
args.out.mkdir(parents=True, exist_ok=True)


def run(*command):
    return json.loads(subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, check=True).stdout)


def ours(instance, solver, optimum):
    trace = args.out / "trace.csv"
    run(args.program, "solve", *instance, "--solver", solver, "--trace", trace, "--json", "--quiet")
    with open(trace, newline="") as stream:
        steps = list(csv.DictReader(stream))
    first = float(steps[0]["objective"])
    reached = [s for s in steps if float(s["objective"]) - optimum <= TARGET]
    last = reached[0] if reached else steps[-1]
    return {"reached": bool(reached), "seconds": float(last["seconds"]), "evaluations": int(last["evaluations"]), "start": first,
            "gap": float(last["objective"]) - optimum}


results = []
for row in map(int, args.rows.split(",")):
    K, samples, dim = ROWS[row]
    design = ["--classes", K, "--samples", samples]
    instance, start = design + ["--dim", dim, "--seed", 1], args.out / f"start-{row}.h5"
    best = run(args.program, "solve", *design, "--solver", "newton", "--duplicates", "merge", "--json", "--quiet")
    if not best["gap"] <= 1e-12 * best["objective"]:
        sys.exit(f"row {row}: the optimum is certified to {best['gap']:.1e} only")
    run(args.program, "solve", *instance, "--max-iterations", 0, "--save", start, "--json", "--quiet")
    for repetition in range(1 if row == 3 else args.repetitions):
        for name in args.solvers.split(","):
            measured = ours(instance, name, best["objective"]) if name in SOLVERS else run(
                "/usr/bin/python3", here / "solver-peer.py", name, start, "--optimum", repr(best["objective"]), "--target", TARGET)
            results.append({"row": row, "solver": name, "repetition": repetition, **measured})
    starts = [r["start"] for r in results if r["row"] == row]
    if not max(starts) - min(starts) <= 1e-12 * max(starts):
        sys.exit(f"row {row}: the starts differ: {starts}")

fields = list(dict.fromkeys(key for r in results for key in r))
with open(args.out / "solver.csv", "w", newline="") as stream:
    writer = csv.DictWriter(stream, fields, lineterminator="\n")
    writer.writeheader()
    writer.writerows(results)
print(f"{'row':>3} {'solver':10} {'median s':>9} {'least':>9} {'greatest':>9} {'evaluations':>11} {'f - f*':>9}")
for row, name in dict.fromkeys((r["row"], r["solver"]) for r in results):
    runs = [r for r in results if (r["row"], r["solver"]) == (row, name)]
    times = [r["seconds"] for r in runs]
    note = "" if all(r["reached"] for r in runs) else "  target not reached"
    print(f"{row:3} {name:10} {statistics.median(times):9.4f} {min(times):9.4f} {max(times):9.4f} "
          f"{runs[0]['evaluations']:11} {runs[0]['gap']:9.1e}{note}")
