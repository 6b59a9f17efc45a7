# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every public test vector of shared/vectors, through the files.

One test a vector file. Sessions are used again for the next line with the same algorithm and
operation, as a script would; after a refused value a session is thrown away."""
import collections
import contextlib
import errno
import json
import os

import pytest

import acr

pytestmark = pytest.mark.sanitize

FILES = ("aes-cbc-pkcs5 aes-cbc aes-ccm aes-cfb aes-ctr aes-ecb aes-gcm-siv aes-gcm aes-ofb "
         "aes-xts chacha20-poly1305 cmac des-cbc des-cfb des-ecb des-ede3-cbc des-ede3-cfb "
         "des-ede3-ecb des-ede3-ofb des-ofb ecdsa eddsa hkdf hmac rsa-pkcs1 rsa-pss sha1 sha2 sha3 sm4 "
         "x25519").split()

# Nothing else may be missing: AES-192-XTS is in no standard, single DES needs the legacy
# provider, the others need an OpenSSL later than 3.0.
MAY_LACK = {"aes-192-xts", "des-ecb", "des-cbc", "des-cfb", "des-ofb", "aes-128-gcm-siv",
            "aes-256-gcm-siv", "sm4-gcm", "sm4-ccm"}
BAD_SIZE = {"InvalidNonceSize", "InvalidTagSize", "InsecureTagSize", "ZeroLengthIv"}
IV_MAX = 128  # bytes, GCM: what OpenSSL takes

# Short counts for builds under sanitizers: every n-th line.
STEP = 10 if os.environ.get("ACR_QUICK") else 1


class Refused(Exception):
    """The file and errno with which a value or the result was refused."""

    def __init__(self, file, number):
        super().__init__(f"{file}: {errno.errorcode[number]}")
        self.file, self.errno = file, number


class Line:
    """One vector, with its byte strings decoded."""

    def __init__(self, number, fields):
        self.number, self.alg, self.op = number, fields["alg"], fields["op"]
        self.key, self.iv, self.aad, self.src, self.dst, self.tag = (
            bytes.fromhex(fields[name]) for name in ("key", "iv", "aad", "src", "dst", "tag"))
        self.valid = fields["result"] == "valid"
        self.either = fields["result"] == "acceptable"
        self.source, self.flags = fields["source"], set(fields["flags"])
        self.aead = self.op in ("encrypt", "decrypt") and self.alg.endswith(
            ("-gcm", "-ccm", "-gcm-siv", "-poly1305"))

    def flag(self, name):
        """Value of a flag name=value, None if there is none."""
        return next((f[len(name) + 1:] for f in self.flags if f.startswith(name + "=")), None)

    def __str__(self):
        return f"line {self.number}: {self.alg} {self.op} {self.source} {sorted(self.flags)}"


class Slot:
    """A session directory and what its files were last given."""

    def __init__(self, folder, name, op, alg):
        os.mkdir(name, dir_fd=folder)
        self.folder, self.name = folder, name
        self.fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
        self.given = {}
        self.put("alg", alg.encode())
        self.put("op", op.encode())

    def put(self, file, value, always=False):
        """Write a file, if its value changes. None removes it: the default again."""
        if not always and self.given.get(file) == value:
            return
        self.given[file] = value
        try:
            if value is None:
                os.unlink(file, dir_fd=self.fd)
                return
            fd = os.open(file, os.O_WRONLY | os.O_TRUNC, dir_fd=self.fd)
            try:
                if value:
                    os.write(fd, value)
            finally:
                os.close(fd)
        except OSError as e:
            raise Refused(file, e.errno) from e

    def get(self, file):
        try:
            fd = os.open(file, os.O_RDONLY, dir_fd=self.fd)
            try:
                out = b""
                while part := os.read(fd, 1 << 17):
                    out += part
                return out
            finally:
                os.close(fd)
        except OSError as e:
            raise Refused(file, e.errno) from e

    def close(self):
        os.close(self.fd)
        os.rmdir(self.name, dir_fd=self.folder)


class Bench:
    """The sessions in use, one for each algorithm, operation and padding."""

    def __init__(self, daemon):
        self.folder = os.open(daemon.mount / "sessions", os.O_RDONLY | os.O_DIRECTORY)
        self.slots, self.serial = {}, 0

    @contextlib.contextmanager
    def slot(self, *what):
        """A session for (op, alg, ...); if it is refused something it is not used again."""
        if what not in self.slots:
            self.serial += 1
            self.slots[what] = Slot(self.folder, f"v{os.getpid()}-{self.serial}", *what[:2])
        try:
            yield self.slots[what]
        except BaseException:
            self.slots.pop(what).close()
            raise

    def close(self):
        for slot in self.slots.values():
            slot.close()
        os.close(self.folder)


@pytest.fixture(scope="module")
def bench(daemon):
    b = Bench(daemon)
    yield b
    b.close()


@pytest.fixture(scope="module")
def offered(daemon):
    return {row["alg"] for row in acr.rows((daemon.mount / "algorithms").read_text())}


def crypt(bench, line, op, src, tag):
    """One encrypt or decrypt of a line. Returns dst and the tag made."""
    padded = "pkcs7-padding" in line.flags
    with bench.slot(op, line.alg, padded) as s:
        if not padded and line.alg.endswith(("-ecb", "-cbc")):
            s.put("padding", b"none")
        # A nonce serves one encrypt under a key; a key written again starts afresh.
        fresh = op == "encrypt" and (line.aead or line.alg.endswith(("-ctr", "-ofb")))
        s.put("key", line.key, always=fresh)
        if line.iv:
            s.put("iv", line.iv, always=fresh)
        elif line.aead:
            s.put("iv", b"hex:")  # empty, but written
        if line.aead:
            s.put("aad", line.aad or None)
            s.put("taglen", b"%d" % len(line.tag))
            if op == "decrypt":
                s.put("tag", tag)
        s.put("src", src, always=True)
        return s.get("dst"), s.get("tag") if line.aead and op == "encrypt" else b""


def check_valid_crypt(bench, line):
    plain, secret = (line.src, line.dst) if line.op == "encrypt" else (line.dst, line.src)
    assert crypt(bench, line, "encrypt", plain, b"") == (secret, line.tag), line
    assert crypt(bench, line, "decrypt", secret, line.tag)[0] == plain, line


def check_crypt(bench, line):
    too_long = "LongIv" in line.flags and len(line.iv) > IV_MAX
    if line.valid and not too_long:
        check_valid_crypt(bench, line)
        return
    expected = errno.EINVAL if too_long or line.flags & BAD_SIZE else errno.EBADMSG
    with pytest.raises(Refused) as refused:
        crypt(bench, line, line.op, line.src, line.tag)
    assert refused.value.errno == expected, f"{line}: {refused.value}"
    if expected == errno.EBADMSG:
        assert refused.value.file == "dst", f"{line}: {refused.value}"


def check_hash(bench, line):
    with bench.slot("hash", line.alg) as s:
        s.put("src", line.src, always=True)
        assert s.get("dst") == line.dst, line


def check_mac(bench, line):
    if "InvalidKeySize" in line.flags:
        check_bad_mac_key(bench, line)
        return
    with bench.slot("mac", line.alg) as s:
        s.put("key", line.key)
        s.put("taglen", b"%d" % len(line.tag))
        s.put("src", line.src, always=True)
        # `verify` lines have the answer for a comparison; they must differ if invalid.
        assert (s.get("dst") == line.tag) == line.valid, line


def check_bad_mac_key(bench, line):
    """A key of a size that the cipher hasn't: its name is unknown, and the key is refused."""
    with pytest.raises(Refused) as refused:
        with bench.slot("mac", line.alg):
            pass
    assert refused.value.errno == errno.EOPNOTSUPP, line
    with pytest.raises(Refused) as refused:
        with bench.slot("mac", "cmac-aes-128") as s:
            s.put("key", line.key)
    assert (refused.value.file, refused.value.errno) == ("key", errno.EINVAL), line


def derive(bench, line):
    with bench.slot("derive", line.alg) as s:
        s.put("key", line.key)
        s.put("iv", line.iv or None)
        s.put("aad", line.aad or None)
        s.put("length", line.flag("size").encode())
        return s.get("dst")


def check_derive(bench, line):
    if line.valid:
        assert derive(bench, line) == line.dst, line
        return
    with pytest.raises(Refused) as refused:
        derive(bench, line)
    assert refused.value.errno == errno.EINVAL, f"{line}: {refused.value}"


def written(value):
    """A byte file's content that is this value, also when that is empty."""
    return value or b"hex:"


def verify(bench, line, always=False):
    """Whether sig is right: True or False."""
    with bench.slot("verify", line.alg) as s:
        s.put("key", line.key, always)
        s.put("sig", written(line.tag), always)
        if line.alg.startswith(("hmac-", "cmac-")):
            s.put("taglen", b"%d" % len(line.tag))
        params = [f"{ours}={line.flag(theirs)}" for ours, theirs in (
            ("mgf1", "pss-mgf1"), ("saltlen", "pss-saltlen")) if line.flag(theirs) is not None]
        if line.flag("sig-format"):
            params.append("sigformat=raw")
        s.put("params", " ".join(params).encode() or None)
        s.put("src", line.src, always=True)
        try:
            assert s.get("dst") == b"valid\n", line
        except Refused as refused:
            assert (refused.file, refused.errno) == ("dst", errno.EBADMSG), f"{line}: {refused}"
            return False
        return True


def check_verify(bench, line):
    assert line.either or verify(bench, line) == line.valid, line
    if line.either:
        verify(bench, line)


def check_mac_verify(bench, line):
    """The MAC is computed and compared here, and compared by acrypto."""
    check_mac(bench, line)
    if "InvalidKeySize" not in line.flags:
        check_verify(bench, line)


def check_sign(bench, line):
    """Deterministic, so that there is one right signature, and it verifies."""
    with bench.slot("sign", line.alg) as s:
        s.put("key", line.key)
        s.put("src", line.src, always=True)
        assert s.get("dst") == line.tag, line
    assert verify(bench, line), line


def check_agree(bench, line):
    """A key of low order, whose secret is zero, is refused."""
    zero = "ZeroSharedSecret" in line.flags
    try:
        with bench.slot("derive", line.alg) as s:
            s.put("key", line.key)
            s.put("src", line.src, always=True)
            assert s.get("dst") == line.dst and not zero, line
    except Refused as refused:
        assert zero and refused.errno == errno.EINVAL, f"{line}: {refused}"


CHECKS = {"encrypt": check_crypt, "decrypt": check_crypt, "hash": check_hash, "mac": check_mac,
          "verify": check_verify, "derive": check_derive, "sign": check_sign}
BY_NAME = {("hmac-", "verify"): check_mac_verify, ("cmac-", "verify"): check_mac_verify,
           ("x25519", "derive"): check_agree}


def check_of(line):
    return next((check for (name, op), check in BY_NAME.items()
                 if line.alg.startswith(name) and line.op == op), CHECKS[line.op])


def check_absent(daemon, alg):
    """What the OpenSSL at hand lacks is absent, not broken."""
    with daemon.session() as s, pytest.raises(OSError) as error:
        s.write("alg", alg)
        s.write("key", bytes(48 if alg == "aes-192-xts" else 32 if "256" in alg else
                             8 if alg.startswith("des-") else 16))
        s.run(bytes(16))
    assert error.value.errno in (errno.EOPNOTSUPP, errno.ENODEV), alg


def need_folder():
    if not acr.VECTORS.is_dir():
        pytest.skip(f"NO TEST VECTORS CHECKED: the folder {acr.VECTORS} is missing")


def test_every_vector_file_is_known():
    need_folder()
    assert {path.stem for path in acr.VECTORS.glob("*.jsonl")} == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_vectors(daemon, bench, offered, name):
    need_folder()
    text = (acr.VECTORS / f"{name}.jsonl").read_text().splitlines()
    lines = [Line(i + 1, json.loads(one)) for i, one in enumerate(text) if i % STEP == 0]
    checked, unsupported = 0, collections.Counter()
    for line in lines:
        if line.alg not in offered and "InvalidKeySize" not in line.flags:
            unsupported[line.alg] += 1
            continue
        check_of(line)(bench, line)
        checked += 1
    print(f"{name}: {checked} of {len(text)} lines checked" +
          (f" (every {STEP}th)" if STEP > 1 else "") +
          "".join(f", {n} of {alg} unsupported" for alg, n in unsupported.items()))
    assert set(unsupported) <= MAY_LACK
    for alg in unsupported:
        check_absent(daemon, alg)
    assert checked == len(lines) - unsupported.total()
    assert STEP > 1 or len(lines) == len(text)
