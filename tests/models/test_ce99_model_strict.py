# SPDX-License-Identifier: LGPL-2.1-or-later
"""The CE99C003B model's strict mode tells what a driver must not do, and its faults happen."""
import time

import pytest

import acr
import ce99_card as c9
from ce99_card import BASE, CBC, ECB, KSG, Card
from strict_models import model, told
from vfio_client import CONFIG

__all__ = ["model"]  # fixtures

PROGRAM = acr.BUILD / "tests/models/ce99/ce99-model"
K1 = bytes.fromhex("0123456789abcdef")
IV = bytes.fromhex("1234567890abcdef")
NOW = b"Now is the time for all "
RESULT = "3fa40e8a984d48156a271787ab8883f9893d51ec4b563b53"


# ---- a card that isn't known ----


def write_unread(c):
    c.write(CONFIG, 4, 2, 2)
    c.put(c9.CTRL, c9.RESET)


def write_without_caps(c):
    c.write(CONFIG, 4, 2, 2)
    c.get(c9.SIG)
    c.put(c9.CTRL, c9.RESET)


def master_unread(c):
    c.write(CONFIG, 4, 6, 2)
    c.write(CONFIG, 4, 2, 2)


def read_and_write(c):
    c.write(CONFIG, 4, 2, 2)
    c.get(c9.SIG)
    c.get(c9.CAPS)
    c.put(c9.CTRL, c9.RESET)


@pytest.mark.parametrize("act,args,sentence", [
    (write_unread, (), "BAR0 is written before SIG and CAPS were read"),
    (write_without_caps, (), "BAR0 is written before SIG and CAPS were read"),
    (master_unread, (), "bus mastering is switched on before SIG and CAPS were read"),
    (read_and_write, ("--fault", "wrong-signature"), "BAR0 is written although the signature is wrong"),
    (read_and_write, ("--fault", "wrong-layout"), "BAR0 is written although the layout's number is wrong")])
def test_unknown_card(model, act, args, sentence):
    m = model("--strict", *args)
    with Card(m.path) as c:
        act(c)
    assert told(m) == [sentence]


# ---- each rule by itself, on a card that is ready and has a key in slot 0 ----


def memory_off(c):
    c.write(CONFIG, 4, 4, 2)
    c.get(c9.SIG)
    c.write(CONFIG, 4, 6, 2)


def key_command_while_busy(c):
    c.start(0, ECB, 8)
    c.put(c9.KEY_CMD, c9.DELETE)
    c.put(c9.CTRL, c9.ABORT)


def half_a_key(c):
    c.put(c9.KEY_W0, 1)
    c.put(c9.KEY_CMD, c9.LOAD | 1)


def not_ready(c):
    c.put(c9.CTRL, 0)
    c.start(0, ECB, 8)


def key_not_ready(c):
    c.put(c9.CTRL, 0)
    c.put(c9.KEY_CMD, c9.DELETE)


def start_while_busy(c):
    c.start(0, ECB, 8)
    c.put(c9.OP, c9.START)


def written_while_busy(offset):
    def act(c):
        c.start(0, ECB, 8)
        c.put(offset, 8)
        c.put(c9.CTRL, c9.ABORT)

    return act


def reset_while_busy(c):
    c.start(0, ECB, 8)
    c.put(c9.CTRL, c9.RESET)


def not_acknowledged(c):
    for _ in range(2):
        c.start(0, ECB, 8, dma=True)
        assert c.serve(lambda: c.get(c9.DONE_LEN)) == 8


def acknowledged_unread(c):
    c.start(0, ECB, 8, dma=True)
    assert c.serve(lambda: c.get(c9.DONE_LEN)) == 8
    c.put(c9.INT_STATUS, 3)


def output_unread(c):
    c.start(0, ECB, 16)
    c.put_words(c9.DATA, bytes(16), step=0)
    c.finished()
    c.read_data(12)
    c.start(0, ECB, 16, dma=True)
    c.finished()


def iv_after_error(c):
    c.start(0, CBC, 16, IV)
    c.put(c9.CTRL, c9.ABORT | c9.ENABLE)
    c.finished()
    c.put(c9.IV_W0, 0)
    c.start(0, CBC, 16, dma=True)
    c.finished()


def master_off(c):
    c.write(CONFIG, 4, 2, 2)
    c.start(0, ECB, 8, dma=True)
    c.finished()


def dma_to_nowhere(c):
    c.start(0, ECB, 8, dma=True, address=0x80000000)
    c.finished()


def data_too_much(c):
    c.start(0, ECB, 8)
    c.put_words(c9.DATA, bytes(12), step=0)


RULES = [
    ("BAR0 is accessed while Memory Space is off in the command register", memory_off),
    ("an access of 2 bytes at BAR0 0xc: only aligned words are allowed", lambda c: c.read(0, c9.STATUS, 2)),
    ("an access of 4 bytes at BAR0 0xe: only aligned words are allowed", lambda c: c.read(0, c9.STATUS + 2)),
    ("an access of 8 bytes at BAR0 0x30: only aligned words are allowed", lambda c: c.write(0, c9.IV_W0, 1, 8)),
    ("BAR0 0x18 is written: there is no such register", lambda c: c.put(0x18, 0)),
    ("DONE_LEN is written, but can't be", lambda c: c.put(c9.DONE_LEN, 0)),
    ("undefined bits 0x10 are set in CTRL", lambda c: c.put(c9.CTRL, 0x11)),
    ("undefined bits 0x48000 are set in OP", lambda c: c.put(c9.OP, 0x48000)),
    ("KEY_CMD with both of LOAD and DELETE", lambda c: c.put(c9.KEY_CMD, 0x300)),
    ("KEY_CMD with neither of LOAD and DELETE", lambda c: c.put(c9.KEY_CMD, 0)),
    ("KEY_CMD for slot 12 of 12", lambda c: c.put(c9.KEY_CMD, c9.DELETE | 12)),
    ("KEY_CMD while BUSY", key_command_while_busy),
    ("KEY_CMD while not READY", key_not_ready),
    ("LOAD without both words of the key written since the last one", half_a_key),
    ("START while not READY", not_ready),
    ("START while BUSY", start_while_busy),
    ("START with a mode that CAPS doesn't have", lambda c: c.start(0, KSG, 8)),
    ("START with a LEN that is no multiple of 8, or 0", lambda c: c.start(0, ECB, 0)),
    ("START with a LEN that is too long", lambda c: c.start(0, ECB, 520)),
    ("START with a DMA_ADDR that is no multiple of 8", lambda c: c.start(0, ECB, 8, dma=True, address=BASE + 4)),
    ("START with a slot that isn't there", lambda c: c.start(0xc00, ECB, 8)),
    ("START with a slot that isn't loaded", lambda c: c.start(1, ECB, 8)),
    ("START before the last completion was acknowledged", not_acknowledged),
    ("START before the output was read: 4 bytes left", output_unread),
    ("START with the IV that an ERROR left", iv_after_error),
    ("START by DMA while bus mastering is off", master_off),
    ("a DMA leads to memory that isn't there, or isn't the card's to change", dma_to_nowhere),
    ("IV_W1 is written while BUSY", written_while_busy(c9.IV_W1)),
    ("LEN is written while BUSY", written_while_busy(c9.LEN)),
    ("DMA_ADDR is written while BUSY", written_while_busy(c9.DMA_ADDR)),
    ("OP is written while BUSY", written_while_busy(c9.OP)),
    ("DATA is written when no input is wanted", data_too_much),
    ("DATA is read when no output is there", lambda c: c.get(c9.DATA)),
    ("RESET while BUSY: ABORT has to be tried before it", reset_while_busy),
    ("DONE is acknowledged in INT_STATUS, but was never read there", acknowledged_unread),
]


@pytest.mark.parametrize("sentence,act", RULES, ids=[r[0] for r in RULES])
def test_rule(model, sentence, act):
    m = model("--strict", "--slots", "12", "--without", "mode4")
    with Card(m.path) as c:
        c.bring_up().load_all(K1)
        act(c)
        c.put(c9.CTRL, c9.ABORT)
        c.take_down()
    assert told(m) == [sentence]


def test_path_that_is_not_there(model):
    m = model("--strict", "--without", "dma")
    with Card(m.path) as c:
        c.bring_up().load_all(K1)
        c.start(0, ECB, 8, dma=True)
        c.take_down()
    assert told(m) == ["START by a path that CAPS doesn't have"]


def test_dma_into_memory_to_read(model):
    m = model("--strict")
    with Card(m.path) as c:
        c.bring_up().load_all(K1)
        c.map(0x400000, 0x1000, flags=1)
        c.start(0, ECB, 16, dma=True, address=0x400000)
        assert c.finished() == c9.ERROR
        c.take_down()
    assert told(m) == ["a DMA leads to memory that isn't there, or isn't the card's to change"]


def test_memory_is_taken_away_while_busy(model):
    m = model("--strict", "--fault", "slow=8")
    with Card(m.path) as c:
        c.bring_up().load_all(K1)
        c.map(0x400000, 0x1000)
        c.start(0, ECB, 1600, dma=True)
        c.unmap(0x400000, 0x1000)
        assert m.errors == ""
        c.unmap(BASE, c9.SIZE)
        c.put(c9.CTRL, c9.ABORT)
        c.take_down()
    assert told(m) == ["the memory of a DMA is taken away while BUSY"]


def test_what_a_client_leaves(model):
    m = model("--strict")
    with Card(m.path) as c:
        c.bring_up().load_all(K1)
        c.start(0, ECB, 8)
    assert told(m) == ["the client has gone, but left keys in the slots 0x1", "the client has gone while BUSY",
                       "the client has gone, but left bus mastering on"]


def test_posted_farewell_counts(model):
    """What is still in the socket when the client closes it and the model is told to stop."""
    m = model("--strict")
    with Card(m.path) as c:
        c.bring_up().load_all(K1)
        for _ in range(2000):
            c.put(c9.LEN, 8, posted=True)
        c.put(c9.CTRL, c9.ZEROISE, posted=True)
        c.write(CONFIG, 4, 2, 2, posted=True)
    assert m.stop() == 0 and m.errors == "strict: 0 violations\n"


def test_lenient_mode_says_nothing_but_traces(model):
    m = model()
    with Card(m.path) as c:
        c.bring_up()
        c.get(c9.DATA)
    assert m.stop() == 0 and m.errors == ""
    assert "  violation: DATA is read when no output is there\n" in m.trace


# ---- faults: nothing that they cause is the driver's fault ----


@pytest.fixture
def faulty(model):
    """start(fault, ...) returns a card that's ready; strict mode must have nothing to say."""
    used = []

    def start(*faults):
        m = model("--strict", *(word for f in faults for word in ("--fault", f)))
        c = Card(m.path)
        used.append((m, c))
        return c.bring_up()

    yield start
    for m, c in used:
        if c.read(CONFIG, 0) != c9.ONES:
            c.take_down()
        c.close()
        assert m.stop() == 0 and m.errors == "strict: 0 violations\n"


def recovered(c):
    """After a RESET, that also starts the count of operations anew."""
    c.put(c9.CTRL, c9.RESET)
    c.put(c9.CTRL, c9.ENABLE)
    assert c.get(c9.STATUS) == c9.READY
    c.load_all(K1)
    assert c.crypt(0, ECB, NOW, dma=True)[0].hex() == RESULT


def test_lost_irq(faulty):
    c = faulty("lost-irq=2")
    c.load_all(K1)
    c.arm()
    c.put(c9.INT_ENABLE, c9.DONE)
    for wanted in (1, 0, 1, 0):
        c.start(0, ECB, 8, dma=True)
        assert c.serve(lambda: c.get(c9.DONE_LEN)) == 8
        assert c.interrupts(60 if wanted else 0) == wanted
        assert c.finished() == c9.DONE
        c.unmask()


@pytest.mark.parametrize("dma", [False, True], ids=["fifo", "dma"])
def test_stalled(faulty, dma):
    c = faulty("stalled=1")
    recovered(c)
    c.memory[:24] = NOW
    c.start(0, ECB, 24, dma=dma)
    if not dma:
        c.put_words(c9.DATA, NOW, step=0)
    assert c.serve(lambda: c.get(c9.DONE_LEN)) == 8
    assert c.get(c9.STATUS) & c9.BUSY and not c.get(c9.INT_STATUS)
    c.put(c9.CTRL, c9.ENABLE | c9.ABORT)
    assert c.finished() == c9.ERROR and c.err() == 7 and not c.get(c9.STATUS) & c9.BUSY
    if dma:
        assert c.memory[:24] == bytes.fromhex(RESULT)[:8] + NOW[8:], "a part of it was changed in place"
    recovered(c)


def test_stuck(faulty):
    c = faulty("stuck=1")
    recovered(c)
    c.start(0, ECB, 24, dma=True)
    c.put(c9.CTRL, c9.ENABLE | c9.ABORT)
    c.put(c9.CTRL, c9.ENABLE | c9.ZEROISE)
    assert c.get(c9.STATUS) == c9.READY | c9.BUSY and not c.get(c9.INT_STATUS)
    c.put(c9.CTRL, 0)
    assert c.get(c9.STATUS) == c9.BUSY
    recovered(c)


@pytest.mark.parametrize("dma", [False, True], ids=["fifo", "dma"])
def test_wrong_length(faulty, dma):
    c = faulty("wrong-length=2")
    recovered(c)
    c.memory[:24] = NOW
    c.start(0, ECB, 24, dma=dma)
    if not dma:
        c.put_words(c9.DATA, NOW, step=0)
    assert c.finished() == c9.DONE and c.get(c9.DONE_LEN) == 16
    result = bytes(c.memory[:16]) if dma else c.read_data(16)
    assert result.hex() == RESULT[:32]
    assert c.crypt(0, ECB, NOW, dma=dma)[0].hex() == RESULT


def test_dma_abort(faulty):
    c = faulty("dma-abort=1")
    recovered(c)
    c.memory[:24] = NOW
    c.start(0, ECB, 24, dma=True, decrypt=True)
    assert c.finished() == c9.ERROR and c.err() == 8 and c.get(c9.DONE_LEN) == 8
    assert c.memory[8:24] == NOW[8:]
    assert c.crypt(0, ECB, NOW)[0].hex() == RESULT, "the FIFO needs no bus"
    recovered(c)


def test_vanish(model):
    m = model("--strict", "--fault", "vanish=1")
    with Card(m.path) as c:
        c.bring_up().load_all(K1)
        c.put(c9.INT_ENABLE, 3)
        c.arm()
        c.crypt(0, ECB, NOW, dma=True)
        assert c.interrupts(60) == 1
        c.unmask()
        c.memory[:24] = NOW
        c.start(0, ECB, 24, dma=True)
        assert c.get(c9.SIG) == c.get(c9.STATUS) == c.read(CONFIG, 0) == c9.ONES
        c.put(c9.CTRL, c9.RESET)
        c.reset()
        assert c.get(c9.SIG) == c9.ONES and c.memory[:24] == NOW and not c.interrupts()
    with Card(m.path) as c:
        assert c.read(CONFIG, 0) == c9.ONES, "gone for every client"
    assert m.stop() == 0 and m.errors == "strict: 0 violations\n"


@pytest.mark.parametrize("dma", [False, True], ids=["fifo", "dma"])
def test_slow(faulty, dma):
    c = faulty("slow=100")
    c.load_all(K1)
    began = time.monotonic()
    assert c.crypt(0, ECB, NOW, dma=dma)[0].hex() == RESULT
    assert time.monotonic() - began >= 0.24
    c.start(0, ECB, 512, dma=dma)
    c.put(c9.CTRL, c9.ENABLE | c9.ABORT)
    assert c.finished() == c9.ERROR and c.get(c9.DONE_LEN) == 0


@pytest.mark.parametrize("code", [1, 2, 6, 7, 8, 15])
def test_bad_status_of_start(faulty, code):
    c = faulty(f"bad-status={code}@1")
    recovered(c)
    c.memory[:24] = NOW
    for _ in range(2):
        c.start(0, CBC, 24, IV, dma=True)
        assert c.finished() == c9.ERROR and c.err() == code and c.memory[:24] == NOW
    recovered(c)


@pytest.mark.parametrize("code", [4, 5])
def test_bad_status_of_load(faulty, code):
    c = faulty(f"bad-status={code}@1")
    assert c.load(0, K1) == 0 and c.load(1, K1) == code and c.loaded() == 1
    assert c.crypt(0, ECB, NOW)[0].hex() == RESULT


def test_bad_status_of_self_test(model):
    m = model("--strict", "--fault", "bad-status=3@1")
    with Card(m.path) as c:
        c.bring_up()
        c.put(c9.CTRL, 0)
        c.put(c9.CTRL, c9.ENABLE)
        assert c.get(c9.STATUS) == 0x300 and not c.get(c9.INT_STATUS) and c.get(c9.CTRL) == c9.ENABLE
        c.take_down()
    assert m.stop() == 0


def test_wrong_identity(model):
    for fault, sig, caps in (("wrong-signature", 0x43454239, 0x01001ff0),
                             ("wrong-signature=12ab", 0x12ab, 0x01001ff0),
                             ("wrong-layout=7", 0x42394543, 0x07001ff0)):
        m = model("--strict", "--fault", fault)
        with Card(m.path) as c:
            c.write(CONFIG, 4, 2, 2)
            assert (c.get(c9.SIG), c.get(c9.CAPS)) == (sig, caps)
        assert m.stop() == 0
