# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sessions of several stages: route/2 and up, input, input2, xor and `ctl: continue`."""
import hashlib
import hmac
import os
import subprocess

import pytest

import acr
from acr import fails

pytestmark = pytest.mark.sanitize

KEY = bytes(range(16))
KEY2 = bytes(range(16, 32))
CONFIG = acr.PATIENT
IV = bytes(range(32, 48))


def stage(session, number, **files):
    """Add a stage, or only write to the one that is always there."""
    path = session.path / "route" / str(number)
    if number > 1:
        path.mkdir()
    for file, value in files.items():
        acr.put(path / file, value)
    return path


def read(path):
    with open(path, "rb", buffering=0) as f:
        return f.readall()


def openssl(data, *words):
    return subprocess.run(["openssl", "enc", *words], input=data, check=True,
                          stdout=subprocess.PIPE).stdout


def cbc(data, key=KEY, iv=IV):
    return openssl(data, "-aes-128-cbc", "-K", key.hex(), "-iv", iv.hex())


def ecb(data, key):
    return openssl(data, "-aes-128-ecb", "-nopad", "-K", key.hex())


def xor(a, b):
    return bytes(x ^ b[i % len(b)] for i, x in enumerate(a))


def history(session):
    return acr.rows(session.read("history").decode())


def test_encrypt_then_mac(daemon):
    data = os.urandom(5000)
    with daemon.session(alg="aes-128-cbc", key=KEY, iv=IV) as s:
        two = stage(s, 2, alg="hmac-sha256", key=b"secret")
        s.write("src", data)
        assert s.read("dst") == hmac.digest(b"secret", cbc(data), "sha256")
        assert read(s / "route/1/dst") == cbc(data), "an earlier stage's output stays"
        assert read(two / "dst") == s.read("dst")
        assert [(r["stage"], r["outcome"]) for r in history(s)] == [("1", "ok"), ("2", "ok")]
        assert s.status()["stage"] == "2"
        status = acr.values(read(two / "status").decode())
        assert status["state"] == "done" and status["bytes-in"] == str(len(cbc(data)))
        assert status["device"] == history(s)[1]["device"]
        # and the next request goes the same way
        s.write("iv", IV)
        s.write("src", b"again")
        assert s.read("dst") == hmac.digest(b"secret", cbc(b"again"), "sha256")


def test_sixteen_stages(daemon):
    with daemon.session(alg="sha256") as s:
        for number in range(16, 1, -1):  # in any order
            stage(s, number, alg="sha256")
        s.write("src", b"x")
        want = b"x"
        for _ in range(16):
            want = hashlib.sha256(want).digest()
        assert s.read("dst") == want
        assert len(history(s)) == 16
        with fails("EINVAL"):
            (s / "route/17").mkdir()


def test_fan_out_by_input(daemon):
    data = os.urandom(777)
    with daemon.session(alg="aes-128-cbc", key=KEY, iv=IV) as s:
        two = stage(s, 2, alg="sha256")
        three = stage(s, 3, alg="sha512", input=1)
        four = stage(s, 4, alg="sha1", input=0)  # of src itself
        s.write("src", data)
        assert s.read("dst") == hashlib.sha1(data).digest()
        assert read(two / "dst") == hashlib.sha256(cbc(data)).digest()
        assert read(three / "dst") == hashlib.sha512(cbc(data)).digest()
        assert read(four / "input") == b"0\n" and read(two / "input") == b"1\n"


def test_double_encryption_on_two_named_devices(daemon):
    data = os.urandom(64)
    with daemon.device("delay:us=1") as a, daemon.device("delay:us=1") as b, \
            daemon.session(alg="aes-128-ecb", key=KEY, padding="none", device=a) as s:
        stage(s, 2, alg="aes-128-ecb", key=KEY2, padding="none", device=b)
        s.write("src", data)
        assert s.read("dst") == ecb(ecb(data, KEY), KEY2)
        assert [r["device"] for r in history(s)] == [a, b]


def test_tweakable_cipher(daemon):
    """The seed's route: exclusive or, a block cipher, exclusive or."""
    data, tweak = os.urandom(160), os.urandom(16)
    with daemon.session(alg="xor", key=tweak) as s:
        stage(s, 2, alg="aes-128-ecb", key=KEY, padding="none")
        stage(s, 3, alg="xor", key=tweak)
        s.write("src", data)
        assert s.read("dst") == xor(ecb(xor(data, tweak), KEY), tweak)


def test_xor_with_the_output_of_another_stage(daemon):
    data = os.urandom(64)
    with daemon.session(alg="sha512") as s:  # stage 1: a key stream of 64 bytes
        stage(s, 2, alg="xor", input=0, input2=1)
        s.write("src", data)
        assert s.read("dst") == xor(data, hashlib.sha512(data).digest())
    with daemon.session(alg="sha256") as s:  # both operands are stages' outputs
        stage(s, 2, alg="sha1", input=0)
        stage(s, 3, alg="xor", input=1, input2=2)
        s.write("src", data)
        assert s.read("dst") == xor(hashlib.sha256(data).digest(), hashlib.sha1(data).digest())


def test_a_stage_that_takes_no_input(daemon):
    """A route may begin with a derivation: then there is no src at all."""
    with daemon.session(op="derive", alg="hkdf-sha256", key=b"secret", length=16) as s:
        stage(s, 2, alg="sha256")
        key = read(s / "route/1/dst")
        assert len(key) == 16
        assert s.read("dst") == hashlib.sha256(key).digest()


def test_an_error_names_its_stage_and_leaves_the_outputs_before_it(daemon):
    with daemon.session(alg="sha1") as s:
        stage(s, 2, alg="aes-128-cbc", op="decrypt", iv=IV, key=KEY)  # 20 bytes are no blocks
        three = stage(s, 3, alg="sha256")
        s.write("src", b"abc")
        with fails("EINVAL"):
            s.read("dst")
        name, sentence = s.error()
        assert name == "EINVAL" and sentence.startswith("stage 2: "), sentence
        assert s.text("state") == "failed"
        assert read(s / "route/1/dst") == hashlib.sha1(b"abc").digest()
        for unread in (s / "route/2/dst", three / "dst"):
            with fails("EINVAL"):
                read(unread)
        assert acr.values(read(s / "route/2/status").decode())["state"] == "failed"
        assert acr.values(read(three / "status").decode())["error"] == "none"


def test_a_tag_that_does_not_verify_in_a_later_stage(daemon):
    with daemon.session(alg="aes-128-gcm", key=KEY, iv=IV[:12], layout="combined") as s:
        stage(s, 2, alg="aes-128-gcm", op="decrypt", key=KEY2, layout="combined")
        s.write("src", b"text")
        with fails("EBADMSG"):
            s.read("dst")
        assert s.error()[1].startswith("stage 2: ")


def test_what_is_wrong_with_any_stage_is_said_before_the_first_runs(daemon):
    with daemon.session(alg="sha256", src=b"abc") as s:
        two = stage(s, 2, alg="aes-128-cbc")
        with fails("ENOKEY"):
            s.read("dst")
        assert s.error()[1].startswith("stage 2: ")
        assert not history(s), "nothing was done"
        acr.put(two / "key", KEY)
        assert len(s.read("dst")) == 16 + 48, "and src is still there"


def test_numbers(daemon):
    with daemon.session(alg="sha256", src=b"abc") as s:
        with fails("EEXIST"):
            (s / "route/1").mkdir()
        for bad in ("0", "17", "01", "x", "1.5", "-2", "99999999999999999999"):
            with fails("EINVAL"):
                (s / "route" / bad).mkdir()
        stage(s, 4, alg="sha256")
        with fails("EINVAL"):
            s.read("dst")  # 2 and 3 are missing
        assert "route/2" in s.error()[1]
        stage(s, 2, alg="sha256")
        with fails("EBUSY"):
            (s / "route/2").rmdir()
        (s / "route/4").rmdir()
        assert sorted(os.listdir(s / "route")) == ["1", "2"]
        assert s.read("dst") == hashlib.sha256(hashlib.sha256(b"abc").digest()).digest()
        with fails("ENOENT"):
            (s / "route/3").rmdir()


def test_input_names_an_earlier_stage_only(daemon):
    with daemon.session(alg="sha256") as s:
        two = stage(s, 2, alg="sha256")
        for bad in ("2", "3", "-1", "x"):
            with fails("EINVAL"):
                acr.put(two / "input", bad)
        with fails("EINVAL"):
            acr.put(two / "input2", "1")  # sha256 has one input
        with fails("EINVAL"):
            acr.put(s / "route/1/input", "1")
        with fails("EINVAL"):
            stage(s, 3, input2="1", alg="xor")
            acr.put(s / "route/3/alg", "sha256")
            s.write("src", b"x")
            s.read("dst")
        assert "input2" in s.error()[1]


def test_stage_one_is_the_session(daemon):
    with daemon.session(alg="aes-128-cbc") as s:
        assert read(s / "route/1/alg") == b"aes-128-cbc\n"
        acr.put(s / "route/1/key", KEY)
        acr.put(s / "route/1/iv", IV)
        assert s.read("iv") == IV
        s.write("src", b"abc")
        assert s.text("state") == "ready"
        assert s.read("dst") == read(s / "route/1/dst") == cbc(b"abc")


def test_keys_are_for_nobody_to_read(daemon):
    with daemon.session(alg="sha256") as s:
        two = stage(s, 2, alg="hmac-sha256", key=b"k")
        with fails("EACCES"):
            os.open(two / "key", os.O_RDONLY)
        os.unlink(two / "key")
        s.write("src", b"x")
        with fails("ENOKEY"):
            s.read("dst")


def test_format_is_a_stages_own(daemon):
    with daemon.session(alg="sha256", format="hex") as s:
        two = stage(s, 2, alg="sha1")
        s.write("src", b"abc")
        inner = hashlib.sha256(b"abc").digest()
        outer = hashlib.sha1(inner).digest()
        assert s.read("dst") == outer.hex().encode() + b"\n", "the session's own goes for its dst"
        assert read(two / "dst") == outer
        assert read(s / "route/1/dst") == inner.hex().encode() + b"\n"
        acr.put(two / "format", "raw")
        assert s.read("dst") == outer, "unless the last stage says otherwise"


def test_continue(daemon):
    with daemon.session(alg="sha256", src=b"abc") as s:
        with fails("EINVAL"):
            s.write("ctl", "continue")  # nothing is done yet
        first = s.read("dst")
        with fails("EINVAL"):
            s.write("ctl", "continue")
        assert "route" in s.error()[1]
        two = stage(s, 2, alg="sha1")
        assert s.read("dst") == first, "the present output stays until it goes on"
        with fails("ENODATA"):
            read(two / "dst")
        s.write("ctl", "continue")
        assert s.read("dst") == hashlib.sha1(first).digest()
        stage(s, 3, alg="sha512")
        stage(s, 4, alg="hmac-sha256", key=b"k", input=1)
        s.write("ctl", "continue")
        assert s.read("dst") == hmac.digest(b"k", first, "sha256")
        assert [r["stage"] for r in history(s)] == ["1", "2", "3", "4"]
        s.write("src", b"next")  # a new request takes all of them
        assert s.read("dst") == hmac.digest(b"k", hashlib.sha256(b"next").digest(), "sha256")


def test_continue_where_nothing_is_read(daemon):
    """Writing a new stage's parameters must not begin the next request."""
    with daemon.session(op="random", length=32) as s:
        first = s.read("dst")
        stage(s, 2, alg="sha256")
        s.write("ctl", "continue")
        assert s.read("dst") == hashlib.sha256(first).digest()


def test_continue_that_is_refused_changes_nothing(daemon):
    with daemon.session(alg="sha256", src=b"abc") as s:
        first = s.read("dst")
        two = stage(s, 2, alg="hmac-sha1")
        with fails("ENOKEY"):
            s.write("ctl", "continue")
        assert s.text("state") == "done" and s.read("dst") == first
        acr.put(two / "key", b"k")
        s.write("ctl", "continue")
        assert s.read("dst") == hmac.digest(b"k", first, "sha1")
        status = acr.values(read(two / "status").decode())
        assert (status["state"], status["error"]) == ("done", "none")


def test_nothing_changes_while_it_runs(daemon):
    with daemon.device("hang:after=0") as hung, \
            daemon.session(alg="sha256", src=b"abc", device=hung) as s:
        two = stage(s, 2, alg="sha256")
        s.write("ctl", "start")
        for change in (lambda: (s / "route/3").mkdir(), (s / "route/2").rmdir,
                       lambda: acr.put(two / "alg", "sha1")):
            with fails("EBUSY"):
                change()
        s.write("ctl", "cancel")
        assert s.text("state") == "cancelled"
        with fails("ECANCELED"):
            read(two / "dst")


def test_a_reader_of_an_earlier_stage_does_not_wait_for_the_rest(daemon):
    with daemon.device("hang:after=0") as hung, daemon.session(alg="sha256", src=b"abc") as s:
        stage(s, 2, alg="sha256", device=hung)
        assert read(s / "route/1/dst") == hashlib.sha256(b"abc").digest()
        assert acr.until(lambda: s.status()["stage"] == "2" and s.text("state") == "running")
        waiting = acr.Background(s.read, "dst")
        s.write("ctl", "cancel")
        with fails("ECANCELED"):
            waiting.result()
        assert read(s / "route/1/dst") == hashlib.sha256(b"abc").digest()


def test_a_bound_stage_fails_with_its_device(daemon):
    with daemon.device("hang:after=0") as hung, daemon.session(alg="sha256", src=b"abc") as s:
        stage(s, 2, alg="sha256", device=hung)
        stage(s, 3, alg="sha256")
        waiting = acr.Background(s.read, "dst")
        s.wait("running", "queued")
        assert acr.until(lambda: s.status()["stage"] == "2" and s.text("state") == "running")
        daemon.write(f"devices/{hung}/ctl", "break pulled out\n")
        with fails("ENODEV"):
            waiting.result()
        assert s.error()[1].startswith("stage 2: ")
        last = acr.rows(s.text("history") + "\n")[-1]
        assert (last["device"], last["outcome"]) == (hung, "ENODEV"), "it was moved nowhere"
        assert read(s / "route/1/dst") == hashlib.sha256(b"abc").digest()


def test_a_stream_is_one_stage(daemon):
    with daemon.session(alg="sha256", stream=1) as s:
        stage(s, 2, alg="sha256")
        with fails("EINVAL"):
            s.write("ctl", "start")
        assert "stream" in s.error()[1]


def test_removal(daemon):
    with daemon.session(alg="sha256", src=b"abc") as s:
        stage(s, 2, alg="hmac-sha256", key=b"k")
        stage(s, 3, alg="sha256")
        with fails("ENOTEMPTY"):
            (s / "route").rmdir()
        assert subprocess.run(["rm", "-rf", s.path], check=False).returncode == 0
        assert not s.path.exists()


def test_reset_removes_the_stages(daemon):
    with daemon.session(alg="sha256", src=b"abc") as s:
        stage(s, 2, alg="sha256")
        s.read("dst")
        s.write("ctl", "reset")
        assert os.listdir(s / "route") == ["1"] and s.text("state") == "new"


def test_stages_are_charged(start):
    """Their outputs count in the owner's quota."""
    daemon = start()  # of its own: what others leave may go while we count
    before = int(acr.values(daemon.text("status"))["memory-bytes"])
    with daemon.session(alg="xor", key=b"k", src=bytes(1 << 20)) as s:
        for number in range(2, 6):
            stage(s, number, alg="xor", key=b"k")
        s.read("dst")
        held = int(acr.values(daemon.text("status"))["memory-bytes"]) - before
        assert held >= 5 << 20
    assert acr.until(lambda: int(acr.values(daemon.text("status"))["memory-bytes"]) <= before)


def test_another_user_can_not_reach_a_stage(daemon):
    with daemon.session(alg="sha256") as s:
        two = stage(s, 2, alg="sha256")
        with fails("EACCES"):
            acr.as_user(acr.NOBODY, read, two / "alg")
        os.chmod(s.path, 0o755)
        assert acr.as_user(acr.NOBODY, read, two / "alg") == b"sha256\n"
        with fails("EACCES"):
            acr.as_user(acr.NOBODY, acr.put, two / "alg", "sha1")
        with fails("EACCES"):
            acr.as_user(acr.NOBODY, os.mkdir, s / "route/3")
