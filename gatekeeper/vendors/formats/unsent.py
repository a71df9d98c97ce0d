"""Requests of which nothing is ever sent, and that an SDK waits for an answer to. Pure.

The gate cannot judge recordings of sessions and profiles of groups. An SDK that asks for its configuration or for
definitions of feature flags gets an empty answer, which every SDK can read: no request is passed on, and no SDK
complains. An app that wants the real ones reads them from the product itself.
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
