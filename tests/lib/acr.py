# SPDX-License-Identifier: LGPL-2.1-or-later
"""What every test needs: a daemon on a mount point of its own, and sessions in it."""
import contextlib
import errno
import multiprocessing
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import tempfile
import threading
import time

import built
from built import BUILD, TOP

VECTORS = TOP.parent / "shared" / "vectors"

# A configuration for tests that keep a device from answering: no time is too long.
PATIENT = "[scheduler]\nwatchdog=0\n"


class Daemon:
    """`acryptod -f` with the given arguments on a scratch mount point.

    args    further command-line words; a word "{dir}" is replaced by the scratch folder
    config  text of a configuration file, passed with -c
    uid     run as this user id (and the same group id), from a copy: its mount is for that user
            alone, not even for root
    """

    _serial = 0

    def __init__(self, *args, config=None, uid=None, env=None, wrapper=(), mount=None):
        program = BUILD / "acryptod" if uid is None else users_program(uid)
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="acr-test."))
        os.chmod(self.dir, 0o755)
        self.mount = pathlib.Path(mount) if mount else self.dir / "mnt"
        with contextlib.suppress(OSError):  # a dead mount answers nothing but ENOTCONN
            self.mount.mkdir()
        self.logfile = self.dir / "log"
        if uid is not None:
            os.chown(self.dir, uid, uid)
            os.chown(self.mount, uid, uid)
        words = [*wrapper, str(program), "-f"]
        self.config, self.uid = config or "", uid
        if config is not None:
            (self.dir / "conf").write_text(config)
            words += ["-c", str(self.dir / "conf")]
        words += [a.replace("{dir}", str(self.dir)) for a in args] + [str(self.mount)]
        kwargs = {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}
        with open(self.logfile, "wb") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            env={**os.environ, **(env or {})}, **kwargs)
        self.wait_ready()

    @property
    def pid(self):
        return self.process.pid

    @property
    def log(self):
        return self.logfile.read_text(errors="replace")

    def wait_ready(self, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"acryptod exited with {self.process.returncode}:\n{self.log}")
            if self.answers():
                return
            time.sleep(0.01)
        raise RuntimeError(f"acryptod did not mount in {seconds} s:\n{self.log}")

    def answers(self):
        if self.uid is not None:
            return is_mounted(self.mount)
        with contextlib.suppress(OSError):
            return (self.mount / "version").exists()
        return False

    def session(self, name=None, **files):
        return Session(self, name, **files)

    def read(self, file):
        return (self.mount / file).read_bytes()

    def text(self, file):
        return self.read(file).decode()

    def waiting(self):
        """How many calls, of whatever process, wait for something now."""
        return int(values(self.text("status"))["requests-waiting"])

    def write(self, file, value):
        """One open, write and close of a file of the tree."""
        put(self.mount / file, value)

    @contextlib.contextmanager
    def device(self, spec):
        """A further device for a while, as with `--device NAME=spec`; gives its name."""
        Daemon._serial += 1
        name = f"x{os.getpid()}-{Daemon._serial}"
        self.write("devices/add", f"{name}={spec}\n")
        try:
            yield name
        finally:
            with contextlib.suppress(OSError):
                self.write("devices/remove", f"{name}\n")

    def hold(self, file):
        """Make the file of this name in the scratch folder: devices with `hold={dir}/FILE` answer
        nothing until the function that this returns is called. Until then no time matters."""
        assert "watchdog=0" in self.config, "the watchdog would break what is held for long"
        path = self.dir / file
        path.touch()
        return lambda: path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def held(self, us=0, width=1):
        """A further device that answers nothing until it is released, and then as `delay` does;
        gives its name and the function that releases it."""
        file = f"hold{Daemon._serial}"
        release = self.hold(file)
        with self.device(f"delay:us={us},width={width},hold={self.dir / file}") as name:
            try:
                yield name, release
            finally:
                release()

    def stop(self, sig=signal.SIGTERM, seconds=60):
        """End it and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        if self.process.returncode and self.logfile.exists():
            print(f"the log of the daemon that ended with {self.process.returncode}:\n{self.log}")
        self.cleanup()
        return self.process.returncode

    def cleanup(self):
        unmount(self.mount)
        shutil.rmtree(self.dir, ignore_errors=True)


def is_mounted(folder):
    """Whether something is mounted there, perhaps by a user: os.path.ismount() can't see that."""
    return f" {folder} " in pathlib.Path("/proc/self/mounts").read_text()


def unmount(folder):
    """Whatever is in use, if it is mounted at all."""
    words = ["umount", "-l"] if os.geteuid() == 0 else ["fusermount3", "-u", "-z"]
    subprocess.run([*words, str(folder)], stderr=subprocess.DEVNULL, check=False)


def daemons_on(mount):
    """Process ids of the daemons on this mount point, without their helpers."""
    found = []
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
                helper = (folder / "comm").read_text().startswith("acrypto-")
            except OSError:
                continue
            if not helper and os.fsencode(mount) in words and any(b"acryptod" in w for w in words[:6]):
                found.append(int(folder.name))
    return found


NOBODY = 65534
# Numbers with two names: the one that the contract uses.
ERRNO_NAMES = {**errno.errorcode, errno.EAGAIN: "EAGAIN", errno.EOPNOTSUPP: "EOPNOTSUPP"}


def put(path, value, flags=os.O_TRUNC):
    """One open, write and close, with unbuffered calls so that every errno is seen."""
    data = value if isinstance(value, (bytes, bytearray, memoryview)) else str(value).encode()
    fd = os.open(path, os.O_WRONLY | flags)
    try:
        view = memoryview(data)
        while len(view):
            view = view[os.write(fd, view):]
    except BaseException:
        with contextlib.suppress(OSError):
            os.close(fd)
        raise
    os.close(fd)


@contextlib.contextmanager
def fails(*names):
    """The block must fail with an OSError of one of these names."""
    try:
        yield
    except OSError as e:
        got = ERRNO_NAMES.get(e.errno, str(e.errno))
        assert got in names, f"failed with {got}, not {'/'.join(names)}: {e}"
    else:
        raise AssertionError(f"succeeded, should have failed with {'/'.join(names)}")


def errno_of(function, *args):
    """Name of the errno that a call fails with, None if it works."""
    try:
        function(*args)
    except OSError as e:
        return ERRNO_NAMES.get(e.errno, str(e.errno))
    return None


class Background(threading.Thread):
    """A function in a thread beside the test; result() gives its value or raises its error."""

    def __init__(self, function, *args):
        super().__init__(daemon=True)
        self.function, self.args, self.value, self.raised = function, args, None, None
        self.start()

    def run(self):
        try:
            self.value = self.function(*self.args)
        except BaseException as e:  # handed over to result()
            self.raised = e

    def result(self, seconds=30):
        self.join(seconds)
        assert not self.is_alive(), f"still blocked after {seconds} s"
        if self.raised:
            raise self.raised
        return self.value


class Child:
    """A function in a process of its own, perhaps of another user; result() as above."""

    def __init__(self, function, *args, uid=None, groups=()):
        if uid is not None:
            need_root()
        self.reader, writer = multiprocessing.Pipe(duplex=False)
        self.pid = os.fork()
        if self.pid:
            writer.close()
            return
        try:
            self.reader.close()
            if uid is not None:
                os.setgroups(list(groups))
                os.setresgid(uid, uid, uid)
                os.setresuid(uid, uid, uid)
            Child.send = writer.send
            out = (True, function(*args))
        except OSError as e:
            out = (False, OSError(e.errno, e.strerror, e.filename))
        except BaseException as e:
            out = (False, AssertionError(f"in the child: {type(e).__name__}: {e}"))
        with contextlib.suppress(BaseException):
            writer.send(out)
        os._exit(0)

    def receive(self, seconds=30):
        """The next value that the child sends with Child.send(value)."""
        assert self.reader.poll(seconds), f"the child sent nothing for {seconds} s"
        return self.reader.recv()

    def result(self, seconds=30):
        try:
            good, value = self.receive(seconds)
        finally:
            self.kill()
        if not good:
            raise value
        return value

    def wait(self, seconds=30):
        """Until it has ended: returns at once for a killed one."""
        end = time.monotonic() + seconds
        while os.waitpid(self.pid, os.WNOHANG)[0] == 0:
            assert time.monotonic() < end, f"process is still there after {seconds} s"
            time.sleep(0.002)
        self.pid = None
        self.reader.close()

    def kill(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()


def need_root(what="act as another user"):
    """Skip the test unless it is root's."""
    if os.geteuid() != 0:
        import pytest  # not needed by the soak and the benchmarks
        pytest.skip(f"only root can {what}: `sudo ./check` tests this, too")


def users_program(uid):
    """The daemon's program for this user. Skips the test where users can't mount."""
    need_root()
    helper = pathlib.Path("/usr/bin/fusermount3")
    missing = ""
    if not helper.exists():
        missing = "fusermount3 is not installed"
    elif not stat.S_ISUID & helper.stat().st_mode:
        missing = "fusermount3 is not set-uid"
    elif errno_of(as_user, uid, lambda: os.close(os.open("/dev/fuse", os.O_RDWR))):
        missing = f"uid {uid} may not open /dev/fuse"
    if missing:
        import pytest
        pytest.skip(f"running as a user was NOT tested: {missing}")
    return built.for_all() / "acryptod"


def as_user(uid, function, *args, groups=()):
    """What the function returns or raises when another user calls it."""
    return Child(function, *args, uid=uid, groups=groups).result()


@contextlib.contextmanager
def process(*words, seconds=60, **kwargs):
    """A process beside the test, with the arguments of subprocess.Popen. It is killed at the end,
    whatever happened: a writer whose reader has gone would never end by itself."""
    one = subprocess.Popen([str(w) for w in words], **kwargs)
    try:
        yield one
    finally:
        one.kill()
        for stream in one.stdin, one.stdout, one.stderr:
            if stream:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        one.wait(seconds)


def quick(*words, seconds=30):
    """Run a command that must end at once; its exit status. One that hangs isn't waited
    for: it may be unkillable."""
    process = subprocess.Popen([str(w) for w in words], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError(f"{words} hung for {seconds} s") from None


def values(text):
    """A "name: value" file as a dictionary."""
    return dict(line.split(": ", 1) if ": " in line else (line.rstrip(":"), "")
                for line in text.splitlines() if line)


def rows(text):
    """A tab-separated list with its `#` line as a list of dictionaries."""
    lines = text.splitlines()
    names = lines[0].lstrip("#").strip().split("\t")
    return [dict(zip(names, line.split("\t"))) for line in lines[1:]]


class Session:
    """One session directory. Keyword arguments are written to the files of those names."""

    _serial = 0

    def __init__(self, daemon, name=None, **files):
        if name is None:
            Session._serial += 1
            name = f"t{os.getpid()}-{Session._serial}"
        self.path = daemon.mount / "sessions" / name
        self.path.mkdir()
        for file, value in files.items():
            self.write(file, value)

    def __truediv__(self, file):
        return self.path / file

    def write(self, file, value):
        """One open, write and close, with unbuffered calls so that every errno is seen."""
        put(self.path / file, value)

    def read(self, file="dst"):
        with open(self.path / file, "rb", buffering=0) as f:
            return f.readall()

    def text(self, file):
        return self.read(file).decode().removesuffix("\n")

    def size(self, file):
        return os.stat(self.path / file).st_size

    def append(self, file, data):
        put(self.path / file, data, os.O_APPEND)

    def wait(self, *words, seconds=30):
        """Until `state` is one of the words."""
        end = time.monotonic() + seconds
        while (now := self.text("state")) not in words:
            assert time.monotonic() < end, f"state is {now} after {seconds} s, not {words}"
            time.sleep(0.002)
        return now

    def error(self):
        """(errno name, sentence) of the line `error` in `status`."""
        name, _, sentence = self.status()["error"].partition(": ")
        return name, sentence

    def status(self):
        return values(self.read("status").decode())

    def unlink(self, file):
        os.unlink(self.path / file)

    def run(self, src, **files):
        """Write the files, then src; return dst."""
        for file, value in files.items():
            self.write(file, value)
        self.write("src", src)
        return self.read("dst")

    def close(self):
        os.rmdir(self.path)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        with contextlib.suppress(FileNotFoundError):
            self.close()


def until(condition, seconds=30):
    """Wait for a condition that nothing announces. Returns its last value: false means never."""
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.005)
    return value
