# SPDX-License-Identifier: LGPL-2.1-or-later
"""The contract's first example, to the letter, and what a shell does around it."""
import os
import subprocess

import pytest

import refs

ENCRYPT = r"""
(umask 077; head -c 32 /dev/urandom > ~/report.key)
cd "$(mktemp -d /acrypto/sessions/XXXXXX)"
echo aes-256-cbc > alg
cat ~/report.key > key
cat ~/report.pdf > src
cat dst > ~/report.pdf.enc
"""

DECRYPT = r"""
cd "$(mktemp -d /acrypto/sessions/XXXXXX)"
echo decrypt > op
echo aes-256-cbc > alg
cat ~/report.key > key
cat ~/report.pdf.enc > src
cat dst > ~/report.back
cmp ~/report.pdf ~/report.back
"""


def shell(daemon, home, script, program="sh"):
    """Run the script as the contract's reader would, with /acrypto standing for the mount."""
    text = "set -eu\n" + script.replace("/acrypto/", f"{daemon.mount}/")
    done = subprocess.run([program, "-c", text], env={**os.environ, "HOME": str(home)}, timeout=60,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.mark.sanitize
@pytest.mark.parametrize("program", ["sh", "bash"])
@pytest.mark.parametrize("size", [0, 1, 4096, 300_001])
def test_the_first_example_and_its_inverse(daemon, tmp_path, program, size):
    report = os.urandom(size)
    (tmp_path / "report.pdf").write_bytes(report)
    shell(daemon, tmp_path, ENCRYPT, program)
    key = (tmp_path / "report.key").read_bytes()
    enc = (tmp_path / "report.pdf.enc").read_bytes()
    assert enc == enc[:16] + refs.cbc(key, enc[:16], report)
    shell(daemon, tmp_path, DECRYPT, program)
    assert (tmp_path / "report.back").read_bytes() == report


def test_op_last_is_as_good_as_op_first(daemon, tmp_path):
    (tmp_path / "report.pdf").write_bytes(b"text")
    shell(daemon, tmp_path, ENCRYPT)
    op, rest = "echo decrypt > op\n", DECRYPT.replace("echo decrypt > op\n", "")
    shell(daemon, tmp_path, rest.replace("cat dst", op + "cat dst"))


@pytest.mark.sanitize
def test_mktemp_makes_and_rm_rf_removes(daemon):
    for full in (False, True):
        made = subprocess.run(["mktemp", "-d", f"{daemon.mount}/sessions/XXXXXX"], check=True,
                              capture_output=True, text=True, timeout=20).stdout.strip()
        assert os.path.basename(made) in os.listdir(daemon.mount / "sessions")
        if full:
            subprocess.run(["sh", "-ec", 'cd "$1"; echo sha256 > alg; echo x > src; cat dst', "sh", made],
                           check=True, capture_output=True, timeout=20)
        done = subprocess.run(["rm", "-rf", made], capture_output=True, text=True, timeout=20, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert not os.path.exists(made)
        assert os.path.basename(made) not in os.listdir(daemon.mount / "sessions")


@pytest.mark.parametrize("tool", ["cat dst > ~/out", "cp dst ~/out", "dd if=dst of=~/out bs=777 status=none",
                                  "tee < dst ~/out > ~/out2"])
def test_any_tool_reads_dst(daemon, tmp_path, tool):
    tool = tool.replace("of=~", "of=$HOME")
    shell(daemon, tmp_path, 'cd "$(mktemp -d /acrypto/sessions/XXXXXX)"; echo shake128 > alg; echo 5000 > length;'
          f"printf abc > src; {tool}")
    out = (tmp_path / "out").read_bytes()
    assert len(out) == 5000 and out[:4].hex() == "5881092d"


def test_appending_with_the_shell(daemon, tmp_path):
    out = shell(daemon, tmp_path, 'cd "$(mktemp -d /acrypto/sessions/XXXXXX)"; echo sha1 > alg; echo hex > format;'
                "printf a > src; printf bc >> src; cat dst")
    assert out == "a9993e364706816aba3e25717850c26c9cd0d89d\n"


def test_a_new_file_for_each_request(daemon, tmp_path):
    """The shell's `>` starts a new request with the same key and parameters."""
    out = shell(daemon, tmp_path, 'cd "$(mktemp -d /acrypto/sessions/XXXXXX)"; echo hmac-sha1 > alg;'
                "echo hex > format; printf key > key; for i in a b a; do printf $i > src; cat dst; done")
    first, second, third = out.splitlines()
    assert first == third != second
    assert len(first) == 40
