"""Requests of which nothing is ever sent, and that an SDK waits for an answer to. Pure.

Recordings of sessions and profiles of groups hold what cannot be judged. Configurations and definitions of feature
flags are read from the product itself by whoever wants them: the gate answers with an empty one, which every SDK can
read, so that nobody's request is passed on and no SDK complains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gatekeeper.model import Call, Outgoing
from gatekeeper.vendors.dialect import UNKNOWN, Element, Leaf, Native
from gatekeeper.vendors.formats.format import Format, Rest
from gatekeeper.vendors.formats.parts import Needs
from gatekeeper.vendors.kind import Destination, Shaping


def never(leaves: Sequence[Leaf], shaping: Shaping) -> str | None:
    """Why nothing is sent."""
    return "nothing of such a request is ever sent"


NEEDS = Needs(more=never)


@dataclass(frozen=True, slots=True)
class Unsent:
    """One element, called `name`, that is in no table."""

    name: str

    def read(self, call: Call, to: Destination, body: bytes, vendor: Format) -> Native:
        """The element; the body is not looked at."""
        return Native(call, (Element(self.name, (Leaf(self.name, UNKNOWN, None),)),))

    def write(self, rest: Rest, vendor: Format) -> Outgoing:
        """Raises ValueError: nothing was kept, so there is nothing to write."""
        raise ValueError(f"a {self.name} is never sent")
