# SPDX-License-Identifier: LGPL-2.1-or-later
"""The model of the HIFN 7955/7956 does what the reference says: bus, bring-up, examples."""
import hashlib
import hmac
import os
import random
import struct
import subprocess
import time

import pytest

import acr
import hifn_rings as h
from hifn_rings import Card, command, part
from strict_models import model, strict
from vfio_client import CONFIG

pytestmark = pytest.mark.sanitize

__all__ = ["model", "strict"]  # fixtures

PROGRAM = acr.BUILD / "tests/models/hifn795x/hifn795x-model"
KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
IV = bytes(range(16))
PLAIN = bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
CIPHER = bytes.fromhex("7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2")


@pytest.fixture
def card(strict):
    with Card(strict.path) as c:
        yield c.bring_up()


# ---- bus ----


def test_configuration_space(strict):
    with Card(strict.path) as c:
        header = c.read_bytes(CONFIG, 0, 256)
        assert struct.unpack_from("<HH", header) == (0x13a3, 0x001d)
        assert header[9:12] == b"\0\0\x10" and header[14] == 0
        assert header[0x34] == 0 and not header[6] & 0x10, "no capabilities"
        assert header[0x3d] == 1
        for bar, size in enumerate((0x1000, 0x2000, 0x8000, 0, 0, 0)):
            at = 0x10 + 4 * bar
            c.write(CONFIG, at, 0xffffffff)
            assert c.read(CONFIG, at) == (-size & 0xffffffff if size else 0)
            c.write(CONFIG, at, 0xfebf8000)
            assert c.read(CONFIG, at) == (0xfebf8000 if size else 0)
        c.write(CONFIG, 0, 0x12345678)
        assert c.read(CONFIG, 0) == 0x001d13a3
        c.write(CONFIG, 4, 0xffff, 2)
        assert c.read(CONFIG, 4, 2) == 0x556, "no I/O space, special cycles, palette, fast back-to-back"
        c.write(CONFIG, 0x41, 0x80, 1)
        assert c.read(CONFIG, 0x40) == 0x8000
        c.reset()
        assert c.read(CONFIG, 0x40) == 0 and c.read(CONFIG, 4, 2) == 0x556


def test_7955(model):
    m = model("--device", "7955")
    with Card(m.path) as c:
        assert c.read(CONFIG, 0) == 0x002013a3


def test_memory_space_off_reads_ones(model):
    m = model()
    with Card(m.path) as c:
        assert c.read(1, h.CNFG) == 0xffffffff
        c.write(1, h.IER, 1)
        c.write(CONFIG, 4, 2, 2)
        assert c.read(1, h.CNFG) == 7 and c.read(1, h.IER) == 0


def test_accesses_of_any_width(model):
    m = model()
    with Card(m.path) as c:
        c.write(CONFIG, 4, 2, 2)
        c.write(1, h.PUB_MEM, 0x8877665544332211, 8)
        assert c.read(1, h.PUB_MEM, 8) == 0x8877665544332211
        assert c.read(1, h.PUB_MEM + 1, 1) == 0x22
        assert c.read(1, h.PUB_MEM + 3, 2) == 0x5544
        c.write(1, h.PUB_MEM + 6, 0xabcd, 2)
        assert c.read(1, h.PUB_MEM + 4) == 0xabcd0000, "the rest of the word is written with zeros"


def test_next_client_finds_a_fresh_card(strict):
    with Card(strict.path) as c:
        c.bring_up(ier=0x22322020)
        assert c.level() == 0x11
    with Card(strict.path) as c:
        assert c.read(CONFIG, 4, 2) == 0
        c.write(CONFIG, 4, 6, 2)
        assert c.level() == 0
        assert (c.read(1, h.IER), c.read(1, h.CRAR), c.read(1, h.PLL)) == (0, 0, 0x402)


# ---- bring-up ----


def test_reset_takes_polling(strict):
    with Card(strict.path) as c:
        c.write(CONFIG, 4, 6, 2)
        c.write(1, h.CNFG, 4)
        time.sleep(0.002)
        c.write(1, h.CNFG, 7)
        assert c.read(0, h.PUCTRL) & 1
        assert c.poll(lambda: not c.read(0, h.PUCTRL2) & 1)


@pytest.mark.parametrize("seed,last", [(0x12345678, 0x4d4b79c9), (1, 0x84f2acc3)])
def test_round_function(seed, last):
    for _ in range(13):
        seed = h.round_of(seed)
    assert seed == last


@pytest.mark.parametrize("words", [12, 13])
def test_unlock(strict, words):
    with Card(strict.path) as c:
        c.write(CONFIG, 4, 6, 2)
        assert c.unlock(words) == 0x11
        c.full_reset()
        assert c.level() == 0x11, "a reset doesn't lock"


def test_unlock_with_too_few_words(model):
    with Card(model().path) as c:
        c.write(CONFIG, 4, 6, 2)
        assert c.unlock(11) == 0


def test_registers_after_reset(card):
    card.write(1, h.CNFG, 7)
    time.sleep(0.002)
    card.full_reset()
    assert [card.read(1, r) for r in (h.CRAR, h.SRAR, h.RRAR, h.DRAR, h.CSR, h.IER)] == [0] * 6
    assert card.read(1, h.PLL) == 0x402 and card.read(0, h.PUCNFG) == 0


# ---- the worked examples ----


def entries(card, *places):
    return [card.get(at, 8).hex(" ") for at in places]


def example_1(card):
    return command(0x0800, 32, 32, part(0x180b, 0, 32), KEY, IV)


def post_example_1(card):
    return card.post(example_1(card), PLAIN, 32, at={"command": 0x110000, "result": 0x120000, "source": 0x130000,
                                                   "dest": 0x140000})


def test_example_1(card):
    assert example_1(card).hex(" ") == (
        "00 08 00 00 20 00 20 00 0b 18 00 00 20 00 00 00 "
        "2b 7e 15 16 28 ae d2 a6 ab f7 15 88 09 cf 4f 3c 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f")
    done = post_example_1(card)
    places = (0x100000, 0x1000c8, 0x100350, 0x1005d8)
    assert entries(card, *places) == ["30 00 00 a2 00 00 11 00", "20 00 00 a2 00 00 13 00",
                                      "20 00 00 a2 00 00 14 00", "24 00 00 a0 00 00 12 00"]
    card.start()
    assert card.finished(done)
    assert entries(card, *places) == ["30 00 00 22 00 00 11 00", "20 00 00 22 00 00 13 00",
                                      "20 00 00 22 00 00 14 00", "24 00 00 20 00 00 12 00"]
    assert card.get(0x140000, 32) == CIPHER
    assert card.get(0x120000, 16) == bytes(16)
    assert card.poll(lambda: card.read(1, h.CSR) & h.R_DONE)
    card.write(1, h.CSR, h.R_DONE)
    assert not card.read(1, h.CSR) & h.R_DONE


def test_example_1_decrypts(card):
    what = command(0x2800, 32, 32, part(0x180b, 0, 32), KEY, IV)
    assert card.run(what, CIPHER) == (PLAIN, bytes(36))


DATA_2 = bytes(range(64))
MAC_2 = bytes.fromhex("6edabdd4cde1da672a1dda5eb404efd66f704804")


def test_example_2(card):
    post_example_1(card)
    what = command(0x0400, 64, 64, part(0x0a20, 0, 64), b"\x0b" * 20, bytes(44))
    done = card.post(what, DATA_2, 64, at={"command": 0x110200, "result": 0x120040, "source": 0x130100,
                                           "dest": 0x140100})
    places = (0x100008, 0x1000d0, 0x100358, 0x1005e0)
    assert entries(card, *places) == ["50 00 00 a2 00 02 11 00", "40 00 00 a2 00 01 13 00",
                                      "40 00 00 a2 00 01 14 00", "24 00 00 a0 40 00 12 00"]
    card.start()
    assert card.finished(done)
    assert entries(card, *places) == ["50 00 00 22 00 02 11 00", "40 00 00 22 00 01 13 00",
                                      "40 00 00 22 00 01 14 00", "24 00 00 20 40 00 12 00"]
    assert card.get(0x140100, 64) == DATA_2
    assert card.get(0x120040, 32) == bytes(12) + MAC_2


@pytest.mark.parametrize("masks,wanted", [
    (0x0a30, MAC_2[:12]), (0x0a21, bytes.fromhex("5dbc4f9aa6a96a4fd54bb1fa5c4f4223")),
    (0x0228, bytes.fromhex("c6138d514ffa2135bfce0ed0b8fac65669917ec7"))])
def test_example_2_variants(card, masks, wanted):
    key = b"\x0b" * 20 + bytes(44) if masks & 0x800 else b""
    _, result = card.run(command(0x0400, 64, 64, part(masks, 0, 64), key), DATA_2)
    assert result == (bytes(12) + wanted).ljust(36, b"\0")


def test_jumps_of_the_examples(card):
    """Every ring goes round, and its jump is as the reference shows it."""
    for i in range(25):
        card.run(command(0x0800, 32, 32, part(0x180b, 0, 32), KEY, IV), PLAIN, pieces=[4, 12, 8, 8],
                 room_pieces=[8, 8, 8, 8])
        if i == 19:
            jump = {0x100348: "00 00 00 42 c8 00 10 00", 0x1005d0: "00 00 00 c2 50 03 10 00"}
            assert entries(card, 0x1005d0) == [jump[0x1005d0]], "armed, not reached yet"
    assert entries(card, 0x1000c0, 0x100348, 0x1005d0, 0x100698) == [
        "00 00 00 42 00 00 10 00", "00 00 00 42 c8 00 10 00", "00 00 00 42 50 03 10 00",
        "00 00 00 42 d8 05 10 00"]


# ---- algorithms ----


def openssl(name, encrypt, key, iv, data):
    words = ["openssl", "enc", "-" + name, "-e" if encrypt else "-d", "-nopad", "-K", key.hex(),
             "-provider", "legacy", "-provider", "default"]
    if iv:
        words += ["-iv", iv.hex()]
    return subprocess.run(words, input=data, capture_output=True, check=True).stdout


CIPHERS = [(name, masks, key, iv, mode) for name, masks, key, iv in
           (("des", 0, 8, 8), ("des-ede3", 1, 24, 8), ("aes-128", 3, 16, 16), ("aes-192", 0x203, 24, 16),
            ("aes-256", 0x403, 32, 16)) for mode in ("ecb", "cbc", "cfb", "ofb")]


@pytest.mark.parametrize("name,masks,key_bytes,iv_bytes,mode", CIPHERS,
                         ids=[f"{c[0]}-{c[4]}" for c in CIPHERS])
def test_cipher(card, name, masks, key_bytes, iv_bytes, mode):
    chance = random.Random(name + mode)
    key, iv = chance.randbytes(key_bytes), chance.randbytes(iv_bytes) if mode != "ecb" else b""
    masks |= 0x800 | (0x1000 if iv else 0) | ("ecb", "cbc", "cfb", "ofb").index(mode) << 3
    full = name if name == "des-ede3" and mode == "ecb" else f"{name}-{mode}"
    for blocks in (1, 5, 100):
        plain = chance.randbytes(blocks * iv_bytes)
        n = len(plain)
        wanted = openssl(full, True, key, iv, plain)
        crypt = part(masks, 0, n) + key + iv
        assert card.run(command(0x0800, n, n, crypt), plain)[0] == wanted
        assert card.run(command(0x2800, n, n, crypt), wanted)[0] == plain


def test_self_test_of_the_reference(card):
    done, _ = card.run(command(0x0800, 16, 16, part(0x803, 0, 16), bytes(16)), bytes(16))
    assert done.hex() == "66e94bd4ef8a2c3b884cfa59ca342b2e"


def test_rc4(card):
    key = b"Key!"
    field = key * 64 + bytes(4)
    done, _ = card.run(command(0x0800, 16, 16, part(0x802, 0, 16), field), b"Attack at dawn!!")
    assert done == openssl("rc4", True, key.ljust(4, b"\0") * 4, b"", b"Attack at dawn!!")


@pytest.mark.parametrize("n", [1, 2, 3, 4, 63, 64, 65, 1500, 5000])
def test_hash_with_slop(card, n):
    """13.3: a length that is no multiple of 4 gets a scratch word."""
    data = os.urandom(n)
    s = n % 4
    room = n - s + (4 if s else 0)
    parts = [p for p in (n - s, 4 if s else 0) if p]
    out, result = card.run(command(0x0400, n, room, part(0x0228, 0, n)), data, room, room_pieces=parts)
    assert out == data.ljust(room, b"\0")
    assert result[12:32] == hashlib.sha1(data).digest()
    assert struct.unpack("<HHHH", result[:8]) == (0, 0, 0, 0)


def esp(n, skip, masks, key):
    """Encrypt, then HMAC over all, fused."""
    return lambda opcode: command(opcode | 0x0c00, n, n, part(masks, 0, n), part(0x180b, skip, n - skip),
                                  key.ljust(64, b"\0"), KEY, IV)


def test_cipher_and_mac_in_one_pass(card):
    plain = os.urandom(8 + 160)
    key = os.urandom(20)
    make = esp(168, 8, 0x0a20, key)
    out, result = card.run(make(0), plain)
    assert out == plain[:8] + openssl("aes-128-cbc", True, KEY, IV, plain[8:])
    assert result[12:32] == hmac.digest(key, out, "sha1") and len(result) == 36
    back, result = card.run(make(0x2000), out)
    assert back == plain and result[12:32] == hmac.digest(key, out, "sha1")


def test_append_and_compare(card):
    plain, key = os.urandom(64), os.urandom(16)
    keys = key.ljust(64, b"\0") + KEY + IV
    crypt = part(0x180b, 0, 64)
    out, result = card.run(command(0x0c00, 64, 76, part(0x0a50, 0, 64), crypt, keys), plain, 76, result_room=16)
    assert out[:64] == openssl("aes-128-cbc", True, KEY, IV, plain)
    assert out[64:] == hmac.digest(key, out[:64], "sha1")[:12]
    check = command(0x2c00, 76, 76, part(0x0a50, 0, 64), crypt, keys)
    back, result = card.run(check, out, result_room=16)
    assert back[:64] == plain and result[8] == 0 and result[6:8] == b"\x0c\0"
    bad = out[:70] + bytes([out[70] ^ 1]) + out[71:]
    assert card.run(check, bad, result_room=16)[1][8] == 2, "MISCOMPARE"


def test_stored_key_and_chaining(card):
    card.run(command(0x0800, 16, 16, part(0x180b, 0, 16), KEY, IV, session=3), PLAIN[:16])
    out, result = card.run(command(0x0800, 16, 16, part(0x000b, 0, 16), session=3), PLAIN[16:])
    assert out == CIPHER[16:] and result[2] == 3


def test_room_left_over_and_too_little(model):
    with Card(model().path) as c:
        c.bring_up(ier=0)
        what = part(0x180b, 0, 32) + KEY + IV
        out, result = c.run(command(0x0800, 32, 48, what), PLAIN, 48)
        assert out == CIPHER + bytes(16) and struct.unpack("<HHHH", result[:8]) == (0, 0, 0, 16)
        out, result = c.run(command(0x0800, 32, 16, what), PLAIN, 16)
        assert out == CIPHER[:16] and struct.unpack("<H", result[:2]) == (0x200,)
        assert c.read(0, h.PUISR) & 0x200 and c.read(1, h.CSR) & 1
        out, _ = c.run(command(0x0800, 32, 32, what), PLAIN, 16)
        assert out == CIPHER[:16] and c.read(1, h.CSR) & h.D_OVER
        c.run(command(0x0800, 32, 32, what), PLAIN, result_room=4)
        assert c.read(1, h.CSR) & h.R_OVER


def test_longest_operation(card):
    n = 0x3fff0
    plain = random.Random(1).randbytes(n)
    done = card.post(command(0x0800, n, n, part(0x180b, 0, n), KEY, IV), plain, n,
                     at={"source": 0x140000, "dest": 0x180000}, pieces=[0xfff0] * 4 + [0x30],
                     room_pieces=[0xffec] * 4 + [0x40])
    card.start()
    assert card.finished(done)
    assert card.get(0x180000, n) == openssl("aes-128-cbc", True, KEY, IV, plain)


def test_ram_commands(card):
    word = os.urandom(8)
    card.run(struct.pack("<HHHH", 0x6000, 1, 8, 8) + bytes(8), word, 4, result_room=8)
    out, _ = card.run(struct.pack("<HHHH", 0x4000, 1, 8, 8) + bytes(8), bytes(8), 8)
    assert out == word


@pytest.mark.parametrize("masks", [0x0100, 0x0200, 0x0c00 | 0x8000], ids=["compression", "padding", "opcode"])
def test_what_is_not_modelled_is_an_invalid_command(model, masks):
    m = model()
    with Card(m.path) as c:
        c.bring_up()
        out, result = c.run(command(masks, 16, 16, bytes(8)), b"x" * 16)
        assert (out, result) == (bytes(16), bytes(36))
        assert c.read(0, h.PUISR) & 0x8000
    assert "an invalid command" in m.trace


# ---- order, interrupts, memory by messages ----


def test_any_posting_order(card):
    """A part of an operation just waits; rings are enabled one after the other."""
    what = command(0x0800, 32, 32, part(0x180b, 0, 32), KEY, IV)
    done = card.post(what, PLAIN, 32)
    held = {at: card.word(at) for at in (0x100000, 0x1000c8, 0x100350, 0x1005d8)}
    for at, flags in held.items():
        card.put(at, struct.pack("<I", flags & ~h.VALID))
    card.start()
    for at in (0x1005d8, 0x1000c8, 0x100000):
        card.put(at, struct.pack("<I", held[at]))
    time.sleep(0.01)
    assert card.word(done) & h.VALID
    card.put(0x100350, struct.pack("<I", held[0x100350]))
    assert card.finished(done), "no doorbell is needed while the rings are polled"


def test_many_at_once_in_order(card):
    for turn in range(20):
        dones = []
        for i in range(20):
            data = bytes([turn, i]) * 32
            what = command(0x0400, 64, 64, part(0x0228, 0, 64))
            dones.append((card.post(what, data, 64), card.at["result"], hashlib.sha1(data).digest()))
        card.start()
        assert card.finished(dones[-1][0])
        for done, at, digest in dones:
            assert not card.word(done) & h.VALID and card.get(at + 12, 20) == digest


def test_interrupt_masks_itself(strict):
    with Card(strict.path) as c:
        c.bring_up(ier=0x22322020)
        c.arm()
        assert not c.interrupts()
        what = command(0x0800, 32, 32, part(0x180b, 0, 32), KEY, IV)
        c.run(what, PLAIN)
        assert c.interrupts(60) == 1
        c.run(what, PLAIN)
        assert not c.interrupts(), "masked until the client unmasks it"
        c.unmask()
        assert c.interrupts(60) == 1, "the level is still up"
        assert c.read(CONFIG, 6, 2) & 8
        c.write(1, h.CSR, h.R_DONE)
        c.unmask()
        assert not c.interrupts() and not c.read(CONFIG, 6, 2) & 8
        c.write(CONFIG, 4, 0x406, 2)
        c.run(what, PLAIN)
        assert c.poll(lambda: c.read(1, h.CSR) & h.R_DONE)
        assert not c.interrupts(), "off in the command register"
        c.write(CONFIG, 4, 6, 2)
        assert c.interrupts(60) == 1


def test_idle_command_ring_fires_again(strict):
    with Card(strict.path) as c:
        c.bring_up(ier=0x22322020 | h.C_WAIT)
        c.arm()
        c.start()
        for _ in range(3):
            assert c.interrupts(60) == 1
            c.write(1, h.CSR, h.C_WAIT)
            c.unmask()


def test_masked_done_raises_nothing(card):
    done = card.post(command(0x0800, 32, 32, part(0x180b, 0, 32), KEY, IV), PLAIN, 32)
    card.put(done, struct.pack("<I", card.word(done) | h.MASKDONE))
    card.start()
    assert card.finished(done) and not card.read(1, h.CSR) & h.R_DONE


@pytest.mark.parametrize("n", [32, 0x8000])
def test_memory_by_messages(strict, n):
    with Card(strict.path, share=False) as c:
        c.bring_up()
        plain = os.urandom(n)
        done = c.post(command(0x0800, n, n, part(0x180b, 0, n), KEY, IV), plain, n,
                      at={"dest": 0x180000})
        c.start()
        assert c.finished(done) and c.asked > 8
        assert c.get(0x180000, n) == openssl("aes-128-cbc", True, KEY, IV, plain)
        c.write(1, h.CSR, 0x40404040)
        c.unmap(h.BASE, h.SIZE)


def test_dma_abort_and_recovery(model):
    m = model("--strict")
    with Card(m.path) as c:
        c.bring_up(ier=0x22322020)
        c.arm()
        done = c.post(command(0x0800, 32, 32, part(0x180b, 0, 32), KEY, IV), PLAIN, 32)
        c.put(0x1000c8 + 4, struct.pack("<I", 0x80000000))
        c.start()
        assert c.interrupts(60) == 1
        csr = c.read(1, h.CSR)
        assert csr & h.S_ABORT and not csr & 0x80808080 and c.word(done) & h.VALID
        assert c.read(CONFIG, 6, 2) & 0x2000, "received master abort"
        c.write(1, h.CNFG, 7)
        c.bring_up()
        assert c.run(command(0x0800, 32, 32, part(0x180b, 0, 32), KEY, IV), PLAIN)[0] == CIPHER
    assert m.stop() == 1
    assert m.errors == ("strict: a source descriptor leads to memory that isn't there.\n"
                        "strict: 1 violations\n")


# ---- side units ----


def test_rng(card):
    card.write(1, h.PUB_RESET, 1)
    assert card.read(1, h.PUB_RESET) == 0
    card.write(1, h.RNG_CONFIG, 1)
    assert card.read(1, h.RNG_DATA) == 0, "the first word is there to be discarded"
    assert len({card.read(1, h.RNG_DATA) for _ in range(50)}) == 50


def put_number(c, at, words):
    for i, word in enumerate(reversed(words)):
        c.write(1, at + 4 * i, word)


@pytest.mark.parametrize("enhanced", [False, True])
def test_modular_exponentiation(strict, enhanced):
    """The reference's vector from real silicon."""
    with Card(strict.path) as c:
        c.bring_up(ier=0x22322022)
        c.arm()
        c.write(1, h.PUB_RESET, 1)
        c.write(1, h.PUB_MODE, int(enhanced))
        c.write(1, h.PUB_IEN, 1)
        operands = {0: [0x80000000] + [0xffffffff] * 47, 2: [0] * 47 + [4], 3: [0] * 48,
                    8: [0x80000000] + [0] * 47, 9: [0xffffffff] * 48}
        for chunk, words in operands.items():
            put_number(c, 0x400 + 192 * chunk, words)
        c.write(1, h.PUB_STATUS, c.read(1, h.PUB_STATUS))
        assert c.read(1, h.PUB_STATUS) == 0x100
        if enhanced:
            c.write(1, h.FIFO_OPLEN, 0x0005ff30)
            c.write(1, h.FIFO_OP, 12 << 24 | 24 << 16 | 6 << 8)
        else:
            c.write(1, h.PUB_OPLEN, 0x0002ffb0)
            c.write(1, h.PUB_OP, 0x00318180)
        assert c.interrupts(60) == 1
        assert c.read(1, h.CSR) & 2 and c.read(1, h.PUB_STATUS) & 1
        result = [c.read(1, 0x640 + 4 * i) for i in reversed(range(48))]
        assert result == [0x7ffffffc] + [0] * 46 + [1]


def test_wrong_reciprocal_hangs(model):
    with Card(model().path) as c:
        c.bring_up()
        for chunk, low in ((0, 3), (1, 5), (4, 0x80000000), (5, 7)):
            put_number(c, 0x400 + 64 * chunk, [low if chunk == 4 else 0] + [0] * 14 + [low])
        c.write(1, h.PUB_OPLEN, 511 << 7 | 16)
        c.write(1, h.PUB_OP, 12 << 18 | 4 << 12 | 1 << 6)
        time.sleep(0.05)
        assert not c.read(1, h.PUB_STATUS) & 1
        c.write(1, h.PUB_RESET, 1)
        assert c.read(1, h.PUB_STATUS) == 0x100


def test_addition(card):
    put_number(card, 0x400, [0xffffffff] * 16)
    put_number(card, 0x440, [0] * 15 + [2])
    card.write(1, h.PUB_STATUS, card.read(1, h.PUB_STATUS))
    card.write(1, h.PUB_OPLEN, 16)
    card.write(1, h.PUB_OP, 1 << 18 | 1 << 6)
    assert card.poll(lambda: card.read(1, h.PUB_STATUS) & 1)
    assert card.read(1, h.PUB_STATUS) & 2 and card.read(1, 0x480) == 1 and card.read(1, 0x4bc) == 0
