# SPDX-License-Identifier: LGPL-2.1-or-later
"""Balancers on two devices of different costs, beside the best static split. That is computed from
what the devices have really cost, since timers and a busy machine add to what they pretend to.
In virtual time, so without the noise of a machine, tests/unit/unit_balancers asserts the same."""
import os
import random
import select

import acr

FIRST, SECOND = (500e-6, 100e-9), (8e-3, 10e-9)  # fixed cost, cost per byte; seconds
OUTSTANDING = 64


def device(name, cost):
    return "--device", f"{name}=delay:us={cost[0] * 1e6:.0f},ns-per-byte={cost[1] * 1e9:.0f}"


def make_sizes(n=1500):
    chance = random.Random(2005)
    return [chance.randrange(1 << k, 2 << k) for k in (chance.randrange(10, 18) for _ in range(n))]


def real_costs(daemon):
    """What `rate` has learned, as FIRST and SECOND above."""
    curve = {r["device"]: r for r in acr.rows(daemon.text("lb/rate/curve"))}
    return [(float(curve[d]["fixed-us"]) * 1e-6, float(curve[d]["ns-per-byte"]) * 1e-9)
            for d in ("first", "second")]


def best_split(sizes, one, other):
    """Seconds for all: each goes where it is cheaper by ratio, up to where both end together."""
    costs = sorted(((one[0] + one[1] * n, other[0] + other[1] * n) for n in sizes),
                   key=lambda c: c[0] / c[1])
    first, second = 0.0, sum(b for _, b in costs)
    for a, b in costs:
        if first + a > second - b:
            return first + a * (second - first) / (a + b)
        first, second = first + a, second - b
    return first


def run(daemon, sizes):
    """Each size once, with so many outstanding at any time."""
    idle = [daemon.session(alg="sha256") for _ in range(OUTSTANDING)]
    states = {s: os.open(s / "state", os.O_RDONLY) for s in idle}
    sessions = {fd: s for s, fd in states.items()}
    data, poll, busy = bytes(max(sizes)), select.poll(), 0

    def await_some():
        for fd, _ in poll.poll():
            poll.unregister(fd)
            idle.append(sessions[fd])
            assert idle[-1].text("state") == "done"
        return OUTSTANDING - len(idle)

    for size in sizes:
        if not idle:
            await_some()
        s = idle.pop()
        s.write("src", data[:size])
        s.write("ctl", "start")
        poll.register(states[s], select.POLLIN)
        busy = OUTSTANDING - len(idle)
    while busy:
        busy = await_some()
    for s, fd in states.items():
        os.close(fd)
        s.close()


def rows(compare, timed):
    sizes = make_sizes()
    costs = [FIRST, SECOND]
    for name in "rate", "least-loaded":
        daemon = acr.Daemon(*device("first", FIRST), *device("second", SECOND), "--balancer", name)

        def best():
            if name == "rate":
                costs[:] = real_costs(daemon)
            return len(sizes) / best_split(sizes, *costs)

        try:
            compare(f"two delay devices, balancer {name}", "/s",
                    lambda: len(sizes) / timed(lambda: run(daemon, sizes)), best,
                    "the best static split, computed")
        finally:
            daemon.stop()
