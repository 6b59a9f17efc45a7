# SPDX-License-Identifier: LGPL-2.1-or-later
"""The core alone: what tests/bench/core and tests/bench/queue, which are linked from it, measure.
Each figure of theirs is a median of five already. By itself: only this table."""
import os
import pathlib
import subprocess

BUILD = pathlib.Path(os.environ.get("ACR_BUILDDIR", pathlib.Path(__file__).resolve().parents[2]))


def figures(program):
    """Lines "NAME FIGURE"."""
    out = subprocess.run([BUILD / "tests/bench" / program], capture_output=True, text=True, check=True)
    return {name: float(value) for name, value in (line.split() for line in out.stdout.splitlines())}


def row(what, small, large, unit, bound=None):
    """small and large are costs of one; bound: what the second may be at most of the first."""
    rule = f"at most {bound}" if bound else ""
    print(f"| {what} | {small:,.0f} {unit} | {large:,.0f} {unit} | {large / small:.2f} | {rule} |")


def queue_rows(f):
    print("| queue, ns of processor time each | 1,000 queued | 1,000,000 queued | ratio | bound |\n"
          "|---|---:|---:|---:|---|")
    row("insert, filling", f["insert-1000"], f["insert-1000000"], "ns")
    row("take-out, draining", f["take-1000"], f["take-1000000"], "ns")
    row("insert and take-out", *(f[f"insert-{n}"] + f[f"take-{n}"] for n in (1000, 1000000)), "ns", 3)
    row("one out and one in, at that length", f["out-and-in-1000"], f["out-and-in-1000000"], "ns", 3)


def dispatch_rows(f):
    print("\n| dispatch to the null device | sessions a second | from one to the next "
          "| processor time each |\n"
          "|---|---:|---:|---:|")
    for name, what in (("inline", "in the caller"), ("queued", "through the queue and its threads")):
        for n, threads in ((1, "one thread"), (2, "two threads")):
            clock = f[f"{name}-{n}"]
            print(f"| {what}, {threads} | {1e9 / clock:,.0f} | {clock:,.0f} ns | "
                  f"{f[f'{name}-cpu-{n}']:,.0f} ns |")


def break_rows(f):
    print("\n| a device breaks with | until the last is re-dispatched | until all is settled | "
          "processor time | that, each |\n|---|---:|---:|---:|---:|")
    for n in (1000, 10000, 20000):
        cpu = f[f"settled-cpu-us-{n}"]
        print(f"| {n:,} queued | {f[f'moved-us-{n}'] / 1e3:,.1f} ms | "
              f"{f[f'settled-us-{n}'] / 1e3:,.1f} ms | {cpu / 1e3:,.1f} ms | {cpu / n * 1e3:,.0f} ns |")


def idle_rows(f):
    print("\n| 100,000 idle sessions | first 1,000 | last 1,000 | ratio | bound |\n|---|---:|---:|---:|---|")
    row("making one, median", f["idle-first-ns"], f["idle-last-ns"], "ns", 1.5)
    print(f"\nHeap of an idle session: {f['idle-bytes']:,.0f} bytes (bound 2,048), of them "
          f"{f['size-session']:.0f} of struct acr_session. A job has {f['size-job']:.0f} bytes, its first "
          f"attempt's {f['size-attempt']:.0f} included; an empty queue {f['size-queue']:.0f}.")


def tables():
    queue_rows(figures("queue"))
    core = figures("core")
    dispatch_rows(core)
    break_rows(core)
    idle_rows(core)


if __name__ == "__main__":
    tables()
