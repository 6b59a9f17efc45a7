# SPDX-License-Identifier: LGPL-2.1-or-later
"""The soak: clients with sessions at random, and somebody who disturbs whatever can be disturbed.

Run by itself (`make soak`), or by tests/fs/test_soak.py for a short time:

    soak.py [--sessions N] [--clients N] [--seed N] [--no-kills] [--cards]

All that is chosen comes from the seed, which is printed; the threads' timing is not repeatable.
Every session must end once, with the right bytes or an errno that it asked for (client.c judges
that). At the end nothing may be left: no session, nothing queued or running, no memory charged;
and in debug builds the daemon's counts of submissions and endings must agree."""
import argparse
import collections
import contextlib
import errno
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
import acr  # noqa: E402
import cards  # noqa: E402

# Never touched: with two of them every check finds somebody to confirm what is right.
SURE = {"soft0": "soft", "soft1": "soft:threads=1"}
# Always there, but for a moment; the last two serve the pool as well.
SHAKY = {
    "late": "delay:us=200,ns-per-byte=2,width=4",
    "bad": "error:every=3,errno=EIO,threads=2",
    "stuck": "hang:after=60,width=4",
    "lost": "vanish:after=300,threads=2",
    "liar": "flip:every=5",
    "p1": "delay:us=50,width=2",
    "p2": "error:every=7,errno=ENOMEM",
}
POOL = "group:members=p1+p2,balancer=rate"
# These come and go.
PASSING = ["x1", "x2"]
PASSING_SPECS = ["delay:us=100,width=8", "error:every=2", "hang:after=20", "vanish:after=50",
                 "soft:threads=1"]
BALANCERS = ["least-loaded", "round-robin", "affinity", "rate"]
LIMITED = ["hash sha256", "encrypt aes-128-cbc", "encrypt aes-256-gcm"]
# What an action may meet when another one came before it: a device or balancer that has gone, is
# there already, is used by a group, is the last one, or that does not come back yet.
EXPECTED = {errno.ENOENT, errno.EEXIST, errno.EBUSY, errno.EIO, errno.ENODEV}
DRAIN_S = 60


class Disturber(threading.Thread):
    """Does one thing after the other to the daemon until it is told to stop."""

    def __init__(self, daemon, clients, seed, kills, hardware=None):
        super().__init__(daemon=True)
        self.tree, self.clients, self.random = daemon.mount, clients, random.Random(seed)
        self.hardware = hardware
        self.cards = list(hardware.devices) if hardware else []
        self.ending = threading.Event()
        self.done = collections.Counter()
        self.unexpected = []
        self.actions = [(self.balance, 4), (self.load, 2), (self.rehash, 2), (self.control, 12),
                        (self.add, 3), (self.remove, 3), (self.replace, 1), (self.limit, 1)]
        self.actions += [(self.kill, 1)] if kills else []
        self.actions += [(self.pull_out, 1)] if hardware else []

    def run(self):
        functions, weights = zip(*self.actions)
        while not self.ending.wait(self.random.uniform(0.001, 0.02)):
            action = self.random.choices(functions, weights)[0]
            self.attempt(action)

    def attempt(self, action, *args):
        try:
            action(*args)
            self.done[action.__name__] += 1
        except OSError as e:
            if e.errno not in EXPECTED:
                self.unexpected.append(f"{action.__name__}: {e}")

    def write(self, path, text):
        acr.put(self.tree / path, text + "\n")

    def balance(self):
        self.write("lb/current", self.random.choice(BALANCERS))

    def load(self):
        self.write(self.random.choice(["lb/load", "lb/unload"]), self.random.choice(BALANCERS))

    def rehash(self):
        self.write("lb/rehash", "now")

    def control(self):
        """Whatever is broken is taken for repair a little more often than it breaks."""
        name = self.random.choice([*SHAKY, *self.cards, "pool", *PASSING])
        what = self.random.choice(["break soak", "repair", "repair", "repair", "drain", "reset"])
        self.write(f"devices/{name}/ctl", what)

    def limit(self):
        name, cap = self.random.choice(list(SHAKY)), self.random.choice(LIMITED)
        self.write(f"devices/{name}/ctl", f"limit {cap} {self.random.choice([1, 4, 1000])}")

    def add(self):
        name, spec = self.random.choice(PASSING), self.random.choice(PASSING_SPECS)
        self.write("devices/add", f"{name}={spec}")

    def remove(self):
        self.write("devices/remove", self.random.choice(PASSING))

    def replace(self):
        """One that is always there goes, its module with it, and comes back."""
        name = self.random.choice(["late", "bad", "stuck", "lost"])
        self.write("devices/remove", name)
        self.write("devices/add", f"{name}={SHAKY[name]}")

    def pull_out(self):
        """A card goes without a word, and another comes into its slot."""
        name = self.random.choice(list(self.hardware.models))
        self.hardware.replace(name)
        self.write(f"devices/{name}/ctl", "repair")

    def kill(self):
        self.clients.kill_one(self.random)

    def stop(self):
        """And leave everything in working order."""
        self.ending.set()
        self.join()
        for name, spec in SHAKY.items():
            if not (self.tree / "devices" / name).exists():
                self.attempt(self.write, "devices/add", f"{name}={spec}")


class Clients:
    """Processes of client.c, each new one with a seed and a name of its own."""

    def __init__(self, program, daemon, sessions, count, seed, more=()):
        self.program, self.sessions, self.count = program, daemon.mount / "sessions", count
        self.random = random.Random(seed)
        self.devices = ",".join([*SURE, *SHAKY, "pool", *PASSING, *more])
        self.lock = threading.Lock()
        self.left = sessions
        self.serial = 0
        self.kills = 0
        self.processes = []
        self.outcomes = collections.Counter()
        self.bad = []
        self.threads = [threading.Thread(target=self.keep_going, args=(i,), daemon=True)
                        for i in range(count)]
        self.slots = [None] * count

    def take(self, share):
        """Some of the sessions that are left, and a name and a seed; None when none is."""
        with self.lock:
            n = min(share, self.left)
            self.left -= n
            self.serial += 1
            return (n, f"c{self.serial}", self.random.randrange(1 << 60)) if n else None

    def keep_going(self, slot):
        share = max(1, min(500, self.left // self.count // 4 + 1))
        while task := self.take(share):
            self.run_one(slot, *task)

    def run_one(self, slot, count, name, seed):
        with subprocess.Popen([self.program, self.sessions, name, str(count), str(seed),
                               self.devices],
                              stdout=subprocess.PIPE, text=True, errors="replace") as process:
            self.slots[slot] = process
            ended = sum(self.take_line(line) for line in process.stdout)
            status = process.wait()
        with self.lock:
            self.left += count - ended if status == -9 else 0
            if status not in (0, -9):
                self.bad.append(f"client {name} ended with {status}")

    def take_line(self, line):
        """1 if it is the end of one session."""
        if not line.endswith("\n"):
            return 0  # it was killed while it wrote
        with self.lock:
            if " BAD " in line:
                self.bad.append(line.strip())
            self.outcomes[line.split()[1]] += 1
        return 1

    def kill_one(self, rng):
        process = self.slots[rng.randrange(self.count)]
        if process and process.poll() is None:
            process.kill()
            self.kills += 1


def progress(clients, total):
    with clients.lock:
        done = sum(clients.outcomes.values())
        print(f"  {done} of {total} sessions, {clients.kills} kills, {len(clients.bad)} bad",
              flush=True)


def run_clients(clients, total, seconds=10):
    for thread in clients.threads:
        thread.start()
    shown = time.monotonic()
    for thread in clients.threads:
        while thread.is_alive():
            thread.join(1)
            if time.monotonic() > shown + seconds:
                shown = time.monotonic()
                progress(clients, total)


def remove_left(daemon):
    """Sessions of killed clients; all of them end by that."""
    left = os.listdir(daemon.mount / "sessions")
    for name in left:
        os.rmdir(daemon.mount / "sessions" / name)
    return len(left)


def in_flight(daemon):
    status = acr.values(daemon.text("status"))
    loads = [acr.values(daemon.text(f"devices/{name}/load"))
             for name in os.listdir(daemon.mount / "devices")
             if (daemon.mount / "devices" / name).is_dir()]
    return (sum(int(status[n]) for n in ("sessions", "sessions-active", "sessions-waiting")) +
            sum(int(load[n]) for load in loads for n in ("queued", "running")))


def what_is_left(daemon):
    """Complaints about what should be nothing."""
    bad = []
    if not acr.until(lambda: in_flight(daemon) == 0, DRAIN_S):
        bad.append(f"in flight after {DRAIN_S} s: {daemon.text('status')}")
    for name in SURE:
        state = daemon.text(f"devices/{name}/state").strip()
        if state != "ready":
            bad.append(f"{name} is {state}")
    status = acr.values(daemon.text("status"))
    if "debug-submitted" in status:
        submitted, ended, cancelled = (int(status[f"debug-{n}"])
                                       for n in ("submitted", "ended", "cancelled"))
        print(f"  jobs: {submitted} submitted, {ended} ended, {cancelled} cancelled")
        if submitted != ended + cancelled:
            bad.append(f"{submitted} submitted, {ended} ended and {cancelled} cancelled")
    return bad


def memory_is_back(daemon, before):
    return acr.until(lambda: int(acr.values(daemon.text("status"))["memory-bytes"]) <= before)


def compile_client(folder):
    program = pathlib.Path(folder) / "client"
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-std=gnu11", "-D_GNU_SOURCE", "-Wall",
                    "-Wextra", "-o", program, HERE / "client.c", "-lcrypto"], check=True)
    return program


def start_daemon(hardware):
    devices = {**SURE, **SHAKY, **(hardware.devices if hardware else {})}
    words = [f"--device={name}={spec}" for name, spec in devices.items()]
    words += [f"--device=pool={POOL}", "--log-level=error"]
    daemon = acr.Daemon(*words, env=hardware.env if hardware else None)
    daemon.write("devices/liar/check", "always\n")
    for name in BALANCERS:
        with contextlib.suppress(FileExistsError):
            daemon.write("lb/load", f"{name}\n")
    return daemon


def soak(sessions, clients=4, seed=None, kills=True, with_cards=False):
    """Returns the complaints; none: it passed."""
    seed = random.SystemRandom().randrange(1 << 30) if seed is None else seed
    print(f"soak: {sessions} sessions by {clients} clients, seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="acr-soak.") as folder, \
            contextlib.ExitStack() as stack:
        hardware = cards.Cards() if with_cards else None
        if hardware:
            stack.callback(hardware.stop)
        daemon = start_daemon(hardware)
        before = int(acr.values(daemon.text("status"))["memory-bytes"])
        crowd = Clients(compile_client(folder), daemon, sessions, clients, seed,
                        hardware.devices if hardware else ())
        disturber = Disturber(daemon, crowd, seed + 1, kills, hardware)
        began = time.monotonic()
        disturber.start()
        run_clients(crowd, sessions)
        seconds = time.monotonic() - began
        disturber.stop()
        left = remove_left(daemon)
        bad = crowd.bad + disturber.unexpected + what_is_left(daemon)
        if not bad and not memory_is_back(daemon, before):
            bad.append(f"memory is still charged: {daemon.text('status')}")
        total = sum(crowd.outcomes.values())
        print(f"  {total} sessions ended in {seconds:.1f} s, {total / seconds:.0f} a second; "
              f"{dict(crowd.outcomes)}; {crowd.kills} clients were killed, {left} sessions of "
              f"theirs removed; disturbed by {dict(disturber.done)}", flush=True)
        log = daemon.log
        if status := daemon.stop():
            bad.append(f"acryptod ended with {status}: {log[-3000:]}")
    return [f"{line} (seed {seed})" for line in bad]


def main():
    parser = argparse.ArgumentParser(description="Soak acryptod.")
    parser.add_argument("--sessions", type=int, default=200_000)
    parser.add_argument("--clients", type=int, default=2 * (os.cpu_count() or 1) + 2)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--no-kills", action="store_true", help="let all clients live")
    parser.add_argument("--cards", action="store_true", help="and models of cards and PadLock")
    args = parser.parse_args()
    bad = soak(args.sessions, args.clients, args.seed, not args.no_kills, args.cards)
    for line in bad[:50]:
        print(f"BAD: {line}")
    print(f"{len(bad)} complaints")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
