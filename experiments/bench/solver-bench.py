#!/usr/bin/env python3
"""The direct problem (all duplicates kept): `ufmlab solve` beside SciPy's L-BFGS-B, PyTorch's LBFGS and libLBFGS, from one start.

    solver-bench.py PROGRAM OUT-DIRECTORY [--rows 1,2,4] [--solvers lbfgs,scipy] [--repetitions R] [--limit SECONDS] [--add]

Writes OUT/solver.csv, one line per run, and OUT/solver.md, and prints the table. All times are taken within each process, from the
start point to f - f* <= 1e-10. f* is that of `solve --solver newton --duplicates merge`, whose relative duality gap must be at most
1e-12. The start is that of --seed 1, stored by --max-iterations 0. SciPy and PyTorch run with one thread and with all, their libraries
limited from before they are loaded; the faster counts. Their OpenBLAS takes the kernels that ours does. With --add the other runs that OUT/solver.csv holds stay.
"""
import argparse
import csv
import pathlib
import sys

from common import better, markdown, measured, median, outcome, ratio, share_kernels, thread_counts, write_csv

ROWS = {1: (10, "1:10,2:3", 11), 2: (10, "1:100,2:20,3:10", 64), 3: (10, "1:500,2:100", 512), 4: (30, "1:20,2:4,3:1", 64)}
OURS, BORROWED, PEERS = ["lbfgs", "newton", "varpro"], ["gsl-bfgs2", "liblbfgs"], ["scipy", "torch"]
ONCE, TARGET = 3, 1e-10  # the row whose peers take so long that they run once; f - f* to reach

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("program")
parser.add_argument("out", type=pathlib.Path)
parser.add_argument("--rows", default=",".join(map(str, ROWS)))
parser.add_argument("--solvers", default=",".join(OURS + BORROWED + PEERS))
parser.add_argument("--repetitions", type=int, default=5, help=f"of each run; row {ONCE} has one")
parser.add_argument("--limit", type=float, default=300, help="seconds for each run")
parser.add_argument("--add", action="store_true", help="keep the other runs that OUT/solver.csv holds")
args = parser.parse_args()
here = pathlib.Path(__file__).parent
args.out.mkdir(parents=True, exist_ok=True)
table = args.out / "solver.csv"
kernels = share_kernels(args.program)


def solve(*command, limit=None):
    return measured([args.program, "solve", *command, "--json", "--quiet"], limit=limit)


def ours(instance, solver, optimum):
    """A run of the program, up to the trace's first iteration at the target."""
    trace = args.out / "trace.csv"
    _, _, _, memory = solve(*instance, "--solver", solver, "--trace", trace, limit=args.limit)
    with open(trace, newline="") as stream:
        steps = list(csv.DictReader(stream))
    reached = [step for step in steps if float(step["objective"]) - optimum <= TARGET]
    last = reached[0] if reached else steps[-1]
    objective = float(last["objective"])
    stop = "reached" if reached else "time limit" if float(last["seconds"]) >= 0.9 * args.limit else "stopped by itself"
    return {"stop": stop, "seconds": float(last["seconds"]), "evaluations": int(last["evaluations"]),
            "start": float(steps[0]["objective"]), "objective": objective, "gap": objective - optimum, "memory_gib": memory}


def other(command, start, optimum, threads=None):
    run, _, _, _ = measured([*command, start, "--optimum", repr(optimum), "--target", TARGET, "--limit", args.limit],
                            threads)
    return run | ({"threads": threads} if threads else {})


def runs_of(name, instance, start, optimum):
    """One run, or for the peers one with each number of threads."""
    if name in PEERS:
        peer = ["/usr/bin/python3", here / "solver-peer.py", name]
        return [other([*peer, "--threads", threads], start, optimum, threads) for threads in thread_counts()]
    if name == "liblbfgs":
        return [other([pathlib.Path(args.program).parent / "liblbfgs-peer"], start, optimum)]
    return [ours(instance, name, optimum)]


def run_row(row):
    """All runs on an instance, from one start, the repetitions in turn."""
    K, samples, dim = ROWS[row]
    design = ["--classes", K, "--samples", samples]
    instance, start = design + ["--dim", dim, "--seed", 1], args.out / f"start-{row}.h5"
    best, _, _, _ = solve(*design, "--solver", "newton", "--duplicates", "merge")
    if not best["gap"] <= 1e-12 * best["objective"]:
        sys.exit(f"row {row}: the optimum is certified to {best['gap']:.1e} only")
    solve(*instance, "--max-iterations", 0, "--save", start)
    runs = [{"row": row, "solver": name, "repetition": repetition, **run} for repetition in range(1 if row == ONCE else args.repetitions)
            for name in args.solvers.split(",") for run in runs_of(name, instance, start, best["objective"])]
    starts = [run["start"] for run in runs]
    if not max(starts) - min(starts) <= 1e-12 * max(starts):
        sys.exit(f"row {row}: the starts differ: {starts}")
    return runs


def kept():
    """The runs of an earlier call that this one does not repeat."""
    if not args.add or not table.exists():
        return []
    with open(table, newline="") as stream:
        rows = [{key: float(value) if key in ("seconds", "gap", "objective", "memory_gib") else value
                 for key, value in row.items() if value != ""} for row in csv.DictReader(stream)]
    again = {(str(row), solver) for row in args.rows.split(",") for solver in args.solvers.split(",")}
    return [row | {"row": int(row["row"])} for row in rows if (row["row"], row["solver"]) not in again]


def lines(runs):
    """The table: for each row and solver the runs with the number of threads that counts, beside the fastest peer."""
    for row in sorted({run["row"] for run in runs}):
        here = [run for run in runs if run["row"] == row]
        groups = {name: better([[run for run in here if run["solver"] == name and run.get("threads") == threads]
                                for threads in dict.fromkeys(run.get("threads") for run in here if run["solver"] == name)])
                  for name in OURS + BORROWED + PEERS if any(run["solver"] == name for run in here)}
        peer = better([group for name, group in groups.items() if name in PEERS])
        for name, group in groups.items():
            times = [run["seconds"] for run in group]
            late = outcome(group) != "reached"
            yield [f"{row} {name}", ("> " if late else "") + format(median(group, "seconds"), ".4g"), f"{min(times):.4g}-{max(times):.4g}",
                   len(group), group[0].get("threads", ""), group[0]["evaluations"], format(max(run["gap"] for run in group), ".1e"),
                   format(max(run["memory_gib"] for run in group), ".3f"),
                   "" if name in PEERS or not peer or late else ratio(peer, group)]


runs = kept()
for row in map(int, args.rows.split(",")):
    runs += run_row(row)
    write_csv(table, runs)
instances = "; ".join(f"{row}: K = {K}, n = {samples}, d = {dim}" for row, (K, samples, dim) in ROWS.items())
text = markdown(["row, solver", "s", "least-greatest", "runs", "threads", "evaluations", "f - f*", "GiB", "ratio"], lines(runs), f"""
s: from the start point to f - f* <= {TARGET:g}, within each process, median; "> " where a run missed it. Rows: {instances}; PAL, lambda
5e-4, 1e-4, 1e-3, start 0.3 Gaussian, history 10, double precision, duplicates kept. ratio: the faster of SciPy's L-BFGS-B (NumPy) and
PyTorch's LBFGS (strong Wolfe) over this one; >= where both missed the target. gsl-bfgs2 and liblbfgs evaluate with ufmlab's model. On row {ONCE}
everything ran once: the peers take minutes. OpenBLAS kernels of all: {kernels}. f - f* and GiB (peak of the process, for ufmlab with its certificate): greatest of the runs.
""")
(args.out / "solver.md").write_text(text)
print(text, end="")
