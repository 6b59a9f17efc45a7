# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two cards of different speed beside soft: the balancer `rate` learns what each costs and splits
the load by that."""
import acr
import models
from on_device import QUICK, counters

CONFIG = acr.PATIENT
RATES = {"hifn0": 16_000_000, "hifn1": 4_000_000}  # bytes a second, that the models take at most
DEVICES = [*RATES, "soft0"]
LENGTH = 120_000
AT_ONCE = 100


def shares(daemon):
    return {name: counters(daemon, name)["completed"] for name in DEVICES}


def flood(daemon, data):
    """More at once than all can begin with; how many each has done."""
    before, sessions = shares(daemon), []
    for _ in range(AT_ONCE):
        sessions.append(daemon.session(alg="des-ede3-cbc", key=bytes(range(24)), iv=bytes(8),
                                       src=data))
    for s in sessions:
        s.write("ctl", "start")
    results = set()
    for s in sessions:
        results.add(s.read())
        s.close()
    assert len(results) == 1, "they differ"
    after = shares(daemon)
    return {name: after[name] - before[name] for name in DEVICES}


def learned(daemon):
    """Nanoseconds that one of the requests is believed to cost on each device."""
    return {row["device"]: float(row["fixed-us"]) * 1000 + float(row["ns-per-byte"]) * LENGTH
            for row in acr.rows(daemon.text("lb/rate/curve")) if row["alg"] == "des-ede3-cbc"}


def test_rate_splits_the_load(start):
    """Who is believed to be faster gets more, and nobody nothing: what is optimal for all goes by
    the square of the costs, see acrypto-rate(7). How long it all takes doesn't matter, and soft
    may be slowed down by whatever else runs."""
    cards = {name: models.Hifn("--fault", f"slow={rate}") for name, rate in RATES.items()}
    daemon = start(*(w for name, card in cards.items()
                     for w in ("--device", f"{name}={card.spec()}")),
                   "--device", "soft0=soft:threads=1", "--balancer", "rate")
    data = bytes(LENGTH)
    for _ in range(3):  # whose results come too late to be learned from
        flood(daemon, data)
    done = dict.fromkeys(DEVICES, 0)
    for _ in range(2 if QUICK else 4):
        for name, n in flood(daemon, data).items():
            done[name] += n
    costs = learned(daemon)
    print(done, costs)
    # Waiting in the card for others is no cost, working is. The models take no less.
    for name, rate in RATES.items():
        assert costs[name] > 0.3e9 * LENGTH / rate, costs
    assert costs["hifn1"] > 2 * costs["hifn0"], costs
    for one in DEVICES:
        for other in DEVICES:
            if 2 * costs[one] < costs[other]:
                assert done[one] > done[other], (done, costs)
    assert min(done.values()) > 0, (done, costs)
    assert daemon.stop() == 0
    for card in cards.values():
        card.stop()
