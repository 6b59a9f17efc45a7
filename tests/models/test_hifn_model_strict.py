# SPDX-License-Identifier: LGPL-2.1-or-later
"""The model's strict mode tells what a driver must not do, and its faults happen."""
import struct
import subprocess
import time

import pytest

import acr
import hifn_rings as h
from hifn_rings import Card, command, part
from strict_models import model, told
from vfio_client import CONFIG

__all__ = ["model"]  # fixtures

PROGRAM = acr.BUILD / "tests/models/hifn795x/hifn795x-model"
KEY, IV = bytes(16), bytes(16)
N = 32
GOOD = command(0x0800, N, N, part(0x180b, 0, N), KEY, IV)
DATA = bytes(range(N))


# ---- registers ----

REGISTERS = {
    "an access of 2 bytes at BAR1 0x48": lambda c: c.read(1, h.CNFG, 2),
    "an access of 4 bytes at BAR1 0x4a": lambda c: c.read(1, h.CNFG + 2),
    "BAR0 0x80 is no register": lambda c: c.read(0, 0x80),
    "BAR1 0x60 is no register": lambda c: c.write(1, 0x60, 1),
    "BAR2 0x0 is no register": lambda c: c.read(2, 0),
    "PUSTAT is written, but can't be": lambda c: c.write(0, h.PUSTAT, 0),
    "UNLOCK_SECRET2 is read, but can't be": lambda c: c.read(1, h.SECRET2),
    "undefined bits 0x10000 are set in PUCNFG": lambda c: c.write(0, h.PUCNFG, 0x10344),
    "undefined bits 0x40 are set in IER": lambda c: c.write(1, h.IER, 0x40),
    "BIGENDIAN is set in PUCNFG": lambda c: c.write(0, h.PUCNFG, 0x3c4),
    "BIGENDIAN is set in CNFG": lambda c: c.write(1, h.CNFG, 0x10000007),
    "MODE is clear in CNFG": lambda c: c.write(1, h.CNFG, 0x3),
    "a swap bit is set in CNFG2": lambda c: c.write(1, h.CNFG2, 0x13322),
    "FIFOCNFG is written with 0x0": lambda c: c.write(0, h.FIFOCNFG, 0),
    "CSR both enables and disables the command ring": lambda c: c.write(1, h.CSR, 0xc0),
    "the source ring's base 0x100004 isn't aligned": lambda c: c.write(1, h.SRAR, 0x100004),
    "the result ring is enabled without a base": lambda c: (c.write(1, h.CSR, 0x800000)),
    "UNLOCK_SECRET1 is read while bit 11": lambda c: c.read(1, h.SECRET1),
    "UNLOCK_SECRET2 is written while bit 11": lambda c: c.write(1, h.SECRET2, 0),
    "bit 10 of PLL must be 1": lambda c: c.write(1, h.PLL, 2),
    "the PLL is reconfigured without bypass": lambda c: c.write(1, h.PLL, 0xc19),
    "RNG_DATA is read while the RNG is off": lambda c: c.read(1, h.RNG_DATA),
    "a PK operation is written in the format of the other": lambda c: c.write(1, h.FIFO_OP, 0),
}


@pytest.mark.parametrize("sentence", REGISTERS)
def test_register_rules(model, sentence):
    m = model("--strict")
    with Card(m.path) as c:
        c.write(CONFIG, 4, 6, 2)
        REGISTERS[sentence](c)
    assert any(s.startswith(sentence) for s in told(m))


def test_lenient_mode_says_nothing_but_traces(model):
    m = model()
    with Card(m.path) as c:
        c.write(CONFIG, 4, 6, 2)
        c.read(1, h.RNG_DATA)
    assert m.stop() == 0 and m.errors == ""
    assert "violation: RNG_DATA is read" in m.trace


def memory_off(c):
    c.write(CONFIG, 4, 0, 2)
    c.read(1, h.CSR)


def master_off(c):
    c.write(CONFIG, 4, 2, 2)
    c.start()


def reset_while_polled(c):
    c.write(1, h.CNFG, 4)


def reset_too_soon(c):
    c.write(1, h.CNFG, 7)
    c.write(1, h.CNFG, 4)


def reset_too_short(c):
    c.write(1, h.CNFG, 7)
    time.sleep(0.002)
    c.write(1, h.CNFG, 4)
    c.write(1, h.CNFG, 7)


def write_in_reset(c):
    c.write(1, h.CNFG, 7)
    time.sleep(0.002)
    c.write(1, h.CNFG, 4)
    c.write(0, h.PUCNFG, 0x344)


def reset_not_polled(c):
    c.write(1, h.CNFG, 7)
    time.sleep(0.002)
    c.write(1, h.CNFG, 5)
    c.write(1, h.CNFG, 7)
    c.write(1, h.CRAR, h.BASE)


def second_unlock(c):
    c.write(1, h.CNFG, 0x807)
    c.read(1, h.SECRET1)
    c.write(1, h.SECRET2, 0)


def pll_too_soon(c):
    c.write(1, h.PLL, 0x402)
    c.write(1, h.PLL, 0xc03)


def word_too_soon(c):
    c.write(1, h.CNFG, 0x807)
    c.read(1, h.SECRET1)
    c.write(1, h.SECRET2, 0)
    c.write(1, h.SECRET2, 1)


def seed_too_soon(c):
    c.write(1, h.CNFG, 0x807)
    c.read(1, h.SECRET1)


def start_too_soon(c):
    c.write(1, h.CSR, 0x40404040)
    c.write(1, h.CRAR, h.BASE)
    c.start()


def base_while_enabled(c):
    c.start()
    c.write(1, h.DRAR, h.BASE + h.DESTINATION)


STATES = {
    "BAR1 is accessed while Memory Space is off": memory_off,
    "the command ring is enabled while Bus Master is off": master_off,
    "a reset begins while the rings are polled": reset_while_polled,
    "a reset begins less than 1 ms after polling was stopped": reset_too_soon,
    "the chip is held in reset for less than 1 ms": reset_too_short,
    "PUCNFG is written while the chip is held in reset": write_in_reset,
    "CRAR is written before PUCTRL was polled until RESET read 0": reset_not_polled,
    "a chip that is unlocked is unlocked once more": second_unlock,
    "the PLL is reconfigured less than 10 ms after its bypass": pll_too_soon,
    "UNLOCK_SECRET1 is read less than 1 ms": seed_too_soon,
    "UNLOCK_SECRET2 is written less than 1 ms": word_too_soon,
    "the command ring is enabled less than 2 ms after": start_too_soon,
    "the destination ring's base is written while the ring is enabled": base_while_enabled,
}


@pytest.mark.parametrize("sentence", STATES)
def test_order_rules(model, sentence):
    m = model("--strict")
    with Card(m.path) as c:
        c.bring_up()
        # What a slow machine makes of two writes at once is not short enough: try again.
        for _ in range(20):
            STATES[sentence](c)
            if sentence in m.trace:
                break
            c.close()
            c.__init__(m.path)
            c.bring_up()
    assert any(s.startswith(sentence) for s in told(m))


def test_posted_writes_count_from_an_answer(model):
    """When a posted write arrives nobody knows, but for who has an answer to something later."""
    m = model("--strict")
    with Card(m.path) as c:
        c.bring_up()
        for _ in range(20):  # what a slow machine makes of it is not short enough: try again
            c.write(1, h.CNFG, 7, posted=True)
            c.write(1, h.CNFG, 4, posted=True)
            c.write(1, h.CNFG, 7, posted=True)
            assert c.poll(lambda: not c.read(0, h.PUCTRL) & 1)
            assert m.errors == "", "too soon perhaps, but nobody can know"
            c.write(1, h.CNFG, 0x10017, posted=True)
            c.write(1, h.CNFG, 7, posted=True)
            c.read(CONFIG, 6, 2)
            c.write(1, h.CNFG, 4, posted=True)
            c.read(CONFIG, 6, 2)
            time.sleep(0.002)
            c.write(1, h.CNFG, 7, posted=True)
            assert c.poll(lambda: not c.read(0, h.PUCTRL) & 1)
            if m.errors:
                break
    assert told(m) == ["a reset begins less than 1 ms after polling was stopped"]


def test_wrong_word_locks_until_power_on(model):
    m = model("--strict")
    with Card(m.path) as c:
        c.write(CONFIG, 4, 6, 2)
        c.write(1, h.CNFG, 0x807)
        time.sleep(0.001)
        c.read(1, h.SECRET1)
        c.write(1, h.SECRET2, 0)
        time.sleep(0.001)
        c.write(1, h.SECRET2, 1)
        c.write(1, h.CNFG, 7)
        assert c.level() == 0x30
        c.reset()
        assert c.unlock() == 0x11
    assert told(m) == ["word 1 of the unlocking is wrong"]


@pytest.mark.parametrize("missing,sentence", [
    ("unlock", "an operation begins before the chip is unlocked"),
    ("fifo", "an operation begins before FIFOCNFG is set"),
    ("pucnfg", "an operation begins while PUCNFG is 0x0"),
    ("pll", "an operation begins, but the PLL is still bypassed"),
    ("last", "an operation begins while CNFG doesn't let the host supply LAST")])
def test_bring_up_is_complete(model, missing, sentence):
    m = model("--strict")
    with Card(m.path) as c:
        c.bring_up(skip=(missing,))
        c.run(GOOD, DATA)
    assert any(s.startswith(sentence) for s in told(m))


# ---- operations ----


def mac(masks, skip=0, count=N, key=bytes(64), base=0x0400):
    return command(base, N, N, part(masks, skip, count), key)


def crypt(masks=0x180b, skip=0, count=N, key=KEY, iv=IV, base=0x0800, **kwargs):
    return command(base, N, N, part(masks, skip, count), key, iv, **kwargs)


COMMANDS = {
    "total_source_count is 48": command(0x0800, 48, N, part(0x180b, 0, N), KEY, IV),
    "total_dest_count is 16": command(0x0800, N, 16, part(0x180b, 0, N), KEY, IV),
    "bits 0x1 are set in the base command": crypt(base=0x0801),
    "session number 2048 is above": crypt(session=2048),
    "undefined bits 0x80 are set in the crypt command": crypt(0x188b),
    "undefined bits 0x2 are set in the MAC command": mac(0x0a22),
    "the crypt command ends at byte 48 of 32": crypt(skip=16),
    "the crypt command has no bytes": crypt(count=0),
    "24 bytes are to be enciphered: no multiple of 16": crypt(count=24),
    "the position field of the MAC command isn't 2": mac(0x0820),
    "a key is sent for a plain hash": mac(0x0a28),
    "RESULT and APPEND are used together": mac(0x0a60),
    "the MAC to compare with isn't at the end": mac(0x0a50, count=16, base=0x2400),
    "an IV is sent for a cipher that has none": crypt(0x1803),
    "session 5 has no such cipher key yet": crypt(0x100b, key=b"", session=5),
    "session 5 has no IV yet": crypt(0x080b, iv=b"", session=5),
    "session 64 has no context of its own": crypt(0x100b, key=b"", session=64),
    "session 0 has no MAC key yet": mac(0x0220, key=b""),
    "an invalid command: it ends before the IV": crypt()[:-1],
    "an invalid command: there's no such AES key size": crypt(0x1e0b),
    "an invalid command: the SSL-MAC mode": mac(0x0a24),
    "an invalid command: compression": command(0x0100, N, N, bytes(8)),
    "the reserved field of the crypt command": command(0x0800, N, N, part(0x180b, 0, N)[:6] + b"\1\0", KEY, IV),
}


@pytest.mark.parametrize("sentence", COMMANDS)
def test_command_rules(model, sentence):
    """The operation is refused, and the next one is done."""
    m = model("--strict")
    with Card(m.path) as c:
        c.bring_up()
        out, result = c.run(COMMANDS[sentence], DATA)
        assert out == bytes(N) and not any(result)
        assert c.read(0, h.PUISR) & 0x8000
        assert any(c.run(GOOD, DATA)[0])
    sentences = told(m)
    assert any(s.startswith(sentence) for s in sentences), sentences


DESCRIPTORS = {
    "the source buffer 0x130001 isn't aligned": {"at": {"source": 0x130001}},
    "the destination buffer 0x170002 isn't aligned": {"at": {"dest": 0x170002}},
    "the command buffer 0x110002 isn't aligned": {"at": {"command": 0x110002}},
    "the result buffer 0x120001 isn't aligned": {"at": {"result": 0x120001}},
    "the destination descriptor at 0x100350 has 6 bytes": {"room_pieces": [6, N - 6]},
    "the source descriptor at 0x1000d0 has no length": {"pieces": [N, 0]},
}


@pytest.mark.parametrize("sentence", DESCRIPTORS)
def test_descriptor_rules(model, sentence):
    m = model("--strict")
    with Card(m.path) as c:
        c.bring_up()
        assert not any(c.run(GOOD, DATA, **DESCRIPTORS[sentence])[0])
    assert any(s.startswith(sentence) for s in told(m))


@pytest.mark.parametrize("flags,sentence", [
    (h.VALID | h.MASKDONE, "the command descriptor at 0x100000 has no LAST"),
    (h.VALID | h.LAST | 0x01000000, "bits 0x1000000 are set in the command descriptor"),
    (h.VALID | h.LAST | 0x00010000, "bits 0x10000 are set in the command descriptor")])
def test_descriptor_flags(model, flags, sentence):
    m = model("--strict")
    with Card(m.path) as c:
        c.bring_up()
        done = c.post(GOOD, DATA, N)
        c.put(0x100000, struct.pack("<I", flags | len(GOOD)))
        # An entry without LAST goes on in the next one.
        c.put(0x100008, struct.pack("<II", h.VALID | h.LAST | 4, 0x118000))
        c.start()
        assert c.finished(done)
    assert any(s.startswith(sentence) for s in told(m))


def test_jump_that_leads_elsewhere(model):
    m = model("--strict")
    with Card(m.path) as c:
        c.bring_up()
        c.put(0x100000, struct.pack("<II", h.VALID | h.JUMP | h.MASKDONE, 0x100010))
        c.put(0x100010, struct.pack("<II", h.VALID | h.LAST | len(GOOD), 0x110000))
        done = c.post(GOOD, DATA, N)
        c.put(0x100000, struct.pack("<II", h.VALID | h.JUMP | h.MASKDONE, 0x100010))
        c.start()
        assert c.finished(done) and c.word(0x100000) == h.JUMP | h.MASKDONE
    assert any("leads to 0x100010, not to its base" in s for s in told(m))


def test_descriptor_without_valid(model):
    """Told when it has been so for 5 s, which no driver that goes on takes."""
    m = model("--strict")
    with Card(m.path) as c:
        c.bring_up()
        c.post(GOOD, DATA, N)
        c.put(0x1000c8, struct.pack("<I", h.LAST | N))
        c.start()
        assert c.poll(lambda: "posted in part" in m.errors)
    assert told(m) == ["an operation is posted in part for 5 s: the source ring's descriptor at 0x1000c8 "
                       "has no VALID"]


def test_hands_off_while_busy(model):
    """A slow card is busy for long enough to be disturbed."""
    m = model("--strict", "--fault", "slow=64")
    with Card(m.path) as c:
        c.bring_up()
        done = c.post(GOOD, DATA, N)
        c.start()
        c.write(0, h.PUCNFG, 0x344)
        c.put(0x1000c8, struct.pack("<I", h.VALID | h.LAST | N))
        assert c.finished(done)
    assert told(m) == ["PUCNFG is written while an operation is under way",
                       "a descriptor was changed while the chip had it"]


@pytest.mark.parametrize("register,sentence", [
    (h.CRAR, "the command ring leads to memory that isn't there"),
    (h.DRAR, "the destination ring leads to memory that isn't there")])
def test_ring_of_no_memory(model, register, sentence):
    m = model("--strict")
    with Card(m.path) as c:
        c.bring_up()
        c.write(1, register, 0x80000000)
        time.sleep(0.002)
        c.start()
        assert c.poll(lambda: not c.read(1, h.CSR) & 0x80808080)
    assert told(m) == [sentence]


def test_result_to_no_memory(model):
    m = model("--strict")
    with Card(m.path) as c:
        c.bring_up()
        c.post(GOOD, DATA, N)
        c.put(h.BASE + h.RESULT + 4, struct.pack("<I", 0xfffff000))
        c.start()
        assert c.poll(lambda: not c.read(1, h.CSR) & 0x80808080)
    assert told(m) == ["a result descriptor leads to memory that isn't there"]


def test_memory_is_taken_from_a_running_ring(model):
    m = model("--strict")
    with Card(m.path) as c:
        other = c.map(0x80000000, 0x1000)
        c.bring_up()
        c.run(GOOD, DATA)
        c.unmap(0x80000000, 0x1000)
        assert other and m.errors == "", "no ring was there"
        c.unmap(h.BASE, h.SIZE)
    assert told(m)[:4] == [f"the memory of the {ring} ring is taken away while the ring is enabled"
                           for ring in ("command", "source", "result", "destination")]


# ---- powers ----


def power(c, exponent=5, bits=3, scratch=0):
    """3 to a power modulo 2 to the 511th, whose reciprocal is all ones."""
    c.write(1, h.PUB_RESET, 1)
    c.write(1, h.PUB_MODE, 1)
    for chunk, value in ((0, 3), (1, exponent), (4, 1 << 511), (5, (1 << 512) - 1), (8, scratch)):
        for i in range(16):
            c.write(1, h.PUB_MEM + 64 * chunk + 4 * i, value >> 32 * i & 0xffffffff)
    c.write(1, h.FIFO_OPLEN, 16 | bits - 1 << 8)
    c.write(1, h.FIFO_OP, 12 << 24 | 4 << 16 | 1 << 8)
    assert c.poll(lambda: c.read(1, h.PUB_STATUS) & 1)
    return c.read(1, h.PUB_MEM + 2 * 64)


@pytest.mark.parametrize("wrong,sentences", [
    ({}, []),
    ({"bits": 2}, ["the exponent has more bits than the operation says"]),
    ({"exponent": 5 | 1 << 511}, ["the exponent has more bits than the operation says"]),
    ({"scratch": 1 << 511}, ["the scratch memory behind the reciprocal isn't clear"])])
def test_power(model, wrong, sentences):
    m = model("--strict")
    with Card(m.path) as c:
        c.bring_up()
        result = power(c, **wrong)
    if sentences:
        assert told(m) == sentences
    else:
        assert result == 3 ** 5 and m.stop() == 0


# ---- faults ----


def test_unknown_fault_lists_all():
    done = subprocess.run([PROGRAM, "--socket", "/nonexistent", "--fault", "flood"], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 2
    for name in ("lost-irq", "stuck-ring", "wrong-length", "dma-abort", "vanish", "slow"):
        assert name in done.stderr


@pytest.mark.parametrize("word", ["slow=0", "lost-irq=x", "vanish=-1", "lost-irq="])
def test_bad_fault_value(word):
    assert subprocess.run([PROGRAM, "--socket", "/nonexistent", "--fault", word], capture_output=True,
                          check=False).returncode == 2


def test_lost_interrupt(model):
    m = model("--strict", "--fault", "lost-irq=3")
    with Card(m.path) as c:
        c.bring_up(ier=0x22322020)
        c.arm()
        got = []
        for _ in range(9):
            c.run(GOOD, DATA)
            assert c.poll(lambda: c.read(1, h.CSR) & h.R_DONE)
            got.append(c.interrupts())
            c.write(1, h.CSR, h.R_DONE)
            c.unmask()
        assert got == [1, 1, 0] * 3
    assert m.stop() == 0


def test_stuck_ring(model):
    m = model("--fault", "stuck-ring=2")
    with Card(m.path) as c:
        c.bring_up()
        c.run(GOOD, DATA)
        c.run(GOOD, DATA)
        done = c.post(GOOD, DATA, N)
        c.start()
        time.sleep(0.05)
        assert c.word(done) & h.VALID and c.word(0x100010) & h.VALID
        c.write(1, h.CNFG, 7)
        c.bring_up()
        c.run(GOOD, DATA)


def test_wrong_length(model):
    m = model("--fault", "wrong-length=2")
    with Card(m.path) as c:
        c.bring_up()
        good, result = c.run(GOOD, DATA)
        assert not any(result)
        short, result = c.run(GOOD, DATA)
        assert short == good[:-4] + bytes(4) and result[6] == 4


def test_dma_abort(model):
    m = model("--fault", "dma-abort=1")
    with Card(m.path) as c:
        c.bring_up()
        for _ in range(2):
            c.run(GOOD, DATA)
            done = c.post(GOOD, DATA, N)
            c.start()
            assert c.poll(lambda: c.read(1, h.CSR) & h.S_ABORT)
            assert c.word(done) & h.VALID
            c.write(1, h.CNFG, 7)
            c.bring_up()


def test_vanish(model):
    m = model("--fault", "vanish=1")
    with Card(m.path) as c:
        c.bring_up(ier=0x22322020)
        c.run(GOOD, DATA)
        done = c.post(GOOD, DATA, N)
        c.start()
        assert c.poll(lambda: c.read(1, h.CSR) == 0xffffffff)
        assert c.read(0, h.PUSTAT) == 0xffffffff and c.read(CONFIG, 0) == 0xffffffff
        c.reset()
        assert c.read(1, h.CNFG) == 0xffffffff and c.word(done) & h.VALID
    with Card(m.path) as c:
        assert c.read(CONFIG, 0) == 0xffffffff, "gone for every client"


def test_slow(model):
    m = model("--strict", "--fault", "slow=1000")
    with Card(m.path) as c:
        c.bring_up()
        dones = [c.post(command(0x0400, 250, 252, part(0x0228, 0, 250)), bytes(250), 252,
                        room_pieces=[248, 4]) for _ in range(4)]
        began = time.monotonic()
        c.start()
        assert c.finished(dones[-1]) and time.monotonic() - began >= 1.0
    assert m.stop() == 0


def test_trace_is_in_words(model):
    m = model()
    with Card(m.path) as c:
        c.bring_up()
        c.run(GOOD, DATA)
        c.run(crypt(key=bytes(range(16)), session=7), DATA)
    assert m.stop() == 0
    lines = m.trace.splitlines()
    for line in ("W CSR = 0x80808080 (C_enable, S_enable, R_enable, D_enable)",
                 "W CNFG = 0x00010017 (polling, LAST, MODE, DMA out of reset, chip out of reset)",
                 "  source descriptor at 0x001000c8: l 0xa2000020, p 0x00130000 (LAST, MASKDONEIRQ, 32 bytes)",
                 "  command, 48 bytes: " + GOOD.hex(" "), "  context 7 still holds a key"):
        assert line in lines, line
    assert "  context 0 still holds a key" not in lines, "that one was all zeros"
