"""What the benchmarks share: runs in processes of their own, figures over repetitions, the machine, tables."""
import csv
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import threading
import time

LIBRARIES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def processors():
    return len(os.sched_getaffinity(0))


def machine():
    """CPU, threads, memory and system in one line, with the load at this moment."""
    with open("/proc/cpuinfo") as stream:
        fields = dict(line.split(":", 1) for line in stream if ":" in line)
    name = next((value.strip() for key, value in fields.items() if key.strip() == "model name"), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    family = next((value.strip() for key, value in fields.items() if key.strip() == "cpu family"), "?")
    return (f"{name} (family {family}), {processors()} threads, {memory:.0f} GiB, {platform.system()} {platform.release()}, "
            f"load {os.getloadavg()[0]:.1f}")


def thread_counts():
    """The numbers of threads that a peer is tried with: one and all."""
    return sorted({1, processors()})


def measured(command, threads=None, limit=None):
    """Output, wall and CPU seconds, peak memory in GiB of a run. `threads` bounds every BLAS and OpenMP from before the program
    starts. A run still going after `limit` seconds is interrupted, upon which the program has to end in good order."""
    environment = os.environ | ({name: str(threads) for name in LIBRARIES} if threads else {})
    started = time.monotonic()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, env=environment)
    timer = threading.Timer(limit or threading.TIMEOUT_MAX, process.send_signal, [signal.SIGINT])
    timer.daemon = True
    timer.start()
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    timer.cancel()
    wall = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0 and not (limit and wall >= limit):
        sys.exit(f"{command[0]} failed")
    return json.loads(output), wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20


def share_kernels(program):
    """Every process from here on multiplies with the kernels of OpenBLAS that the program takes, also where a peer's would take older
    ones. Returns their name."""
    lines = subprocess.run([program, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    kernels = next(line.split(": ")[1] for line in lines if line.startswith("OpenBLAS kernels: "))
    os.environ["OPENBLAS_CORETYPE"] = kernels
    return kernels


def median(runs, key):
    return statistics.median(run[key] for run in runs)


def spread(side, runs, key):
    """Median, least and greatest as columns of a table."""
    values = [run[key] for run in runs]
    return {f"{side}_seconds": statistics.median(values), f"{side}_fastest": min(values), f"{side}_slowest": max(values)}


def outcome(runs):
    """How the first run that missed the target stopped, or "reached": a peer has arrived when every repetition has."""
    return next((run["stop"] for run in runs if run["stop"] != "reached"), "reached")


def better(groups):
    """Of several groups of runs, each with a number of threads of its own, the one that counts: the fastest that arrived."""
    return min(groups, key=lambda runs: (outcome(runs) != "reached", median(runs, "seconds"), runs[0]["objective"]), default=[])


def ratio(theirs, ours):
    """Theirs over ours, the times being medians; >= where theirs missed the target and its time is a lower bound only."""
    return ("" if outcome(theirs) == "reached" else ">=") + format(median(theirs, "seconds") / median(ours, "seconds"), ".3g")


def write_csv(path, rows):
    fields = list(dict.fromkeys(key for row in rows for key in row))
    with open(path, "w", newline="") as stream:
        writer = csv.DictWriter(stream, fields, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def markdown(header, rows, notes):
    """A table whose cells are aligned in plain text as well, the machine and the notes below it."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(line[i]) for line in [header, *rows]) for i in range(len(header))]
    lines = [header, ["-" * (w - 1) + (":" if i else "-") for i, w in enumerate(widths)], *rows]
    table = ["| " + " | ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))) + " |" for line in lines]
    return "\n".join([*table, "", machine(), "", notes.strip(), ""])
