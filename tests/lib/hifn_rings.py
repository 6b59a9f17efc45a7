# SPDX-License-Identifier: LGPL-2.1-or-later
"""The HIFN 7955/7956 as the reference wants it driven, for tests of the model: bring-up as in
its section 19, rings and addresses as in 20a."""
import struct
import time

import vfio_client

PUCTRL, PUISR, PUCNFG, PUIER, PUSTAT, FIFOCNFG, PUCTRL2 = 0x04, 0x08, 0x0c, 0x10, 0x14, 0x1c, 0x28
CRAR, SRAR, RRAR, DRAR, CSR, IER, CNFG, PLL, CNFG2 = 0x0c, 0x1c, 0x2c, 0x3c, 0x40, 0x44, 0x48, 0x4c, 0x6c
SECRET1, SECRET2 = 0xf4, 0xfc
PUB_RESET, PUB_OPLEN, PUB_OP, PUB_STATUS, PUB_IEN = 0x204, 0x304, 0x308, 0x30c, 0x310
RNG_CONFIG, RNG_DATA, PUB_MODE, FIFO_OPLEN, FIFO_OP, PUB_MEM = 0x314, 0x318, 0x320, 0x380, 0x384, 0x400

VALID, JUMP, LAST, MASKDONE = 1 << 31, 1 << 30, 1 << 29, 1 << 25
R_DONE, C_WAIT, S_ABORT, D_OVER, R_OVER = 1 << 20, 1 << 2, 1 << 13, 1 << 25, 1 << 17
BASE = 0x100000
SIZE = 0x100000
COMMAND, SOURCE, DESTINATION, RESULT = 0, 0xc8, 0x350, 0x5d8
ENTRIES = {COMMAND: 24, SOURCE: 80, DESTINATION: 80, RESULT: 24}
BASES = {CRAR: COMMAND, SRAR: SOURCE, RRAR: RESULT, DRAR: DESTINATION}


def round_of(state):
    """One word of the unlocking."""
    for _ in range(257):
        state = (state << 1 & 0xffffffff) | (bin(state & 0x80080125).count("1") & 1)
    return state


class Card(vfio_client.Client):
    """A connection with rings and buffers in its memory."""

    def __init__(self, path, share=True):
        super().__init__(path)
        self.memory = self.map(BASE, SIZE, share)
        self.index = dict.fromkeys(ENTRIES, 0)

    # ---- bring-up ----

    def poll(self, done, seconds=60):
        return self.serve(done, seconds)

    def full_reset(self):
        self.write(1, CNFG, 0x7)
        time.sleep(0.002)
        self.write(1, CNFG, 0x4)
        time.sleep(0.002)
        self.write(1, CNFG, 0x7)
        self.write(0, PUCTRL, 0x2)
        assert self.poll(lambda: not self.read(0, PUCTRL) & 1)
        self.write(vfio_client.CONFIG, 0x41, 0, 1)
        self.write(vfio_client.CONFIG, 0x40, 0)
        self.write(1, CNFG2, 0x3322)

    def level(self):
        self.write(0, PUCNFG, 0x20)
        level = self.read(0, PUSTAT) >> 8 & 0xff
        self.write(0, PUCNFG, 0)
        return level

    def unlock(self, words=13):
        if self.level() == 0x11:
            return 0x11
        self.write(1, CNFG, 0x807)
        time.sleep(0.001)
        word = self.read(1, SECRET1)
        self.write(1, SECRET2, 0)
        for _ in range(words):
            word = round_of(word)
            time.sleep(0.001)
            self.write(1, SECRET2, word)
        level = self.level()
        self.write(1, CNFG, 0x7)
        return level

    def set_up_rings(self):
        self.memory[0:0x6a0] = bytes(0x6a0)
        self.index = dict.fromkeys(ENTRIES, 0)
        for register, offset in BASES.items():
            self.write(1, register, BASE + offset)
        time.sleep(0.002)

    def set_up_pll(self):
        self.write(1, PLL, self.read(1, PLL) & ~0x18 | 0x402)
        time.sleep(0.012)
        self.write(1, PLL, 0xc03)
        time.sleep(0.012)
        self.write(1, PLL, 0xc01)
        self.write(1, PLL, 0xc19)

    def bring_up(self, ier=0, skip=(), reset=True):
        """All of section 19 but what `skip` names."""
        if "command" not in skip:
            self.write(vfio_client.CONFIG, 4, 6, 2)
        self.write(1, CSR, 0x40404040)
        self.write(0, PUIER, 0)
        self.write(1, IER, 0)
        if reset:
            self.full_reset()
        if "unlock" not in skip:
            assert self.unlock() == 0x11
        self.write(0, PUCTRL, 0x2)
        assert self.poll(lambda: not self.read(0, PUCTRL) & 1)
        if "fifo" not in skip:
            self.write(0, FIFOCNFG, 0x400)
        self.write(0, PUIER, 0x200)
        self.set_up_rings()
        self.write(1, CSR, 0x7e7e7c7f)
        self.write(1, IER, ier)
        if "pucnfg" not in skip:
            self.write(0, PUCNFG, 0x344)
        if "pll" not in skip:
            self.set_up_pll()
        self.write(0, PUISR, 0x200)
        self.write(1, CNFG, 0x10017 if "last" not in skip else 0x10007)
        return self

    # ---- operations ----

    def put(self, address, data):
        self.memory[address - BASE:address - BASE + len(data)] = data

    def get(self, address, n):
        return bytes(self.memory[address - BASE:address - BASE + n])

    def word(self, address):
        return struct.unpack("<I", self.get(address, 4))[0]

    def entry(self, ring, flags, length, address):
        """Fill the next entry of a ring; returns the address of the entry."""
        i = self.index[ring]
        at = BASE + ring + 8 * i
        self.put(at, struct.pack("<II", flags | length, address))
        self.index[ring] = i + 1
        if self.index[ring] == ENTRIES[ring]:
            self.put(at + 8, struct.pack("<II", VALID | JUMP | MASKDONE, BASE + ring))
            self.index[ring] = 0
        return at

    def post(self, command, source, room, result_room=36, pieces=None, room_pieces=None, at=None):
        """Post an operation, with buffers at places of one's own by name; returns where its
        result descriptor is."""
        i = self.index[COMMAND]
        at = {"command": BASE + 0x10000 + i * 0x200, "result": BASE + 0x20000 + i * 0x40,
              "source": BASE + 0x30000 + i * 0x2000, "dest": BASE + 0x70000 + i * 0x2000, **(at or {})}
        self.put(at["command"], command)
        self.put(at["source"], source)
        self.at = at
        for ring, where_, total, parts in ((SOURCE, at["source"], len(source), pieces),
                                           (DESTINATION, at["dest"], room, room_pieces)):
            parts = parts or [total]
            for k, piece in enumerate(parts):
                last = LAST if k == len(parts) - 1 else 0
                self.entry(ring, VALID | MASKDONE | last, piece, where_)
                where_ += piece
        done = self.entry(RESULT, VALID | LAST, result_room, at["result"])
        self.entry(COMMAND, VALID | LAST | MASKDONE, len(command), at["command"])
        return done

    def start(self):
        self.write(1, CSR, 0x80808080)

    def finished(self, done, seconds=60):
        return self.poll(lambda: not self.word(done) & VALID, seconds)

    def run(self, command, source, room=None, **kwargs):
        """Returns destination and result of an operation."""
        room = len(source) if room is None else room
        done = self.post(command, source, room, **kwargs)
        at = self.at
        self.start()
        assert self.finished(done)
        return self.get(at["dest"], room), self.get(at["result"], kwargs.get("result_room", 36))


def command(masks, n, room, *parts, session=0):
    """A command buffer: base, then the parts."""
    high = (n >> 16 & 3) << 14 | (room >> 16 & 3) << 12 | session
    return struct.pack("<HHHH", masks, high, n & 0xffff, room & 0xffff) + b"".join(parts)


def part(masks, skip, count):
    return struct.pack("<HHHH", masks | (count >> 16 & 3) << 14, skip, count & 0xffff, 0)
