# SPDX-License-Identifier: LGPL-2.1-or-later
"""The calls of the file `ioctl`: what each does, and what each refuses."""
import ctypes
import fcntl
import hashlib
import hmac
import os
import select
import subprocess

import pytest

import acr
import binary
from binary import AAD, DECRYPT, DERIVE, DST, ENCRYPT, HASH, INLINE_MAX, IV, KEY, MAC, RANDOM, SIG, SRC, TAG

ABC = hashlib.sha256(b"abc").digest()
K32, IV16, IV12 = bytes(range(32)), bytes(range(16)), bytes(range(12))
CONFIG = acr.PATIENT
HEADER = acr.TOP / "include"
# AES-256-CBC with pkcs7 of b"abc" under the key and IV above, by `openssl enc`.
CBC_ABC = subprocess.run(["openssl", "enc", "-aes-256-cbc", "-K", K32.hex(), "-iv", IV16.hex()],
                         input=b"abc", capture_output=True, check=True).stdout


@pytest.fixture
def b(daemon):
    with binary.Binary(daemon) as opened:
        yield opened


# ---- the header ----

@pytest.mark.parametrize("words", [["cc", "-std=c11", "-pedantic"], ["cc", "-std=c99"], ["c++", "-std=c++98", "-xc++"],
                                   ["c++", "-std=c++17", "-xc++"]], ids=" ".join)
def test_the_header_compiles_alone(tmp_path, words):
    (tmp_path / "a.c").write_text("#include <acrypto/ioctl.h>\n#include <acrypto/ioctl.h>\n"
                                  "unsigned long used = ACRYPTO_DIRECT;\n")
    subprocess.run([*words, "-Wall", "-Wextra", "-Werror", f"-I{HEADER}", "-c", "a.c"], cwd=tmp_path, check=True)


@pytest.mark.parametrize("bits", [32, 64])
def test_numbers_and_layout_are_the_same_for_all(tmp_path, bits):
    """The numbers carry the sizes; the last field's place tells of the padding before it."""
    lines = [f"_Static_assert({name} == {value}u, \"{name}\");" for name, value in [
        ("ACRYPTO_SESSION_ALLOC", binary.SESSION_ALLOC), ("ACRYPTO_FILL_DATA", binary.FILL_DATA),
        ("ACRYPTO_SESSION_ADD", binary.SESSION_ADD), ("ACRYPTO_DIRECT", binary.DIRECT),
        ("ACRYPTO_FILL_INLINE", binary.FILL_INLINE), ("ACRYPTO_FETCH_INLINE", binary.FETCH_INLINE),
        ("ACRYPTO_STATUS", binary.STATUS)]]
    for name, structure in (("session_initializer", binary.Initializer), ("session_alloc", binary.Alloc),
                            ("fill_data", binary.FillData), ("session_add", binary.Add),
                            ("direct", binary.Direct), ("inline", binary.Inline), ("status", binary.Status)):
        for field, _ in structure._fields_:
            lines.append(f"_Static_assert(__builtin_offsetof(struct acrypto_{name}, {field}) == "
                         f"{getattr(structure, field).offset}, \"{name}.{field}\");")
        assert ctypes.sizeof(structure) < 16384, "restricted ioctls carry no more"
    (tmp_path / "a.c").write_text("#include <acrypto/ioctl.h>\n" + "\n".join(lines))
    triplet = subprocess.run(["cc", "-print-multiarch"], capture_output=True, text=True, check=True).stdout.strip()
    words = ["cc", f"-m{bits}", "-ffreestanding", f"-I{HEADER}", "-fsyntax-only", "a.c"]
    if triplet:
        words += ["-isystem", f"/usr/include/{triplet}"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    if "-m" in done.stderr and "unrecognized" in done.stderr:
        pytest.skip(f"this compiler has no -m{bits}")
    assert done.returncode == 0, done.stderr


def test_a_32_bit_call(daemon, tmp_path):
    """The compat entry of the kernel, which a 64-bit program can use by int 0x80."""
    if os.uname().machine != "x86_64":
        pytest.skip("int 0x80 is x86 only")
    subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", f"-I{HEADER}", "-o", tmp_path / "compat",
                    acr.TOP / "tests/fs/ioctl_compat.c"], check=True)
    done = subprocess.run([tmp_path / "compat", daemon.mount / "ioctl"], capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip(f"no 32-bit system calls here: {done.stderr}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ABC.hex()


# ---- sessions ----

@pytest.mark.sanitize
def test_a_session(b):
    b.alloc("aes-256-cbc", ENCRYPT, src=100, key=32, iv=16)
    b.fill(KEY, K32)
    b.fill(IV, IV16)
    b.fill(SRC, b"abc")
    assert b.add() == CBC_ABC
    status = b.status()
    assert (status.version, status.state, status.error) == (1, binary.DONE, 0)
    assert (status.requests, status.bytes_in, status.bytes_out, status.device) == (1, 3, 16, b"soft0")


def test_requests_of_one_session(b):
    b.alloc("sha256", src=100)
    for text in (b"", b"abc", b"x" * 100):
        b.fill(SRC, text)
        assert b.add() == hashlib.sha256(text).digest()
    assert b.status().requests == 3


def test_a_result_is_stored_once(b):
    b.alloc("sha256", src=100)
    with acr.fails("ENODATA"):
        b.add()
    b.fill(SRC, b"abc")
    b.add()
    with acr.fails("ENODATA"):
        b.add()
    assert "src" in b.sentence()


def test_no_announced_input_is_an_empty_one(b):
    b.alloc("sha256")
    assert b.add() == hashlib.sha256().digest()


def test_tag_and_iv_come_back(b):
    b.alloc("aes-256-gcm", ENCRYPT, src=100, key=32, flags=binary.DETACHED)
    b.fill(KEY, K32)
    b.fill(AAD, b"header")
    b.fill(SRC, b"text")
    dst, tag, iv = b.add(100, 16, 12)
    assert (len(dst), len(tag), len(iv)) == (4, 16, 12)
    assert b.direct("aes-256-gcm", DECRYPT, dst, key=K32, iv=iv, aad=b"header", tag_in=tag) == b"text"


def test_results_go_where_fill_data_said(b):
    b.alloc("aes-256-gcm", ENCRYPT, src=100, key=32, iv=12)
    dst, tag = binary.memory(4), binary.memory(16)
    b.fill(KEY, K32)
    b.fill(IV, IV12)
    b.fill(DST, dst)
    b.fill(TAG, tag)
    b.fill(SRC, b"text")
    assert b.wait() == 4
    assert b.direct("aes-256-gcm", DECRYPT, bytes(dst), key=K32, iv=IV12, tag_in=bytes(tag)) == b"text"
    with acr.fails("ENODATA"):
        b.wait()


def test_decryption_verifies_the_tag(b):
    dst, tag = b.direct("aes-256-gcm", ENCRYPT, b"text", key=K32, iv=IV12, tag=16)
    b.alloc("aes-256-gcm", DECRYPT, src=100, key=32, iv=12)
    for kind, data in ((KEY, K32), (IV, IV12), (TAG, tag), (SRC, dst)):
        b.fill(kind, data)
    assert b.add() == b"text"
    b.fill(TAG, bytes(16))
    b.fill(SRC, dst)
    with acr.fails("EBADMSG"):
        b.add()
    assert b.status().error == 74 and "tag" in b.sentence()
    assert b.status().state == binary.FAILED


def test_random_is_new_each_time(b):
    b.alloc("", RANDOM, dst=40)
    first, second = b.add(), b.add()
    assert len(first) == len(second) == 40 and first != second


def test_lengths_and_params(b):
    b.alloc("pbkdf2-sha256", DERIVE, key=8, iv=4, dst=20, params="iterations=7")
    b.fill(KEY, b"password")
    b.fill(IV, b"salt")
    assert b.add() == hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 7, 20)


def test_key_bytes_are_taken_as_they_are(b):
    """Files decode hex: here nothing does."""
    key = b"hex:00112233"
    b.alloc("hmac-sha256", MAC, src=3, key=len(key))
    b.fill(KEY, key)
    b.fill(SRC, b"abc")
    assert b.add() == hmac.digest(key, b"abc", "sha256")


def test_a_nonce_serves_once(b):
    b.alloc("aes-256-gcm", ENCRYPT, src=100, key=32, iv=12)
    b.fill(KEY, K32)
    b.fill(IV, IV12)
    b.fill(SRC, b"one")
    b.add(100, 16)
    b.fill(SRC, b"two")
    with acr.fails("EEXIST"):
        b.add(100, 16)
    assert "iv" in b.sentence()


def test_bound_to_a_device(daemon, b):
    with daemon.device("delay:us=1000") as name:
        b.alloc("sha256", src=3, device=name)
        b.fill(SRC, b"abc")
        assert b.add() == ABC
        assert b.status().device.decode() == name
    b.fill(SRC, b"abc")
    with acr.fails("ENODEV"):
        b.add()


def test_deadline(daemon, b):
    with daemon.device("hang:after=0") as name:
        b.alloc("sha256", src=3, device=name, deadline_ms=100)
        b.fill(SRC, b"abc")
        with acr.fails("ETIMEDOUT"):
            b.add()
        with acr.fails("ENODATA"):
            b.add()  # a failure is told once, like a result
        b.fill(SRC, b"abc")
        with acr.fails("ETIMEDOUT"):
            b.add()


# ---- DIRECT ----

@pytest.mark.sanitize
def test_direct(b):
    assert b.direct("aes-256-cbc", ENCRYPT, b"abc", key=K32, iv=IV16) == CBC_ABC
    assert b.direct("aes-256-cbc", DECRYPT, CBC_ABC, key=K32, iv=IV16) == b"abc"
    assert b.direct("sha256", HASH) == hashlib.sha256().digest()
    assert b.status().state == binary.NONE


def test_direct_combined(b):
    sealed = b.direct("aes-256-gcm", ENCRYPT, b"text", key=K32)
    assert len(sealed) == 12 + 4 + 16
    assert b.direct("aes-256-gcm", DECRYPT, sealed, key=K32) == b"text"


def test_direct_in_place(b):
    both = binary.memory(b"text" + bytes(12))
    key, iv = binary.memory(K32), binary.memory(IV16)
    d = binary.Direct(binary.initializer("aes-256-cbc", ENCRYPT), binary.buffer(both, 4), binary.buffer(both, 16),
                      binary.buffer(key), binary.buffer(iv))
    binary.call(b.fd, binary.DIRECT, d)
    assert d.dst.size == 16
    assert b.direct("aes-256-cbc", DECRYPT, bytes(both), key=K32, iv=IV16) == b"text"


def test_direct_of_many_megabytes(b):
    data = os.urandom(1 << 20) * 24 + b"end"
    out = b.direct("aes-256-ctr", ENCRYPT, data, key=K32, iv=IV16)
    assert b.direct("aes-256-ctr", DECRYPT, out, key=K32, iv=IV16) == data != out


def test_direct_random_and_derive(b):
    assert len(b.direct("", RANDOM, room=50)) == 50
    assert b.direct("pbkdf2-sha256", DERIVE, room=20, key=b"password", iv=b"salt",
                    fields={"params": "iterations=7"}) == \
        hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 7, 20)


def test_direct_leaves_the_session_alone(b):
    b.alloc("sha256", src=3)
    b.fill(SRC, b"abc")
    b.direct("sha512", HASH, b"other")
    assert b.add() == ABC


def test_direct_wants_room(b):
    with acr.fails("EMSGSIZE"):
        b.direct("sha256", HASH, b"abc", room=31)
    with acr.fails("EINVAL"):
        b.direct("aes-256-gcm", ENCRYPT, b"abc", key=K32, iv=IV12)
    assert "tag" in b.sentence()
    with acr.fails("ENOKEY"):
        b.direct("aes-256-gcm", ENCRYPT, b"abc")


def test_room_too_small_says_how_much(b):
    out = binary.memory(8)
    d = binary.Direct(binary.initializer("sha256"), binary.Buffer(), binary.buffer(out, 8))
    with acr.fails("EMSGSIZE"):
        binary.call(b.fd, binary.DIRECT, d)
    assert d.dst.size == 32 and bytes(out) == bytes(8)
    b.alloc("sha256", src=3)
    b.fill(SRC, b"abc")
    with acr.fails("EMSGSIZE"):
        b.add(31)
    assert b.add(32) == ABC


# ---- what is refused ----

def test_order(b):
    for call in (lambda: b.fill(SRC, b"abc"), b.add, lambda: b.fill_inline(SRC, b"abc"), lambda: b.fetch(DST),
                 lambda: b.fill(DST, binary.memory(4)), lambda: b.by_file(SRC, 3),
                 lambda: os.read(b.fd, 10), lambda: os.write(b.fd, b"abc")):
        with acr.fails("EINVAL"):
            call()
        assert b.sentence()
    b.alloc("sha256", src=3)
    with acr.fails("EBUSY"):
        b.alloc("sha256", src=3)
    with acr.fails("EINVAL"):
        os.write(b.fd, b"abc")
    with acr.fails("EAGAIN"):
        b.fetch(DST)


@pytest.mark.parametrize("error, fields", [
    ("EINVAL", {"version": 0}), ("EINVAL", {"version": 2}), ("EINVAL", {"flags": 3}), ("EINVAL", {"flags": 4}),
    ("EINVAL", {"operation": 9}), ("EINVAL", {"operation": 2**32 - 1}), ("EINVAL", {"priority": 65536}),
    ("EINVAL", {"tag_size": 3}), ("EINVAL", {"params": "nothing"}), ("EINVAL", {"padding": "nothing"}),
    ("EINVAL", {"device": "../x"}), ("EOPNOTSUPP", {"alg": "rot13"}), ("EOPNOTSUPP", {"alg": ""}),
    ("EOPNOTSUPP", {"operation": HASH}),
], ids=str)
def test_bad_initializers(b, error, fields):
    init = binary.initializer("aes-256-gcm", ENCRYPT)
    for name, value in fields.items():
        setattr(init, name, value.encode() if isinstance(value, str) else value)
    for cmd, structure in ((binary.SESSION_ALLOC, binary.Alloc), (binary.DIRECT, binary.Direct)):
        with acr.fails(error):
            binary.call(b.fd, cmd, structure(init))
        assert b.sentence()
    b.alloc("sha256")


@pytest.mark.parametrize("name", ["alg", "device", "padding", "params"])
def test_names_that_do_not_end(b, name):
    init = binary.initializer("sha256")
    ctypes.memset(ctypes.addressof(init) + getattr(binary.Initializer, name).offset, ord("a"),
                  getattr(binary.Initializer, name).size)
    with acr.fails("EINVAL"):
        binary.call(b.fd, binary.SESSION_ALLOC, binary.Alloc(init))


def test_sizes(b):
    for key, iv in ((31, 16), (32, 15), (2**32 - 1, 16)):
        with acr.fails("EINVAL"):
            b.alloc("aes-256-cbc", ENCRYPT, src=10, key=key, iv=iv)
    b.alloc("aes-256-cbc", ENCRYPT, src=10, key=32, iv=16)
    with acr.fails("EMSGSIZE"):
        b.fill(SRC, b"x" * 11)
    for kind, size in ((KEY, 31), (KEY, 0), (IV, 17), (TAG, 65)):
        with acr.fails("EINVAL"):
            b.fill(kind, b"x" * size)
        assert b.sentence()
    with acr.fails("EINVAL"):
        b.fill(AAD, 4096, 2 << 20)
    with acr.fails("EINVAL"):
        b.fill(9, b"abc")
    with acr.fails("EINVAL"):
        b.fill(0, b"abc")


def test_sizes_beyond_all_memory(b):
    too_much = ["ENOSPC"] if os.geteuid() == 0 else ["ENOSPC", "EDQUOT"]
    somewhere = ctypes.addressof(binary.memory(10))
    b.alloc("sha256", src=2**64 - 1)
    for size in (2**40, 2**62, 2**63, 2**64 - 1):
        with acr.fails(*too_much):
            b.fill(SRC, somewhere, size)
        d = binary.Direct(binary.initializer("sha256"), binary.Buffer(somewhere, size))
        with acr.fails(*too_much):
            binary.call(b.fd, binary.DIRECT, d)
        d = binary.Direct(binary.initializer("hmac-sha256"), key=binary.Buffer(somewhere, size))
        with acr.fails("EINVAL"):
            binary.call(b.fd, binary.DIRECT, d)
        with acr.fails(*too_much):
            b.by_file(SRC, size)
    b.fill(SRC, b"abc")
    assert b.add() == ABC


def test_signatures_are_refused_where_there_are_none(b):
    b.alloc("sha256", src=3)
    assert acr.errno_of(b.fill, SIG, b"abc") in ("EOPNOTSUPP", None)


def test_unknown_calls_and_other_files(daemon, b):
    for cmd in (0x5401, binary.number(1, 99, binary.Alloc), binary.SESSION_ALLOC + (8 << 16),
                binary.SESSION_ALLOC ^ 3 << 30):
        with acr.fails("ENOTTY"):
            binary.call(b.fd, cmd, binary.memory(8192))
    for file in ("version", "random", "sessions", "."):
        fd = os.open(daemon.mount / file, os.O_RDONLY)
        for cmd in (0x5401, binary.STATUS, binary.SESSION_ALLOC):
            with acr.fails("ENOTTY"):
                binary.call(fd, cmd, binary.Alloc())
        os.close(fd)


def test_flags_are_reserved(b):
    b.alloc("sha256", src=3)
    with acr.fails("EINVAL"):
        b.fill(SRC, b"abc", flags=2)
    with acr.fails("EINVAL"):
        b.fill(SRC, b"abc", flags=binary.BY_FILE)
    with acr.fails("EINVAL"):
        binary.call(b.fd, binary.SESSION_ADD, binary.Add(flags=1))


# ---- inline, and by write and read ----

@pytest.mark.parametrize("size", [0, 1, INLINE_MAX, INLINE_MAX + 1, 3 * INLINE_MAX + 5])
def test_all_of_it_inline(b, size):
    data = os.urandom(size)
    b.alloc("aes-256-ctr", ENCRYPT, src=size, key=32, iv=16)
    for kind, value in ((KEY, K32), (IV, IV16), (SRC, data)):
        b.send(kind, value)
    assert b.wait() == size
    out = b""
    while len(out) < size:
        out += b.fetch(DST, len(out))[0]
    assert b.fetch(DST, size) == (b"", size) and b.fetch(DST, 2**64 - 1) == (b"", size)
    assert b.direct("aes-256-ctr", DECRYPT, out, key=K32, iv=IV16) == data


def test_tag_and_iv_inline(b):
    b.alloc("aes-256-gcm", ENCRYPT, src=4, key=32, flags=binary.DETACHED)
    b.fill_inline(KEY, K32)
    b.fill_inline(SRC, b"text")
    b.wait()
    dst, tag, iv = (b.fetch(kind)[0] for kind in (DST, TAG, IV))
    assert b.direct("aes-256-gcm", DECRYPT, dst, key=K32, iv=iv, tag_in=tag) == b"text"
    with acr.fails("EINVAL"):
        b.fetch(KEY)


def test_inline_pieces_come_in_order(b):
    b.alloc("sha256", src=100)
    with acr.fails("EINVAL"):
        b.fill_inline(SRC, b"bc", 1, 3)
    b.fill_inline(SRC, b"a", 0, 3)
    for args in ((b"c", 2, 3), (b"b", 1, 4)):
        with acr.fails("EINVAL"):
            b.fill_inline(SRC, *args)
    with acr.fails("EMSGSIZE"):
        b.fill_inline(SRC, b"bcd", 1, 3)
    with acr.fails("EINVAL"):
        binary.call(b.fd, binary.FILL_INLINE, binary.Inline(SRC, INLINE_MAX + 1, 0, INLINE_MAX + 1))
    with acr.fails("ENODATA"):
        b.wait()  # nothing is in force before it is whole
    b.fill_inline(SRC, b"a", 0, 3)
    b.fill_inline(SRC, b"bc", 1, 3)
    assert b.add() == ABC


@pytest.mark.sanitize
def test_by_write_and_read(b):
    data = os.urandom(300000)
    b.alloc("aes-256-ctr", ENCRYPT, src=len(data), key=32, iv=16)
    for kind, value in ((KEY, K32), (IV, IV16), (SRC, data)):
        b.by_file(kind, len(value))
        for at in range(0, len(value), 100000):
            os.write(b.fd, value[at:at + 100000])
    b.by_file(DST)
    out = b""
    while piece := os.read(b.fd, 70000):
        out += piece
    assert b.direct("aes-256-ctr", DECRYPT, out, key=K32, iv=IV16) == data


def test_reading_is_of_the_present_request(b):
    b.alloc("sha256", src=100)
    for text in (b"", b"abc", b"", b"other"):
        b.by_file(SRC, len(text))
        if text:
            os.write(b.fd, text)
        assert os.read(b.fd, 20) + os.read(b.fd, 20) == hashlib.sha256(text).digest()
        assert os.read(b.fd, 20) == b""


def test_reading_tag_and_iv(b):
    b.alloc("aes-256-gcm", ENCRYPT, src=4, key=32, flags=binary.DETACHED)
    b.fill(KEY, K32)
    b.fill(SRC, b"text")
    dst = os.read(b.fd, 100)
    b.by_file(TAG)
    tag = os.read(b.fd, 10) + os.read(b.fd, 10)
    b.by_file(IV)
    iv = os.read(b.fd, 100)
    assert b.direct("aes-256-gcm", DECRYPT, dst, key=K32, iv=iv, tag_in=tag) == b"text"


def test_no_more_is_written_than_announced(b):
    b.alloc("sha256", src=100)
    b.by_file(SRC, 3)
    with acr.fails("EMSGSIZE"):
        os.write(b.fd, b"abcd")
    os.write(b.fd, b"abc")
    with acr.fails("EINVAL"):
        os.write(b.fd, b"d")
    assert b.add() == ABC


# ---- who may ----

def test_priorities(daemon):
    def priority(value):
        with binary.Binary(daemon) as opened:
            opened.alloc("sha256", priority=value)
            return opened.add()

    for value in (1, 1000, 1001, 65535, 2**32 - 1):
        assert priority(value) == hashlib.sha256().digest()
    assert acr.as_user(acr.NOBODY, priority, 1000)
    with acr.fails("EACCES"):
        acr.as_user(acr.NOBODY, priority, 1001)


def test_a_privileged_descriptor_gives_no_privilege(daemon, b):
    with acr.fails("EACCES"):
        acr.as_user(acr.NOBODY, lambda: b.alloc("sha256", priority=2000))
    with acr.fails("EACCES"):
        acr.as_user(acr.NOBODY, lambda: b.direct("sha256", fields={"priority": 2000}))


def test_sessions_and_memory_are_charged_and_come_back(start):
    daemon = start(config="[quota]\nuser-sessions=2\nuser-memory=100000\n")
    def use():
        with binary.Binary(daemon) as one, binary.Binary(daemon) as two, binary.Binary(daemon) as three:
            # The kernel tells of the descriptors of who has ended a moment later.
            for b in one, two:
                assert acr.until(lambda b=b: acr.errno_of(lambda: b.alloc("sha256", src=90000)) is None)
            with acr.fails("EDQUOT"):
                three.alloc("sha256")
            with acr.fails("EDQUOT"):
                three.direct("sha256")
            one.fill(SRC, bytes(90000))
            with acr.fails("EDQUOT"):
                two.fill(SRC, bytes(90000))
            assert one.add() == hashlib.sha256(bytes(90000)).digest()

    for _ in range(3):
        acr.as_user(acr.NOBODY, use)
        assert acr.until(lambda: "memory-bytes: 0\n" in daemon.text("status"))


# ---- not blocking ----

def test_nonblocking_and_poll(daemon):
    with daemon.held() as (name, release), binary.Binary(daemon, os.O_RDWR | os.O_NONBLOCK) as b:
        b.alloc("sha256", src=3, device=name)
        b.fill(SRC, b"abc")
        with acr.fails("EAGAIN"):
            b.add()
        with acr.fails("EAGAIN"):
            os.read(b.fd, 10)
        assert b.status().state == binary.ACTIVE
        with acr.fails("EBUSY"):
            b.fill(SRC, b"abc")
        poll = select.poll()
        poll.register(b.fd, select.POLLIN)
        assert poll.poll(0) == []
        release()
        assert poll.poll(20000) == [(b.fd, select.POLLIN)]
        assert b.add() == ABC


def test_python_can_do_it_too(b):
    """fcntl.ioctl of a plain interpreter, as a script would."""
    request = bytearray(binary.Direct(binary.initializer("sha256")))
    out = binary.memory(32)
    at = binary.Direct.dst.offset
    request[at:at + 16] = bytes(binary.buffer(out))
    fcntl.ioctl(b.fd, binary.DIRECT, request)
    assert bytes(out) == hashlib.sha256().digest()
