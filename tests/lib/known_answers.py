# SPDX-License-Identifier: LGPL-2.1-or-later
"""The project's own known answers: at least one for each operation of each algorithm.

They are typed from the standards (known_ciphers.py, known_digests.py, known_pkeys.py), and every
one was checked without acrypto when it was written. Where the standards publish none, `source` begins
with "self:" and says how the answer was computed."""
import dataclasses

import known_ciphers
import known_digests
import known_pkeys


@dataclasses.dataclass(frozen=True)
class Answer:
    """One request: `files` to write (src among them unless nothing is read), then dst."""
    op: str
    alg: str
    source: str
    files: dict
    dst: bytes
    tag: bytes = b""

    @property
    def published(self):
        return not self.source.startswith("self:")


def _crypt(alg, source, key, iv, aad, src, dst, tag):
    """The two answers that one row for a cipher stands for."""
    key, iv, aad, src, dst, tag = map(bytes.fromhex, (key, iv, aad, src, dst, tag))
    files = {name: value for name, value in (("key", key), ("iv", iv), ("aad", aad)) if value}
    if alg.endswith(("-ecb", "-cbc")):
        files["padding"] = "none"
    if tag:
        files["taglen"] = str(len(tag))
    yield Answer("encrypt", alg, source, {**files, "src": src}, dst, tag)
    if tag:
        files["tag"] = tag
    yield Answer("decrypt", alg, source, {**files, "src": dst}, src)


ANSWERS = [answer for row in known_ciphers.ROWS for answer in _crypt(*row)]
ANSWERS += [Answer(op, alg, source, files, bytes.fromhex(dst))
            for op, alg, source, files, dst in known_digests.ROWS + known_pkeys.ROWS]
# What makes a MAC verifies it too.
ANSWERS += [Answer("verify", a.alg, a.source, {**a.files, "sig": a.dst}, b"valid\n")
            for a in ANSWERS if a.op == "mac"]
OCB_ITERATED = {alg: bytes.fromhex(tag) for alg, tag in known_ciphers.OCB_ITERATED.items()}
