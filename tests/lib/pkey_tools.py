# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keys and signatures of the command `openssl`, for tests of public-key algorithms."""
import subprocess

RSA = ("RSA", "-pkeyopt", "rsa_keygen_bits:2048")
KEYS = {  # name: how `openssl genpkey -algorithm` makes it
    "rsa": RSA, "rsa1": ("RSA", "-pkeyopt", "rsa_keygen_bits:1024"),
    "rsa-pss": ("RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"),
    "sm2": ("SM2",), "ed25519": ("ED25519",), "ed448": ("ED448",), "x25519": ("X25519",),
    "x448": ("X448",),
    **{curve: ("EC", "-pkeyopt", f"ec_paramgen_curve:{curve}") for curve in (
        "prime256v1", "secp384r1", "secp521r1", "secp256k1")},
}


def openssl(*words, data=b"", folder=None):
    done = subprocess.run(["openssl", *map(str, words)], input=data, capture_output=True, cwd=folder,
                          timeout=60, check=False)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


class Keys:
    """Makes each key when it is first asked for."""

    def __init__(self, folder):
        self.folder, self.made = folder, set()

    def path(self, name):
        path = self.folder / f"{name}.pem"
        if name not in self.made:
            openssl("genpkey", "-algorithm", *KEYS[name.split("+")[0]], "-out", path)
            self.made.add(name)
        return path

    def private(self, name, *how):
        """PEM unless `how` says otherwise, as -outform DER or -traditional."""
        return openssl("pkey", "-in", self.path(name), *how)

    def public(self, name, *how):
        return openssl("pkey", "-in", self.path(name), "-pubout", *how)

    def public_path(self, name):
        path = self.folder / f"{name}.pub"
        path.write_bytes(self.public(name))
        return path

    def sign(self, name, data, words):
        """words: of `openssl dgst`, none for EdDSA."""
        if words:
            return openssl("dgst", *words, "-sign", self.path(name), data=data)
        (self.folder / "data").write_bytes(data)
        return openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.path(name), "-in", "data",
                       folder=self.folder)

    def verify(self, name, data, signature, words):
        (self.folder / "sig").write_bytes(signature)
        if words:
            openssl("dgst", *words, "-verify", self.public_path(name), "-signature", "sig",
                    data=data, folder=self.folder)
            return
        (self.folder / "data").write_bytes(data)
        openssl("pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", self.public_path(name), "-in",
                "data", "-sigfile", "sig", folder=self.folder)


def pss(saltlen, mgf1=None):
    words = ("-sigopt", "rsa_padding_mode:pss", "-sigopt", f"rsa_pss_saltlen:{saltlen}")
    return words + (("-sigopt", f"rsa_mgf1_md:{mgf1}") if mgf1 else ())


# alg, key, params, words of `openssl dgst`
SIGNATURES = [
    *((f"rsa-{d}", "rsa", "", (f"-{o}",)) for d, o in (
        ("sha1", "sha1"), ("sha256", "sha256"), ("sha384", "sha384"), ("sha512", "sha512"),
        ("sha512-256", "sha512-256"), ("sha3-256", "sha3-256"))),
    ("rsa-pss-sha256", "rsa", "", ("-sha256", *pss(32))),
    ("rsa-pss-sha512", "rsa", "", ("-sha512", *pss(64))),
    ("rsa-pss-sha256", "rsa", "saltlen=0", ("-sha256", *pss(0))),
    ("rsa-pss-sha256", "rsa", "saltlen=20 mgf1=sha1", ("-sha256", *pss(20, "sha1"))),
    ("rsa-pss-sha256", "rsa", "saltlen=max", ("-sha256", *pss("max"))),
    ("rsa-pss-sha256", "rsa", "saltlen=auto", ("-sha256", *pss("digest"))),
    ("rsa-pss-sha256", "rsa-pss", "", ("-sha256", *pss(32))),
    *((f"ecdsa-{c}-{d}", c, "", (f"-{d}",)) for c in (
        "prime256v1", "secp384r1", "secp521r1", "secp256k1") for d in ("sha256", "sha3-384")),
    ("ecdsa-p256-sha256", "prime256v1", "", ("-sha256",)),
    ("ecdsa-p384-sha384", "secp384r1", "", ("-sha384",)),
    ("ecdsa-p521-sha512", "secp521r1", "", ("-sha512",)),
    ("sm2", "sm2", "", ("-sm3", "-sigopt", "distid:1234567812345678")),
    ("sm2", "sm2", "digest=sm3 sigformat=der", ("-sm3", "-sigopt", "distid:1234567812345678")),
    ("ed25519", "ed25519", "", ()),
    ("ed448", "ed448", "", ()),
]
