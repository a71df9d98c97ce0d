"""A format of calls, put together from parts. Pure. `Dialect` says what each method gives.

table     what its native names are                                `table.load(…)`
route     which requests it is, and where they go                  `parts.Route`
body      how its events are read from a request, and written      `parameters`, `event_list`, `json_batch`, `OwnBody`
naming    what an event is called, unless its own body says so     `parts.Naming`
needs     what must be left of an event                            `parts.Needs`
hashes    how personal values are normalised and hashed            `hashing.by(…)`; nothing
reply     what the vendor answers                                  `replies.Reply`
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from gatekeeper.model import Answer, Call, Outcome, Outgoing, Personal
from gatekeeper.vendors.dialect import Kept, Leaf, Native
from gatekeeper.vendors.formats.parts import NAMELESS, Naming, Needs, Route
from gatekeeper.vendors.formats.replies import Reply
from gatekeeper.vendors.formats.table import Table
from gatekeeper.vendors.formats.usual import nothing
from gatekeeper.vendors.kind import Destination, Shaping


class Rest(NamedTuple):
    """What is left of a request for `to`; `kept` has an entry for each event, `None` where it is not `sent`."""

    native: Native
    shared: Sequence[Leaf]
    kept: Sequence[Kept | None]
    sent: Sequence[Kept]
    to: Destination


class Body(Protocol):
    """Where the events of a request stand."""

    def read(self, call: Call, to: Destination, body: bytes, form: Format) -> Native:
        """The request's leaves. Raises Unreadable."""

    def write(self, rest: Rest, form: Format) -> Outgoing:
        """The request to send, rebuilt from what may be sent."""


@dataclass(frozen=True, slots=True)
class OwnBody:
    """The two functions of a body that no other format has."""

    read: Callable[[Call, Destination, bytes, Format], Native]
    write: Callable[[Rest, Format], Outgoing]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A `Dialect` as a composition."""

    KIND: str
    NAME: str
    ACCOUNT: str | None
    table: Table
    route: Route
    body: Body
    naming: Naming = NAMELESS
    needs: Needs
    hashes: Callable[[str, Personal], str | None] = nothing  # analytics take nothing personal
    reply: Reply

    def matches(self, method: str, path: str) -> bool:
        """Whether the route is the request's."""
        return self.route.matches(method, path)

    def decode(self, call: Call, to: Destination, body: bytes) -> Native:
        """What the body reads."""
        return self.body.read(call, to, body, self)

    def personal(self, field: str, value: Personal) -> str | None:
        """By the vendor's own rules."""
        return self.hashes(field, value)

    def minimum(self, leaves: Sequence[Leaf], shaping: Shaping) -> str | None:
        """What the vendor needs to take an event."""
        return self.needs.missing(leaves, shaping)

    def encode(self, native: Native, shared: Sequence[Leaf], kept: Sequence[Kept | None]) -> Outgoing:
        """What the body writes."""
        sent = [one for one in kept if one is not None]
        return self.body.write(Rest(native, shared, kept, sent, sent[0].shaping.to), self)

    def read_answer(self, answer: Answer, count: int) -> tuple[Outcome, ...]:
        """The fate of each event, by the reply's rule."""
        return self.reply.fates(answer, count)

    def accepted(self, native: Native) -> Answer:
        """The vendor's own success."""
        return self.reply.taken(native)

    def relayed(self, answer: Answer, native: Native, kept: Sequence[Kept | None]) -> Answer:
        """The vendor's answer as the caller may see it."""
        return self.reply.relayed(answer, native, kept)
