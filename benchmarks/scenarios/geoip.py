"""Finding the country and region of an address: the same one again, and 4096 different ones."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from functools import partial
from itertools import cycle

from gatekeeper.geoip.reader import Locations
from gatekeeper.model import Caller

from .. import gates
from ..shape import CheckError, InProcess, Repeat, Scenario, Stage
from .decide import repeat

KNOWN = "193.99.144.80"


def _addresses(how_many: int) -> list[str]:
    chance = random.Random(7)  # the same addresses in every run
    return [".".join(str(chance.randrange(1, 224)) for _ in range(4)) for _ in range(how_many)]


@contextlib.contextmanager
def _look_up(how_many: int, stage: Stage) -> Iterator[Repeat]:
    locations = Locations()
    found = locations(KNOWN)
    if found is None or found.country != "DE":
        raise CheckError(f"{KNOWN} is not in Germany: {locations.problem}")
    turn = cycle([KNOWN] if how_many == 1 else _addresses(how_many))
    yield repeat(lambda: locations(next(turn)))


@contextlib.contextmanager
def _place(how_many: int, stage: Stage) -> Iterator[Repeat]:
    gate = gates.gate()
    callers = [Caller(address=address) for address in ([KNOWN] if how_many == 1 else _addresses(how_many))]
    if how_many == 1 and gate.place_of(callers[0]).country != "DE":
        raise CheckError(f"{KNOWN} is not in Germany")
    turn = cycle(callers)
    yield repeat(lambda: gate.place_of(next(turn)))


SCENARIO = Scenario(
    "geoip",
    "the place and law of an address",
    (
        InProcess("look-up, one address", partial(_look_up, 1)),
        InProcess("look-up, 4096 addresses", partial(_look_up, 4096)),
        InProcess("place and laws, one address", partial(_place, 1)),
        InProcess("place and laws, 4096 addresses", partial(_place, 4096)),
    ),
)
