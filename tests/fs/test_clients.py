# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that people copy, replace and search files with, each on src and dst. What the kernel
does underneath is tested in test_page_cache.py and test_sizes.py."""
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess

import pytest

import acr

ABC = hashlib.sha256(b"abc").hexdigest().encode() + b"\n"
UUTILS = "/usr/lib/cargo/bin/coreutils/"
JAVA = ("import java.nio.file.*;public class C{public static void main(String[] a)throws Exception"
        "{Files.copy(Path.of(a[0]),Path.of(a[1]),StandardCopyOption.REPLACE_EXISTING);}}")
RUST = "fn main(){let a:Vec<String>=std::env::args().collect();std::fs::copy(&a[1],&a[2]).unwrap();}"
GO = ('package main\nimport ("io";"os")\nfunc main(){i,_:=os.Open(os.Args[1]);o,_:=os.Create(os.Args[2]);'
      "if _,e:=io.Copy(o,i);e!=nil{panic(e)}}")

# Program: (Debian's package, the command with $I for the input and $O for the output).
COPY = {
    "cat": ("coreutils", "cat $I > $O"),
    "cp": ("coreutils", "cp $I $O"),
    "cp -p": ("coreutils", "cp -p $I $O"),
    "dd": ("coreutils", "dd if=$I of=$O status=none"),
    "uutils cat": ("rust-coreutils", f"{UUTILS}cat $I > $O"),
    "uutils cp": ("rust-coreutils", f"{UUTILS}cp $I $O"),
    "busybox cat": ("busybox", "busybox cat $I > $O"),
    "busybox cp": ("busybox", "busybox cp $I $O"),
    "rsync": ("rsync", "rsync --inplace $I $O"),
    "shutil.copy": ("python3", "python3 -c 'import shutil, sys; shutil.copy(*sys.argv[1:])' $I $O"),
    "node": ("nodejs", "node -e 'require(\"fs\").copyFileSync(...process.argv.slice(1))' $I $O"),
    "ruby": ("ruby", "ruby -rfileutils -e 'FileUtils.cp(*ARGV)' $I $O"),
    "tclsh": ("tcl", "echo 'file copy -force {*}$argv' > $W/c.tcl; tclsh $W/c.tcl $I $O"),
    "java": ("default-jdk-headless", f"echo '{JAVA}' > $W/C.java; java $W/C.java $I $O"),
    "rustc": ("rustc", f"echo '{RUST}' > $W/c.rs; rustc -o $W/c $W/c.rs && $W/c $I $O"),
    "go": ("golang", f"echo '{GO}' > $W/c.go; HOME=$W go run $W/c.go $I $O"),
}
READ = {
    "tar": ("tar", "tar cf - -C $(dirname $I) dst | tar xOf - > $O"),
    "cpio": ("cpio", "cd $(dirname $I) && echo dst | cpio -o --quiet | (cd $W && cpio -i --quiet --to-stdout > $O)"),
}
REPLACE = {
    "tar x": ("tar", "tar cf - -C $(dirname $I) src | tar xf - -C $(dirname $O)"),
    "install": ("coreutils", "install -m 600 $I $O"),
    "mv": ("coreutils", "mv $I $O"),
    "cp --remove-destination": ("coreutils", "cp --remove-destination $I $O"),
    "node fs.cpSync": ("nodejs", "node -e 'require(\"fs\").cpSync(...process.argv.slice(1), {force: true})' $I $O"),
    "zsh multios": ("zsh", "zsh -c 'cat $I > $O > $W/second'"),
    "zsh noclobber": ("zsh", "zsh -c 'setopt noclobber; cat $I >! $O'"),
}


def run(table, name, folder, source, to):
    """Skips the test where the program is not installed."""
    package, command = table[name]
    program = name.split()[0] if name.split()[0] not in ("uutils", "shutil.copy") else None
    program = program or (UUTILS + "cat" if name.startswith("uutils") else "python3")
    if not shutil.which(program):
        pytest.skip(f"{name} was NOT tested: Debian's package {package} is not installed")
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, timeout=120, check=False,
                          env={**os.environ, "I": str(source), "O": str(to), "W": str(folder)})
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("name", {**COPY, **READ})
def test_dst_is_copied(session, tmp_path, name):
    session.write("alg", "sha256")
    session.write("format", "hex")
    session.write("src", "abc")
    run({**COPY, **READ}, name, tmp_path, session / "dst", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == ABC


@pytest.mark.parametrize("name", {**COPY, **REPLACE})
def test_src_is_written(session, tmp_path, name):
    session.write("alg", "sha256")
    session.write("format", "hex")
    (tmp_path / "src").write_text("abc")
    run({**COPY, **REPLACE}, name, tmp_path, tmp_path / "src", session / "src")
    assert session.read() == ABC


@pytest.mark.parametrize("name", ["cat", "busybox cat", "uutils cat"])
def test_endless_files(daemon, tmp_path, name):
    package, command = COPY[name]
    program = command.split()[0]
    if not shutil.which(program) and not os.path.exists(program):
        pytest.skip(f"{name} was NOT tested: Debian's package {package} is not installed")
    done = subprocess.run(["bash", "-c", command.replace("> $O", "| head -c 100000")], capture_output=True, timeout=60,
                          env={**os.environ, "I": str(daemon.mount / "random")}, check=False)
    assert len(done.stdout) == 100_000


def test_busybox_hears_of_the_error(session):
    if not shutil.which("busybox"):
        pytest.skip("busybox was NOT tested: Debian's package busybox is not installed")
    session.write("alg", "sha256")
    done = subprocess.run(["busybox", "cat", session / "dst"], capture_output=True, timeout=60, check=False)
    assert done.returncode and b"No data available" in done.stderr


@pytest.mark.parametrize("words", [
    ["grep", "-r", "no such text", "."], ["cp", "-r", ".", "{to}"], ["tar", "cf", "/dev/null", "."],
    ["find", ".", "-type", "f", "-size", "-1k"], ["sh", "-c", "cat random ioctl | head -c 10"],
])
def test_what_crawls_ends(daemon, tmp_path, words):
    with daemon.session(alg="sha256", src=b"abc"):
        subprocess.run([w.replace("{to}", str(tmp_path / "copy")) for w in words], cwd=daemon.mount, timeout=100,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    assert os.readlink(daemon.mount / "random") == ".random" and "random" in os.listdir(daemon.mount)
    assert daemon.read("ioctl") == b""


def test_a_probing_open(session):
    """What zsh with noclobber does before it refuses has made no empty input."""
    session.write("alg", "sha256")
    os.close(os.open(session / "src", os.O_WRONLY | os.O_NOCTTY))
    with acr.fails("ENODATA"):
        session.read()
    for flags in (0, os.O_TRUNC | os.O_NOCTTY, os.O_APPEND):
        os.close(os.open(session / "src", os.O_WRONLY | flags))
        assert session.read() == hashlib.sha256(b"").digest()
        session.unlink("src")


def test_modes_that_are_there(session):
    src = session / "src"
    for mode in (0o600, 0o644, 0o777):
        os.chmod(src, mode)
    os.chown(src, os.getuid(), os.getgid())
    os.chown(src, -1, -1)
    os.chmod(session / "key", 0o600)
    assert os.stat(src).st_mode & 0o777 == 0o600
    for mode in (0o400, 0o200, 0):
        with acr.fails("EPERM"):
            os.chmod(src, mode)
    with acr.fails("EPERM"):
        os.chown(src, 12345, -1)


def test_removed_and_created(session):
    """Who removes a file may create it; everybody else finds it there."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    session.write("alg", "sha256")
    with acr.fails("EEXIST"):
        os.open(session / "src", flags)
    session.unlink("src")
    assert os.path.exists(session / "src")
    session.write("src", b"old")
    session.unlink("src")
    fd = os.open(session / "src", flags, 0o600)
    assert fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY
    os.write(fd, b"abc")
    os.close(fd)
    assert session.read() == hashlib.sha256(b"abc").digest()
    with acr.fails("EPERM"):
        os.close(os.open(session / ".src.tmp", flags))


def test_renames(session, tmp_path):
    (tmp_path / "src").write_text("abc")
    with acr.fails("EXDEV"):
        os.rename(tmp_path / "src", session / "src")
    with acr.fails("EPERM"):
        os.rename(session / "alg", session / "src")
    assert pathlib.Path(session / "alg").exists()
