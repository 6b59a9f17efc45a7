# SPDX-License-Identifier: LGPL-2.1-or-later
"""The CE99C003B as the reference wants it driven (its section 4.4), for tests of the model."""
import struct

import vfio_client

SIG, CAPS, CTRL, STATUS, INT_STATUS, INT_ENABLE = 0x00, 0x04, 0x08, 0x0c, 0x10, 0x14
KEY_W0, KEY_W1, KEY_CMD, IV_W0, IV_W1 = 0x20, 0x24, 0x28, 0x30, 0x34
OP, LEN, DMA_ADDR, DONE_LEN, DATA = 0x40, 0x44, 0x48, 0x4c, 0x50
ENABLE, RESET, ZEROISE, ABORT = 1, 2, 4, 8
READY, BUSY = 1, 2
DONE, ERROR = 1, 2
LOAD, DELETE = 0x100, 0x200
ECB, CBC, CFB, OFB, KSG = range(5)
DECRYPT, USE_DMA, START = 1 << 16, 1 << 17, 1 << 31
BASE, SIZE = 0x100000, 0x20000
ONES = 0xffffffff


class Card(vfio_client.Client):
    """A connection with a buffer in its memory."""

    def __init__(self, path, share=True):
        super().__init__(path)
        self.memory = self.map(BASE, SIZE, share)

    def get(self, offset):
        return self.read(0, offset)

    def put(self, offset, value, posted=False):
        self.write(0, offset, value, posted=posted)

    def put_words(self, offset, data, step=4, posted=False):
        for i, (word,) in enumerate(struct.iter_unpack("<I", data)):
            self.put(offset + i * step, word, posted)

    # ---- bring-up and its end ----

    def probe(self):
        """Everything before the first write."""
        self.write(vfio_client.CONFIG, 4, 2, 2)
        assert self.get(SIG) == 0x42394543
        assert self.get(CAPS) >> 24 == 1
        return self

    def bring_up(self):
        self.probe()
        self.write(vfio_client.CONFIG, 4, 6, 2)
        self.put(CTRL, RESET)
        self.put(CTRL, ENABLE)
        assert self.get(STATUS) == READY
        return self

    def take_down(self):
        self.put(CTRL, RESET)
        self.write(vfio_client.CONFIG, 4, 2, 2)

    # ---- the vendor's calls ----

    def err(self):
        return self.get(STATUS) >> 8 & 0xf

    def loaded(self):
        return self.get(STATUS) >> 16

    def load(self, slot, key):
        self.put_words(KEY_W0, key)
        self.put(KEY_CMD, LOAD | slot)
        return self.err()

    def load_all(self, *keys):
        for slot, key in enumerate(keys):
            assert self.load(slot, key) == 0

    def get_iv(self):
        return struct.pack("<II", self.get(IV_W0), self.get(IV_W1))

    def start(self, keysel, mode, length, iv=None, decrypt=False, dma=False, address=BASE):
        if iv is not None:
            self.put_words(IV_W0, iv)
        if dma:
            self.put(DMA_ADDR, address)
        self.put(LEN, length)
        self.put(OP, START | keysel | mode << 12 | decrypt * DECRYPT | dma * USE_DMA)

    def finished(self, seconds=60):
        """INT_STATUS when it isn't 0 any more, acknowledged."""
        bits = self.serve(lambda: self.get(INT_STATUS), seconds)
        self.put(INT_STATUS, bits)
        return bits

    def read_data(self, n):
        return b"".join(struct.pack("<I", self.get(DATA)) for _ in range(n // 4))

    def crypt(self, keysel, mode, data, iv=None, decrypt=False, dma=False, address=BASE):
        """One whole operation: the result, and the IV after it."""
        if dma:
            self.memory[address - BASE:address - BASE + len(data)] = data
        self.start(keysel, mode, len(data), iv, decrypt, dma, address)
        if not dma:
            self.put_words(DATA, data, step=0)
        assert self.finished() == DONE
        assert self.get(STATUS) & 0xffff == READY and self.get(DONE_LEN) == len(data)
        if dma:
            result = bytes(self.memory[address - BASE:address - BASE + len(data)])
        else:
            result = self.read_data(len(data))
        return result, self.get_iv()
