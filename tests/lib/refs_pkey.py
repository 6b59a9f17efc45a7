# SPDX-License-Identifier: LGPL-2.1-or-later
"""Public-key algorithms from their standards, on Python's integers: slow, not constant-time, and
sharing nothing with the daemon. Random choices are arguments here, so that results repeat."""
import hashlib
import hmac as hmacs

NAMES = {"sha512-224": "sha512_224", "sha512-256": "sha512_256", "sha3-224": "sha3_224",
         "sha3-256": "sha3_256", "sha3-384": "sha3_384", "sha3-512": "sha3_512"}
DIGESTS = ["sha1", "sha224", "sha256", "sha384", "sha512", *NAMES]

# DER of the algorithm identifiers, RFC 8017 9.2 and NIST's table of hash functions.
OIDS = {"sha1": "06052b0e03021a", **{
    name: f"06096086480165030402{number:02x}" for name, number in (
        ("sha256", 1), ("sha384", 2), ("sha512", 3), ("sha224", 4), ("sha512-224", 5),
        ("sha512-256", 6), ("sha3-224", 7), ("sha3-256", 8), ("sha3-384", 9), ("sha3-512", 10))}}


def digest(name, data):
    return hashlib.new(NAMES.get(name, name), data).digest()


# ---- DER ----

def tlv(tag, content):
    size = len(content)
    head = bytes([size]) if size < 128 else \
        bytes([0x80 + (size.bit_length() + 7) // 8]) + size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag]) + head + content


def sequence(*parts):
    return tlv(0x30, b"".join(parts))


def integer(value):
    return tlv(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def integers(der):
    """The integers of a SEQUENCE of them, with lengths below 128 bytes each."""
    at, found = 3 if der[1] & 0x80 else 2, []
    while at < len(der):
        size = der[at + 1]
        found.append(int.from_bytes(der[at + 2:at + 2 + size], "big"))
        at += 2 + size
    return found


# ---- RSA, RFC 8017 ----

class Rsa:
    """A private key; without primes a public one."""

    def __init__(self, n, e, d=None, p=None, q=None):
        self.n, self.e, self.d, self.p, self.q = n, e, d, p, q
        self.size = (n.bit_length() + 7) // 8

    @classmethod
    def of_primes(cls, p, q, e=65537):
        return cls(p * q, e, pow(e, -1, (p - 1) * (q - 1)), p, q)

    def public_der(self):
        return sequence(integer(self.n), integer(self.e))

    def private_der(self):
        p, q, d = self.p, self.q, self.d
        return sequence(*map(integer, (0, self.n, self.e, d, p, q, d % (p - 1), d % (q - 1),
                                       pow(q, -1, p))))

    def public(self, block):
        return pow(int.from_bytes(block, "big"), self.e, self.n).to_bytes(self.size, "big")

    def private(self, block):
        return pow(int.from_bytes(block, "big"), self.d, self.n).to_bytes(self.size, "big")


def mask(name, seed, size):
    """MGF1."""
    out = b"".join(digest(name, seed + i.to_bytes(4, "big"))
                   for i in range(size // len(digest(name, b"")) + 1))
    return out[:size]


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


def pkcs1_sign(key, name, data):
    info = sequence(sequence(bytes.fromhex(OIDS[name]), b"\x05\x00"), tlv(4, digest(name, data)))
    return key.private(b"\0\1" + b"\xff" * (key.size - len(info) - 3) + b"\0" + info)


def pss_sign(key, name, data, salt, mgf1=None):
    bits = key.n.bit_length() - 1
    size, h = (bits + 7) // 8, digest(name, bytes(8) + digest(name, data) + salt)
    db = bytes(size - len(salt) - len(h) - 2) + b"\1" + salt
    masked = bytearray(xor(db, mask(mgf1 or name, h, len(db))))
    masked[0] &= 0xff >> (8 * size - bits)
    return key.private(bytes(masked) + h + b"\xbc")


def pss_verify(key, name, data, sig, saltlen):
    bits = key.n.bit_length() - 1
    size, hlen = (bits + 7) // 8, len(digest(name, b""))
    em = key.public(sig)[-size:]
    masked, h = em[:size - hlen - 1], em[size - hlen - 1:-1]
    db = bytearray(xor(masked, mask(name, h, len(masked))))
    db[0] &= 0xff >> (8 * size - bits)
    salt = bytes(db[len(db) - saltlen:])
    return em[-1:] == b"\xbc" and bytes(db[:len(db) - saltlen]) == \
        bytes(len(db) - saltlen - 1) + b"\1" and h == digest(name, bytes(8) + digest(name, data) + salt)


def oaep_encrypt(key, name, data, seed, label=b"", mgf1=None):
    mgf1 = mgf1 or name
    db = digest(name, label)
    db += bytes(key.size - len(data) - 2 * len(db) - 2) + b"\1" + data
    masked = xor(db, mask(mgf1, seed, len(db)))
    return key.public(b"\0" + xor(seed, mask(mgf1, masked, len(seed))) + masked)


def oaep_decrypt(key, name, data, label=b""):
    em, hlen = key.private(data), len(digest(name, b""))
    masked = em[1 + hlen:]
    seed = xor(em[1:1 + hlen], mask(name, masked, hlen))
    db = xor(masked, mask(name, seed, len(masked)))
    assert em[0] == 0 and db[:hlen] == digest(name, label)
    return db[hlen:].lstrip(b"\0")[1:]


# ---- elliptic curves, SEC 1 and SEC 2 ----

class Curve:
    """y^2 = x^3 + ax + b modulo p, with the generator g of order n."""

    def __init__(self, p, a, b, n, gx):
        self.p, self.a, self.b, self.n = p, a % p, b, n
        self.size = (p.bit_length() + 7) // 8
        self.g = self.lift(gx)

    def lift(self, x, odd=None):
        """The point with this x; of the two the one whose y is odd or even as wanted."""
        y = pow(x ** 3 + self.a * x + self.b, (self.p + 1) // 4, self.p)
        return (x, y if odd is None or y & 1 == odd else self.p - y)

    def add(self, one, two):
        if one is None or two is None:
            return one or two
        p, (x1, y1), (x2, y2) = self.p, one, two
        if x1 == x2 and (y1 + y2) % p == 0:
            return None
        slope = (3 * x1 * x1 + self.a) * pow(2 * y1, -1, p) if one == two else \
            (y2 - y1) * pow(x2 - x1, -1, p)
        x = (slope * slope - x1 - x2) % p
        return x, (slope * (x1 - x) - y1) % p

    def times(self, number, point=None):
        point, out = point or self.g, None
        for bit in bin(number)[2:]:
            out = self.add(out, out)
            if bit == "1":
                out = self.add(out, point)
        return out

    def pack(self, point):
        """Uncompressed, as SEC 1 2.3.3."""
        return b"\4" + b"".join(c.to_bytes(self.size, "big") for c in point)

    def hash(self, data_digest):
        """The leftmost bits of a digest, FIPS 186-5 6.4.1."""
        return int.from_bytes(data_digest, "big") >> max(0, 8 * len(data_digest) - self.n.bit_length())


def curve(name):
    return CURVES[name]


P256 = 2**256 - 2**224 + 2**192 + 2**96 - 1
P384 = 2**384 - 2**128 - 2**96 + 2**32 - 1
P521 = 2**521 - 1
K256 = 2**256 - 2**32 - 977
SM2P = 2**256 - 2**224 - 2**96 + 2**64 - 1


def hexadecimal(*words):
    return int("".join(words), 16)


CURVES = {
    "prime256v1": Curve(
        P256, -3, hexadecimal("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b"),
        hexadecimal("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"),
        hexadecimal("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296")),
    "secp384r1": Curve(
        P384, -3, hexadecimal("b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875a",
                              "c656398d8a2ed19d2a85c8edd3ec2aef"),
        hexadecimal("ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf",
                    "581a0db248b0a77aecec196accc52973"),
        hexadecimal("aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a38",
                    "5502f25dbf55296c3a545e3872760ab7")),
    "secp521r1": Curve(
        P521, -3, hexadecimal("0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef1",
                              "09e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b50", "3f00"),
        hexadecimal("01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
                    "a51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409"),
        hexadecimal("00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3d",
                    "baa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66")),
    "secp256k1": Curve(
        K256, 0, 7, hexadecimal("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"),
        hexadecimal("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")),
    "SM2": Curve(
        SM2P, -3, hexadecimal("28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93"),
        hexadecimal("fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123"),
        hexadecimal("32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7")),
}
# Which of the two points is the generator.
for curve_name, odd_y in (("prime256v1", 1), ("secp384r1", 1), ("secp521r1", 0), ("secp256k1", 0),
                          ("SM2", 0)):
    CURVES[curve_name].g = CURVES[curve_name].lift(CURVES[curve_name].g[0], odd_y)


def nonce(c, name, private, data_digest):
    """RFC 6979 3.2."""
    size, bits = (c.n.bit_length() + 7) // 8, c.n.bit_length()

    def number(octets):
        return int.from_bytes(octets, "big") >> max(0, 8 * len(octets) - bits)

    def mac(key, data):
        return hmacs.new(key, data, NAMES.get(name, name)).digest()

    seed = private.to_bytes(size, "big") + (number(data_digest) % c.n).to_bytes(size, "big")
    v, k = b"\1" * len(data_digest), bytes(len(data_digest))
    for separator in (b"\0", b"\1"):
        k = mac(k, v + separator + seed)
        v = mac(k, v)
    while True:
        out = b""
        while len(out) < size:
            v = mac(k, v)
            out += v
        if 0 < number(out[:size]) < c.n:
            return number(out[:size])
        k = mac(k, v + b"\0")
        v = mac(k, v)


def ecdsa_sign(c, name, private, data):
    """(r, s)"""
    data_digest = digest(name, data)
    k = nonce(c, name, private, data_digest)
    r = c.times(k)[0] % c.n
    return r, pow(k, -1, c.n) * (c.hash(data_digest) + r * private) % c.n


def ecdsa_verify(c, name, point, data, r, s):
    w = pow(s, -1, c.n)
    at = c.add(c.times(c.hash(digest(name, data)) * w % c.n), c.times(r * w % c.n, point))
    return at is not None and at[0] % c.n == r and 0 < r < c.n and 0 < s < c.n


def sm2_hash(point, data, identity=b"1234567812345678"):
    """GB/T 32918.2 5.5 and 6.1: of who signs and what."""
    c = CURVES["SM2"]
    about = (8 * len(identity)).to_bytes(2, "big") + identity + b"".join(
        number.to_bytes(32, "big") for number in (c.a, c.b, *c.g, *point))
    return int.from_bytes(digest("sm3", digest("sm3", about) + data), "big")


def sm2_verify(point, data, r, s):
    c = CURVES["SM2"]
    at = c.add(c.times(s), c.times((r + s) % c.n, point))
    return (sm2_hash(point, data) + at[0]) % c.n == r


def ec_private_der(name, oid, private):
    """SEC 1 C.4, with the public key."""
    c = CURVES[name]
    return sequence(integer(1), tlv(4, private.to_bytes(c.size, "big")),
                    tlv(0xa0, bytes.fromhex(oid)), tlv(0xa1, tlv(3, b"\0" + c.pack(c.times(private)))))


def ec_public_der(name, oid, point):
    """SubjectPublicKeyInfo, RFC 5480."""
    return sequence(sequence(bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex(oid)),
                    tlv(3, b"\0" + CURVES[name].pack(point)))
