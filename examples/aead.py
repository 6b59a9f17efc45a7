#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Authenticated encryption of a message with a header, and what happens when one is changed."""
import errno
import os
import pathlib
import tempfile

MOUNT = pathlib.Path(os.environ.get("ACRYPTO", "/acrypto"))
KEY, HEADER = os.urandom(32), b"to: bob"
MESSAGE = b"meet me at noon " * 1000


def aead(op, message, header):
    """One request in a session of its own; the nonce and the tag travel with the message."""
    session = pathlib.Path(tempfile.mkdtemp(prefix="aead.", dir=MOUNT / "sessions"))
    try:
        (session / "op").write_text(op)
        (session / "alg").write_text("aes-256-gcm")
        (session / "key").write_bytes(KEY)
        (session / "aad").write_bytes(header)
        (session / "src").write_bytes(message)
        return (session / "dst").read_bytes()
    finally:
        session.rmdir()


sealed = aead("encrypt", MESSAGE, HEADER)
assert len(sealed) == 12 + len(MESSAGE) + 16
assert aead("decrypt", sealed, HEADER) == MESSAGE

forged = bytearray(sealed)
forged[100] ^= 1
for message, header in (bytes(forged), HEADER), (sealed, b"to: eve"), (sealed[:-1], HEADER):
    try:
        aead("decrypt", message, header)
    except OSError as error:
        assert error.errno == errno.EBADMSG, error
    else:
        raise SystemExit("a forgery was not noticed")
