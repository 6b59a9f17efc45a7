# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keys and signatures in the forms in which people have them: certificates are taken, and what can't
be taken is named, with a command that works."""
import base64
import os
import re
import shutil
import subprocess

import pytest

import acr
from pkey_tools import Keys, openssl

pytestmark = pytest.mark.sanitize


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return Keys(tmp_path_factory.mktemp("keys"))


def certificate(keys, name, *how):
    return openssl("req", "-x509", "-new", "-key", keys.path(name), "-subj", "/CN=t", *how)


def signed(daemon, keys, name, alg, data=b"data"):
    with daemon.session(alg=alg, key=keys.private(name)) as s:
        return s.run(data)


# ---- certificates ----

@pytest.mark.parametrize("name, alg", [
    ("rsa", "rsa-sha256"), ("rsa-pss", "rsa-pss-sha256"), ("ed25519", "ed25519"), ("ed448", "ed448"),
    ("prime256v1", "ecdsa-p256-sha256"), ("sm2", "sm2")])
def test_a_certificate_verifies(daemon, keys, name, alg):
    signature = signed(daemon, keys, name, alg)
    pem = certificate(keys, name)
    chain = b"Bag Attributes\n" + pem + certificate(keys, "ed25519" if name == "rsa" else "rsa")
    with daemon.session(op="verify", alg=alg, sig=signature) as s:
        for form in (pem, certificate(keys, name, "-outform", "DER"), chain):
            assert s.run(b"data", key=form) == b"valid\n"
            with acr.fails("EBADMSG"):
                s.run(b"other")


def test_a_certificate_is_encrypted_to_and_agreed_with(daemon, keys):
    with daemon.session(alg="rsa-oaep-sha256", key=certificate(keys, "rsa")) as s:
        sealed = s.run(b"data")
        assert s.run(sealed, op="decrypt", key=keys.private("rsa")) == b"data"
    with daemon.session(alg="ecdh-p256", key=keys.private("prime256v1")) as s:
        assert s.run(certificate(keys, "prime256v1")) == s.run(keys.public("prime256v1"))


def test_a_key_beside_a_certificate_comes_first(daemon, keys):
    both = certificate(keys, "ed25519") + keys.private("ed25519")
    with daemon.session(alg="ed25519", key=both) as s:
        assert s.run(b"data") == signed(daemon, keys, "ed25519", "ed25519")


@pytest.mark.parametrize("alg, op, says", [("rsa-sha256", "sign", "certificate"), ("ed25519", "verify", "Ed25519")])
def test_a_certificate_that_does_not_serve(daemon, keys, alg, op, says):
    with daemon.session(alg=alg, op=op, sig=bytes(64), key=certificate(keys, "rsa"), src=b"data") as s:
        with acr.fails("EINVAL"):
            s.read()
        assert says in s.error()[1]


# ---- what is named, and what its command makes of it ----

def openssh(keys, name, *how):
    """A key as ssh-keygen makes it; its private and its public file."""
    path = keys.folder / f"ssh-{name}{len(how)}"
    if not path.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", *name.split("-"), "-N", "", *how, "-f", path], check=True)
    return path.read_bytes(), path.with_name(path.name + ".pub").read_bytes()


def pkcs12(keys, name):
    (keys.folder / "certificate").write_bytes(certificate(keys, name))
    return openssl("pkcs12", "-export", "-inkey", keys.path(name), "-in", keys.folder / "certificate",
                   "-passout", "pass:secret")


def encrypted(keys, name, *how):
    return keys.private(name, "-aes-256-cbc", "-passout", "pass:secret", *how)


def request(keys, name, *how):
    return openssl("req", "-new", "-key", keys.path(name), "-subj", "/CN=t", *how)


FORMS = {  # what it is called, algorithm, and the file
    "request": ("certificate request", "rsa-sha256", lambda k: request(k, "rsa")),
    "request-der": ("certificate request", "ed25519", lambda k: request(k, "ed25519", "-outform", "DER")),
    "pkcs7": ("PKCS #7", "ed25519", lambda k: pkcs7(k, "ed25519")),
    "pkcs12": ("PKCS #12", "rsa-sha256", lambda k: pkcs12(k, "rsa")),
    "openssh-rsa": ("OpenSSH", "rsa-sha256", lambda k: openssh(k, "rsa")[0]),
    "openssh-ecdsa": ("OpenSSH", "ecdsa-p256-sha256", lambda k: openssh(k, "ecdsa")[0]),
    "openssh-ed25519": ("OpenSSH", "ed25519", lambda k: openssh(k, "ed25519")[0]),
    "openssh-rsa-public": ("OpenSSH", "rsa-sha256", lambda k: openssh(k, "rsa")[1]),
    "openssh-ecdsa-public": ("OpenSSH", "ecdsa-p256-sha256", lambda k: openssh(k, "ecdsa")[1]),
    "openssh-ed25519-public": ("OpenSSH", "ed25519", lambda k: openssh(k, "ed25519")[1]),
    "encrypted": ("encrypted", "rsa-sha256", lambda k: encrypted(k, "rsa")),
    "encrypted-traditional": ("encrypted", "rsa-sha256", lambda k: encrypted(k, "rsa", "-traditional")),
    "explicit": ("curve", "ecdsa-p256-sha256",
                 lambda k: k.private("prime256v1", "-ec_param_enc", "explicit")),
    "explicit-public": ("curve", "ecdsa-p256-sha256",
                        lambda k: k.public("prime256v1", "-ec_param_enc", "explicit")),
}


def pkcs7(keys, name):
    (keys.folder / "certificate").write_bytes(certificate(keys, name))
    return openssl("crl2pkcs7", "-nocrl", "-certfile", keys.folder / "certificate")


def follow(sentence, folder, content):
    """Do what the sentence says with a file of this content; what is to be written then."""
    file = folder / "FILE"
    file.write_bytes(content)
    file.chmod(0o600)
    told = re.search("(?:output of|after) ((?:openssl|ssh-keygen|grep|cut) [^,]*)", sentence)
    assert told, sentence
    command = told[1]
    if re.match("openssl (pkey|pkcs12)", command):  # these ask for a passphrase
        command += " -passin pass:secret"
    done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, (command, done.stderr)
    return file.read_bytes() if " -p " in command else done.stdout


def reason(session, op, key):
    """Why it is refused."""
    session.write("op", op)
    session.write("key", key)
    session.write("src", b"data")
    with acr.fails("EINVAL"):
        session.read()
    return session.error()[1]


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_named_with_the_command_that_helps(daemon, keys, tmp_path, form):
    if form.startswith("openssh") and not shutil.which("ssh-keygen"):
        pytest.skip("no ssh-keygen here")
    says, alg, make = FORMS[form]
    op = "verify" if form.startswith(("request", "pkcs7")) or form.endswith("public") else "sign"
    content = make(keys)
    with daemon.session(alg=alg, sig=bytes(64)) as s:
        sentence = reason(s, op, content)
        assert says in sentence
        written = follow(sentence, tmp_path, content)
        assert acr.errno_of(lambda: s.run(b"data", key=written)) == ("EBADMSG" if op == "verify" else None)
        if op == "sign":
            assert content[100:140] not in s.text("status").encode()


def test_openssh_pairs_belong_together(daemon, keys, tmp_path):
    """What the commands make of both files of an Ed25519 key fits."""
    if not shutil.which("ssh-keygen"):
        pytest.skip("no ssh-keygen here")
    private, public = openssh(keys, "ed25519")
    with daemon.session(alg="ed25519", sig=bytes(64)) as s:
        public = follow(reason(s, "verify", public), tmp_path, public)
        s.write("op", "sign")
        signature = s.run(b"data", key=follow(reason(s, "sign", private), tmp_path, private))
        s.write("op", "verify")
        assert s.run(b"data", key=public, sig=signature) == b"valid\n"


@pytest.mark.parametrize("content, says", [
    (b'{"kty": "OKP", "crv": "Ed25519", "x": "abc"}', "JSON Web Key"),
    (b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOYBF\n", "OpenPGP")])
def test_forms_without_a_command(daemon, content, says):
    with daemon.session(alg="ed25519") as s:
        assert says in reason(s, "sign", content)


# ---- keys that must not be taken ----

P25519, P448 = 2**255 - 19, 2**448 - 2**224 - 1
ORDER8 = [int.from_bytes(bytes.fromhex(h), "little") for h in (
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")]


@pytest.mark.parametrize("alg, size, bad", [
    ("ed25519", 32, [0, 1, P25519 - 1, *ORDER8, P25519, P25519 + 1, P25519 + 18]),
    ("ed448", 57, [0, 1, P448 - 1, P448, P448 + 1, 2**448 - 1])])
def test_points_under_which_anything_verifies(daemon, alg, size, bad):
    """RFC 8032: what is not below the prime does not decode; points of low order are no keys."""
    forged = (1).to_bytes(size, "little") + bytes(size)
    prefix = {"ed25519": "302a300506032b6570032100", "ed448": "3043300506032b6571033a00"}[alg]
    with daemon.session(alg=alg, op="verify", sig=forged) as s:
        for y in bad:
            for sign in (0, 1 << (8 * size - 1)):
                point = (y | sign).to_bytes(size, "little")
                for key in (point, bytes.fromhex(prefix) + point):
                    assert "point" in reason(s, "verify", key), hex(y)


def replaced(der, old, new):
    assert der.count(old) == 1
    return der.replace(old, new)


@pytest.mark.parametrize("alg", ["ecdh-prime256v1", "ecdsa-prime256v1-sha256"])
def test_curves_that_are_spelled_out(daemon, keys, alg):
    """Whatever they say of the cofactor, as own key and as the peer's."""
    explicit = ("-ec_param_enc", "explicit", "-outform", "DER")
    with daemon.session(alg=alg) as s:
        assert "curve" in reason(s, s.text("op"), keys.private("prime256v1", *explicit))
        if not alg.startswith("ecdh"):
            return
        s.write("key", keys.private("prime256v1"))
        public = keys.public("prime256v1", *explicit)
        for peer in (public, replaced(public, b"\x02\x01\x01\x03", b"\x02\x01\x02\x03")):
            with acr.fails("EINVAL"):
                s.run(peer)
            assert "curve" in s.error()[1]


# ---- signatures of another form ----

def test_a_signature_of_another_form_is_named(daemon, keys):
    """Each is refused as before, with EBADMSG, and the sentence tells what it seems to be."""
    made = {}
    with daemon.session(alg="ecdsa-p256-sha256", key=keys.private("prime256v1")) as s:
        made["der"] = s.run(b"data")
        made["raw"] = s.run(b"data", params="sigformat=raw")
    cases = [("sigformat=der", made["raw"], "sigformat=raw"), ("sigformat=raw", made["der"], "sigformat=der"),
             ("sigformat=der", made["der"][:-1], "DER"), ("sigformat=raw", made["raw"][:-1], "63 bytes"),
             ("sigformat=der", base64.b64encode(made["der"]) + b"\n", "base64"),
             ("sigformat=raw", made["raw"].hex().encode(), "hex:"),
             ("sigformat=raw", made["raw"][::-1], "does not verify")]
    with daemon.session(alg="ecdsa-p256-sha256", op="verify", key=keys.public("prime256v1")) as s:
        for params, sig, says in cases:
            with acr.fails("EBADMSG"):
                s.run(b"data", params=params, sig=sig)
            assert says in s.error()[1], s.error()


@pytest.mark.parametrize("name, alg, size", [("rsa", "rsa-sha256", 256), ("ed25519", "ed25519", 64),
                                             ("ed448", "ed448", 114)])
def test_a_signature_of_another_length_is_named(daemon, keys, name, alg, size):
    good = signed(daemon, keys, name, alg)
    with daemon.session(alg=alg, op="verify", key=keys.public(name)) as s:
        for sig, says in ((good[:-1], str(size)), (good + b"\0", str(size)),
                          (base64.encodebytes(good), "base64"), (os.urandom(size), "does not verify")):
            with acr.fails("EBADMSG"):
                s.run(b"data", sig=sig)
            assert says in s.error()[1], s.error()


# ---- the limits of RSA-OAEP ----

def test_oaep_says_what_the_key_can_encrypt(daemon, keys):
    with daemon.session(alg="rsa-oaep-sha256", key=keys.public("rsa")) as s:
        for length in (191, 2048, 2049, 1 << 20):
            with acr.fails("EINVAL"):
                s.run(bytes(length))
            assert f"{length} bytes" in s.error()[1] and "190" in s.error()[1]
        sealed = s.run(bytes(190))
        s.write("op", "decrypt")
        s.write("key", keys.private("rsa"))
        for length in (0, 255, 257, 5000):
            with acr.fails("EBADMSG"):
                s.run((sealed * 20)[:length])
            assert f"{length} bytes" in s.error()[1] and "256" in s.error()[1]
