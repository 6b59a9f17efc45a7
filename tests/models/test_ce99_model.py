# SPDX-License-Identifier: LGPL-2.1-or-later
"""The model of the CE99C003B does what the reference says: bus, keys, modes, FIFO and DMA."""
import os
import random
import struct
import subprocess

import pytest

import acr
import ce99_card as c9
from ce99_card import BASE, CBC, CFB, ECB, KSG, OFB, Card
from strict_models import model, strict
from vfio_client import CONFIG

pytestmark = pytest.mark.sanitize

__all__ = ["model", "strict"]  # fixtures

PROGRAM = acr.BUILD / "tests/models/ce99/ce99-model"
K1, K2, K3 = (bytes.fromhex(k) for k in ("0123456789abcdef", "23456789abcdef01", "456789abcdef0123"))
IV = bytes.fromhex("1234567890abcdef")
NOW = b"Now is the time for all "
FOX = b"The qufck brown fox jump"
# Section 4.6 of the reference: KEYSEL with K1, K2, K3 in slots 0, 1, 2; then the next IV, where it's told.
KNOWN = [
    ("des-ecb", 0x000, ECB, NOW, "3fa40e8a984d48156a271787ab8883f9893d51ec4b563b53", IV.hex()),
    ("des-cbc", 0x000, CBC, NOW, "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6", "683788499a7c05f6"),
    ("des-cfb", 0x000, CFB, NOW, "f3096249c7f46e51a69e839b1a92f78403467133898ea622", "03467133898ea622"),
    ("des-ofb", 0x000, OFB, NOW, "f3096249c7f46e5135f24a242eeb3d3f3d6d5be3255af8c3", "5b0229c3443694e3"),
    ("des-ksg", 0x000, KSG, NOW, "f3096249c7f46e51163a8ca0ffc94c27fa2f80f480b86f75", "1234567890abcdf2"),
    ("3des-ecb", 0x210, ECB, FOX, "a826fd8ce53b855fcce21c8112256fe668d5c05dd9b6b900", IV.hex()),
    ("3des-cbc", 0x210, CBC, FOX, "38413d4ba2325cf1141f707471ac2ced57db530f0123b5ac", "57db530f0123b5ac"),
    ("3des-two-key", 0x010, ECB, FOX, "c44862f70cf2fbdc9077d0909fa91b884cabd61fc58e0cbb", IV.hex()),
    ("3des-trap", 0x110, ECB, FOX, "a28e91724c4bba31167e47ec24f71d632c1a917234425365", IV.hex()),
]


@pytest.fixture
def card(strict):
    with Card(strict.path) as c:
        yield c.bring_up()
        c.take_down()


@pytest.fixture
def lenient(model):
    with Card(model().path) as c:
        yield c.bring_up()


# ---- bus ----


def test_configuration_space(strict):
    with Card(strict.path) as c:
        header = c.read_bytes(CONFIG, 0, 256)
        assert struct.unpack_from("<HH", header) == (0x1624, 0xc03b)
        assert struct.unpack_from("<HH", header, 0x2c) == (0x1624, 0x0001)
        assert header[8:12] == b"\x01\0\0\x10" and header[14] == 0
        assert header[0x34] == 0 and not header[6] & 0x10, "no capabilities"
        assert header[0x3d] == 1
        for bar, size in enumerate((0x1000, 0, 0, 0, 0, 0)):
            c.write(CONFIG, 0x10 + 4 * bar, c9.ONES)
            assert c.read(CONFIG, 0x10 + 4 * bar) == (-size & c9.ONES if size else 0)


def test_registers_at_power_on_and_after_reset(lenient):
    c = lenient
    fresh = {c9.SIG: 0x42394543, c9.CAPS: 0x01001ff0}

    def found():
        return {at: value for at in range(0, 0x1000, 4) if (value := c.get(at))}

    c.put(c9.CTRL, 0)
    assert found() == fresh
    c.put(c9.CTRL, c9.ENABLE)
    for at in range(0, 0x60, 4):
        if at not in (c9.CTRL, c9.KEY_CMD, c9.OP, c9.DATA):
            c.put(at, c9.ONES)
    assert c.load(3, K1) == 0
    c.put(c9.OP, 0x7fffffff)
    assert found() == fresh | {
        c9.CTRL: 1, c9.STATUS: 0x80001, c9.INT_ENABLE: 3, c9.IV_W0: c9.ONES, c9.IV_W1: c9.ONES,
        c9.OP: 0x37fff, c9.LEN: c9.ONES, c9.DMA_ADDR: c9.ONES}
    c.put(c9.CTRL, c9.RESET)
    assert found() == fresh


def test_only_whole_words(lenient):
    c = lenient
    c.put(c9.LEN, 0x11223344)
    assert c.read(0, c9.LEN, 2) == c.read(0, c9.LEN + 1, 1) == c.read(0, c9.LEN, 8) == 0
    c.write(0, c9.LEN, 1, 2)
    c.write(0, c9.LEN - 4, 1, 8)
    c.write(0, c9.LEN + 2, 1)
    assert c.get(c9.LEN) == 0x11223344 and c.get(c9.OP) == 0


def test_memory_space_off_reads_ones(model):
    with Card(model().path) as c:
        assert c.get(c9.SIG) == c9.ONES
        c.put(c9.LEN, 8)
        c.write(CONFIG, 4, 2, 2)
        assert c.get(c9.LEN) == 0


def test_next_client_and_a_reset_find_a_fresh_card(model):
    m = model()
    with Card(m.path) as c:
        c.bring_up().load_all(K1)
        c.reset()
        assert c.get(c9.STATUS) == c.get(c9.CTRL) == 0 and c.read(CONFIG, 4, 2) == 6
    with Card(m.path) as c:
        assert c.get(c9.SIG) == c9.ONES, "memory space is off again"
        c.bring_up().load_all(K1)
    with Card(m.path) as c:
        c.probe()
        assert c.get(c9.STATUS) == 0


def test_terminates_with_a_client(model):
    """Keys that are left because the model ends are nobody's fault."""
    m = model("--strict")
    with Card(m.path) as c:
        c.bring_up().load_all(K1)
        assert m.stop() == 0 and m.errors == "strict: 0 violations\n"
    assert not os.path.exists(m.path)


# ---- keys ----


def test_self_test_and_enable(lenient):
    c = lenient
    assert c.load(5, K1) == 0
    c.put(c9.CTRL, 0)
    assert c.get(c9.STATUS) == 1 << 21, "not READY, the key is kept"
    assert c.load(6, K1) == 5 and c.loaded() == 1 << 5
    c.put(c9.KEY_CMD, c9.DELETE | 5)
    assert c.err() == 1 and c.loaded() == 1 << 5
    c.put(c9.CTRL, c9.ENABLE)
    assert c.get(c9.STATUS) == 1 << 21 | c9.READY
    c.put(c9.CTRL, c9.RESET | c9.ENABLE)
    assert c.get(c9.STATUS) == c9.READY


def test_all_slots(card):
    keys = [os.urandom(8) for _ in range(16)]
    card.load_all(*keys)
    assert card.loaded() == 0xffff
    for slot, key in enumerate(keys):
        for dma in (False, True):
            result, _ = card.crypt(slot, ECB, bytes(8), dma=dma)
            assert result == openssl("des-ede3", key * 3, None, bytes(8))
    for slot in range(16):
        card.put(c9.KEY_CMD, c9.DELETE | slot)
        assert card.loaded() == 0xffff << slot + 1 & 0xffff


def test_load_replaces_and_staged_key_is_wiped(lenient):
    c = lenient
    assert c.load(0, K1) == 0 and c.load(0, K2) == 0
    assert c.crypt(0, ECB, FOX)[0] == openssl("des-ede3", K2 * 3, None, FOX)
    assert c.get(c9.KEY_W0) == c.get(c9.KEY_W1) == c.get(c9.KEY_CMD) == 0, "they never read back"
    c.put(c9.KEY_CMD, c9.LOAD | 1)
    assert c.crypt(1, ECB, FOX)[0] == openssl("des-ede3", bytes(24), None, FOX)
    c.put_words(c9.KEY_W0, K3)
    c.put(c9.KEY_CMD, c9.LOAD | c9.DELETE | 1)
    assert c.err() == 1
    c.put(c9.KEY_CMD, c9.LOAD | 1)
    assert c.crypt(1, ECB, FOX)[0] == openssl("des-ede3", bytes(24), None, FOX), "wiped by the failed one"


def test_zeroise(lenient):
    c = lenient
    c.load_all(K1, K2, K3)
    c.crypt(0x210, CBC, FOX, IV)
    c.put_words(c9.KEY_W0, K1)
    c.put(c9.CTRL, c9.ZEROISE | c9.ENABLE)
    assert c.get(c9.STATUS) == c9.READY and c.get_iv() == bytes(8) and not c.get(c9.DATA)
    for keysel in (0, 1, 2, 0x210):
        c.start(keysel, ECB, 8)
        assert c.finished() == c9.ERROR and c.err() == 6
    c.put(c9.KEY_CMD, c9.LOAD)
    assert c.crypt(0, ECB, FOX)[0] == openssl("des-ede3", bytes(24), None, FOX), "the staged key was wiped"


def test_fewer_slots(model):
    with Card(model("--slots", "3").path) as c:
        c.bring_up()
        assert c.get(c9.CAPS) == 0x01001fe3
        assert c.load(2, K1) == 0 and c.load(3, K1) == 4
        c.put(c9.KEY_CMD, c9.DELETE | 15)
        assert c.err() == 4
        for keysel, code in ((3, 4), (0x320, 4), (1, 6), (0x210, 6)):
            c.start(keysel, ECB, 8)
            assert c.finished() == c9.ERROR and c.err() == code


@pytest.mark.parametrize("what,caps", [("fifo", 0x01001fd0), ("dma", 0x01001fb0), ("mode1", 0x01001df0)])
def test_without(model, what, caps):
    with Card(model("--without", what).path) as c:
        c.bring_up().load_all(K1)
        assert c.get(c9.CAPS) == caps
        c.start(0, CBC, 8, IV, dma=what == "dma")
        assert c.finished() == c9.ERROR and c.err() == 1


# ---- ciphers ----


def openssl(name, key, iv, data, decrypt=False):
    """What the command says: an implementation that isn't in the model's process."""
    args = ["openssl", "enc", "-d" if decrypt else "-e", f"-{name}", "-K", key.hex(), "-nopad"]
    done = subprocess.run(args + (["-iv", iv.hex()] if iv else []), input=data, capture_output=True, check=True)
    return done.stdout


@pytest.mark.parametrize("dma", [False, True], ids=["fifo", "dma"])
@pytest.mark.parametrize("name,keysel,mode,text,result,after", KNOWN, ids=[k[0] for k in KNOWN])
def test_known_answers(card, name, keysel, mode, text, result, after, dma):
    card.load_all(K1, K2, K3)
    wanted = bytes.fromhex(result), bytes.fromhex(after)
    assert card.crypt(keysel, mode, text, IV, dma=dma) == wanted
    back, iv = card.crypt(keysel, mode, wanted[0], IV, decrypt=True, dma=dma)
    assert (back, iv) == (text, wanted[1])


def test_two_key_trap_is_single_des(card):
    card.load_all(K1, K2)
    assert card.crypt(0x110, ECB, FOX)[0] == card.crypt(0, ECB, FOX)[0]


@pytest.mark.parametrize("mode", [ECB, CBC, CFB, OFB, KSG])
def test_one_call_or_several(card, mode):
    rng = random.Random(mode)
    card.load_all(*(rng.randbytes(8) for _ in range(3)))
    data, iv = rng.randbytes(4000), rng.randbytes(8)
    whole = card.crypt(0x120, mode, data, iv, dma=True)
    pieces, at = b"", 0
    card.put_words(c9.IV_W0, iv)
    while at < len(data):
        n = min(8 * rng.randint(1, 40), len(data) - at)
        pieces += card.crypt(0x120, mode, data[at:at + n], dma=n > 256)[0]
        at += n
    assert (pieces, card.get_iv()) == whole


@pytest.mark.parametrize("name,mode", [("des-ede3", ECB), ("des-ede3-cbc", CBC), ("des-ede3-cfb", CFB),
                                       ("des-ede3-ofb", OFB)])
def test_against_openssl(card, name, mode):
    rng = random.Random(name)
    for n in (8, 16, 504, 512, 520, 4096, 65528):
        keys, iv, data = [rng.randbytes(8) for _ in range(3)], rng.randbytes(8), rng.randbytes(n)
        for slot, key in zip((4, 9, 15), keys, strict=True):
            assert card.load(slot, key) == 0
        for dma in {n > 512, True}:
            for decrypt in (False, True):
                result, _ = card.crypt(0xf94, mode, data, iv, decrypt, dma, BASE + 8)
                assert result == openssl(name, b"".join(keys), None if mode == ECB else iv, data, decrypt)


def test_iv_stays_in_ecb(card):
    card.load_all(K1)
    assert card.crypt(0, ECB, NOW, IV)[1] == IV


# ---- START ----


def test_failed_checks_in_their_order(lenient):
    c = lenient
    c.load_all(K1)
    ready, idle = c9.ENABLE, 0
    # enabled, mode, length, DMA, address, KEYSEL: all that comes later is wrong too
    for enabled, mode, n, dma, address, keysel, code in (
            (idle, 5, 3, False, 0, 1, 3), (ready, 5, 8, False, 0, 0, 1), (ready, ECB, 0, False, 0, 0, 1),
            (ready, ECB, 12, False, 0, 0, 1), (ready, ECB, 520, False, 0, 0, 1),
            (ready, ECB, 65536, True, BASE, 0, 1), (ready, ECB, 8, True, BASE + 4, 1, 1),
            (ready, ECB, 8, False, 0, 1, 6), (ready, CBC, 8, True, BASE, 0x100, 6)):
        c.put(c9.CTRL, enabled)
        c.start(keysel, mode, n, IV, dma=dma, address=address)
        assert not c.get(c9.STATUS) & c9.BUSY and c.err() == code
        assert c.finished() == c9.ERROR and c.get(c9.DONE_LEN) == 0 and c.get_iv() != IV
    c.put(c9.CTRL, c9.ENABLE)
    assert c.crypt(0, CBC, NOW, IV)[0].hex() == KNOWN[1][4]


def test_start_while_busy_is_ignored(lenient):
    c = lenient
    c.load_all(K1, K2)
    c.start(0, CBC, 24, IV)
    c.start(1, ECB, 8)
    assert c.get(c9.INT_STATUS) == 0 and c.get(c9.STATUS) & c9.BUSY
    c.put_words(c9.DATA, NOW, step=0)
    assert c.finished() == c9.DONE and c.read_data(24).hex() == KNOWN[1][4]


def test_fifo_limits(lenient):
    c = lenient
    c.load_all(K1)
    c.put(c9.DATA, 1)
    assert c.get(c9.DATA) == 0
    c.start(0, ECB, 24)
    c.put_words(c9.DATA, NOW[:12], step=0)
    assert c.get(c9.STATUS) & c9.BUSY and c.get(c9.DONE_LEN) == 8 and c.get(c9.INT_STATUS) == 0
    assert c.read_data(12).hex() == KNOWN[0][4][:16] + "00000000", "one block is out already"
    c.put_words(c9.DATA, NOW[12:] + NOW, step=0)
    assert c.finished() == c9.DONE
    assert c.read_data(24).hex() == KNOWN[0][4][16:] + "0" * 16


@pytest.mark.parametrize("decrypt", [False, True])
def test_abort_of_a_starved_operation(lenient, decrypt):
    c = lenient
    c.load_all(K1)
    c.put(c9.CTRL, c9.ENABLE | c9.ABORT)
    assert c.get(c9.STATUS) == 0x10001 and not c.get(c9.INT_STATUS), "harmless when idle"
    c.start(0, CBC, 24, IV, decrypt)
    c.put_words(c9.DATA, NOW[:12], step=0)
    c.put(c9.CTRL, c9.ENABLE | c9.ABORT)
    assert c.get(c9.STATUS) == 0x10001 | (8 if decrypt else 7) << 8
    assert c.finished() == c9.ERROR and c.get(c9.DONE_LEN) == 8 and c.get_iv() != IV
    assert c.crypt(0, CBC, NOW, IV)[0].hex() == KNOWN[1][4]


@pytest.mark.parametrize("control,status", [(0, 0x10700), (c9.ENABLE | c9.ZEROISE, 1), (c9.RESET, 0)])
def test_what_else_ends_an_operation(lenient, control, status):
    c = lenient
    c.load_all(K1)
    c.start(0, CBC, 24, IV)
    c.put(c9.CTRL, control)
    assert c.get(c9.STATUS) == status
    assert c.get(c9.INT_STATUS) == (0 if control == c9.RESET else c9.ERROR)


# ---- DMA and interrupts ----


@pytest.mark.parametrize("share", [True, False], ids=["shared", "by-messages"])
def test_dma_across_pages(strict, share):
    with Card(strict.path, share) as c:
        c.bring_up().load_all(K1)
        data = os.urandom(20000)
        assert c.crypt(0, ECB, data, dma=True, address=BASE + 0xff8)[0] == openssl("des-ede3", K1 * 3, None, data)
        c.take_down()


@pytest.mark.parametrize("decrypt", [False, True])
def test_dma_runs_off_the_memory(lenient, decrypt):
    card = lenient
    card.load_all(K1)
    end = BASE + c9.SIZE - 16
    card.memory[c9.SIZE - 16:] = bytes(16)
    card.start(0, ECB, 32, decrypt=decrypt, dma=True, address=end)
    assert card.finished() == c9.ERROR
    assert card.err() == (8 if decrypt else 7) and card.get(c9.DONE_LEN) == 16
    assert card.memory[c9.SIZE - 16:] == openssl("des-ede3", K1 * 3, None, bytes(16), decrypt)
    assert card.read(CONFIG, 6, 2) & 0x2000, "received master abort"
    for address in (0, 0xfffffff8):
        card.start(0, ECB, 16, dma=True, address=address)
        assert card.finished() == c9.ERROR and card.get(c9.DONE_LEN) == 0


def test_dma_without_bus_mastering_or_into_memory_to_read(lenient):
    c = lenient
    c.load_all(K1)
    c.map(0x400000, 0x1000, flags=1)
    c.start(0, ECB, 16, dma=True, address=0x400000)
    assert c.finished() == c9.ERROR and c.err() == 7 and c.get(c9.DONE_LEN) == 0
    c.write(CONFIG, 4, 2, 2)
    c.start(0, ECB, 16, dma=True)
    assert c.finished() == c9.ERROR and c.err() == 7 and c.get(c9.DONE_LEN) == 0


def test_posted_writes(card):
    """A driver that waits for nothing but the interrupt."""
    card.arm()
    card.load_all(K1)
    card.put(c9.INT_ENABLE, 3, posted=True)
    card.memory[:24] = NOW
    card.put_words(c9.IV_W0, IV, posted=True)
    for offset, value in ((c9.DMA_ADDR, BASE), (c9.LEN, 24), (c9.OP, c9.START | c9.USE_DMA | CBC << 12)):
        card.put(offset, value, posted=True)
    assert card.interrupts(60) == 1
    assert card.memory[:24].hex() == KNOWN[1][4] and card.finished() == c9.DONE


def test_interrupt_is_a_level(card):
    card.arm()
    card.load_all(K1)
    card.start(0, ECB, 8, dma=True)
    assert card.serve(lambda: card.get(c9.INT_STATUS)) == c9.DONE
    assert not card.interrupts(), "not enabled"
    card.put(c9.INT_ENABLE, c9.ERROR)
    assert not card.interrupts() and not card.read(CONFIG, 6, 2) & 8
    card.put(c9.INT_ENABLE, c9.DONE)
    assert card.interrupts(60) == 1 and card.read(CONFIG, 6, 2) & 8
    card.unmask()
    assert card.interrupts(60) == 1, "still up"
    card.put(c9.INT_STATUS, c9.ERROR)
    assert card.get(c9.INT_STATUS) == c9.DONE
    card.put(c9.INT_STATUS, c9.DONE)
    card.unmask()
    assert not card.interrupts() and not card.read(CONFIG, 6, 2) & 8
    card.write(CONFIG, 4, 0x406, 2)
    card.start(0, ECB, 8, dma=True)
    assert card.finished() == c9.DONE and not card.interrupts(), "INTx is disabled"


def test_without_interrupt(model):
    with Card(model("--without", "interrupt").path) as c:
        c.bring_up().load_all(K1)
        c.arm()
        c.put(c9.INT_ENABLE, 3)
        c.crypt(0, ECB, NOW, dma=True)
        assert c.get(c9.CAPS) == 0x01001f70 and not c.interrupts()


# ---- command line ----


@pytest.mark.parametrize("args", [[], ["--socket", "/tmp/x", "y"], ["--slots", "17"], ["--slots", "0"],
                                  ["--without", "mode5"], ["--fault", "none"], ["--fault", "bad-status=16"],
                                  ["--fault", "bad-status=1@"], ["--fault", "slow=0"], ["--fault", "stuck=-1"],
                                  ["--fault", "wrong-signature=100000000"], ["--odd"]])
def test_bad_usage(args):
    done = subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stderr and not done.stdout


def test_help():
    done = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True, timeout=60)
    for word in ("--socket", "--strict", "--trace", "--slots", "--without", "lost-irq", "stalled", "stuck",
                 "wrong-length", "dma-abort", "vanish", "slow", "bad-status", "wrong-signature", "wrong-layout"):
        assert word in done.stdout
    assert "not verified on silicon" in done.stdout.replace("\n", " ")


def test_trace_is_in_words(model):
    m = model()
    with Card(m.path) as c:
        c.bring_up().load_all(K1, K2, K3)
        c.crypt(0x210, CBC, FOX, IV, dma=True)
    assert m.stop() == 0
    lines = m.trace.splitlines()
    for line in ("R CAPS = 0x01001ff0 (16 slots, modes 0x1f, layout 1, FIFO, DMA, interrupt)",
                 "W CTRL = 0x00000002 (RESET)",
                 "W KEY_CMD = 0x00000102 (slot 2, LOAD)",
                 "R STATUS = 0x00070001 (ERR 0, LOADED 0x7, READY)",
                 "W OP = 0x80021210 (KEYSEL 0x210, CBC, USE_DMA, START)",
                 "operation: 3DES CBC encrypt, 24 bytes by DMA",
                 "  read, 24 bytes: " + FOX.hex(" "),
                 "operation: DONE, 24 bytes",
                 "  slot 2 still holds a key"):
        assert line in lines, line
