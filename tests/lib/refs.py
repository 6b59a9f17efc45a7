# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the results must be, from an implementation that shares nothing with the daemon's files."""
from cryptography.hazmat.primitives import padding as pads
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def _crypt(key, mode, data, decrypt=False):
    cipher = Cipher(algorithms.AES(key), mode)
    context = cipher.decryptor() if decrypt else cipher.encryptor()
    return context.update(data) + context.finalize()


def pad(data, block=16):
    """PKCS#7 padding."""
    padder = pads.PKCS7(block * 8).padder()
    return padder.update(data) + padder.finalize()


def cbc(key, iv, data, padded=True):
    """AES-CBC encryption."""
    return _crypt(key, modes.CBC(iv), pad(data) if padded else data)


def ctr(key, iv, data):
    """AES-CTR, either way."""
    return _crypt(key, modes.CTR(iv), data)


def ecb(key, data, padded=True):
    """AES-ECB encryption."""
    return _crypt(key, modes.ECB(), pad(data) if padded else data)


def gcm(key, nonce, data, aad=b""):
    """AES-GCM encryption: ciphertext and tag."""
    both = AESGCM(key).encrypt(nonce, data, aad)
    return both[:-16], both[-16:]
