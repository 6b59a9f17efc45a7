# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cards and a processor for the soak: the models of two HIFN 7956 and of a CE99C003B, each in a
process that is killed now and then, and the PadLock emulator under the daemon.

The models of cards are not strict here: where a process is killed, a card sees what a driver may
not do otherwise. tests/fs/test_hifn.py, test_ce99.py and test_padlock.py are strict."""
import models


class Cards:
    """Start the models. devices: words for --device; env: the daemon's environment."""

    def __init__(self):
        self.models = {"hifn0": models.Hifn(strict=False), "hifn1": models.Hifn(strict=False),
                       "ce99-0": models.Ce99(strict=False)}
        self.devices = {name: model.spec() for name, model in self.models.items()}
        self.env = {}
        if models.padlock_model().exists():
            self.devices["padlock0"] = "padlock"
            self.env = models.padlock_environment()
        else:
            print("  no PadLock in this soak: it is a unit of x86 processors")

    def replace(self, name):
        """Pull a card out and put one into its slot."""
        self.models[name].kill()
        self.models[name].start()

    def stop(self):
        for model in self.models.values():
            model.abandon()
