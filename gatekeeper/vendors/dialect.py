"""What every vendor's native format gives: a `Dialect`. Pure. Native requests in, leaves out, and back again.

    KIND             which kind of destination it belongs to
    NAME             what it is called in docs and tests, such as "ga4 /g/collect"
    ACCOUNT          the destination's setting that must be the account a call is addressed to
    matches(…)       whether a method and path are this format's: the only paths that are ever forwarded
    decode(…)        one request  -> Native: leaves, each with the catalogue field it holds
    minimum(…)       what the vendor needs at least, or why the permitted part is not a valid event
    encode(…)        what may be sent -> Outgoing, in the same format, rebuilt and never patched
    read_answer(…)   the fate of each element that was sent
    accepted(…)      the answer this vendor's own SDK expects, for a call that was dropped
    relayed(…)       the vendor's answer as the caller may see it: cleaned, and in the caller's own numbering

`table` is its table of native names, if it has one: what those are made of may be remembered (`formats/table.py`).

A request is shared leaves (a query that holds for every line of the body) and elements (the events of a batch), each
with leaves of its own. A leaf is one value, where it stood, and its role:

    a catalogue field's name    judged by the gate: sent where field, purpose and allow-list agree
    PROTOCOL                    the format's own mechanics (version, sequence number); says nothing of the visitor
    NAME                        what the event is called: refused for a personal shape, and then the element with it
    FLAG                        a consent flag; `encode` only ever makes it stricter
    SECRET                      goes to the vendor, never anywhere else
    STAMP                       a `Gatekeeper-Context` token by which an app marked whose event this is; never sent
    UNKNOWN                     in no table: stripped
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar, Final, Protocol
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, structs

from gatekeeper.model import Answer, Call, Discreet, Outcome, Outgoing, Personal
from gatekeeper.vendors.kind import Destination, Shaping

PROTOCOL: Final = "protocol"
NAME: Final = "name of the event"
FLAG: Final = "flag"
SECRET: Final = "secret"  # noqa: S105  # a role, not a secret
STAMP: Final = "stamp"
UNKNOWN: Final = ""
# Under any of these keys an app may mark an event with `gatekeeper.context.dump()`.
STAMP_KEYS: Final = frozenset({"gatekeeper_context", "$gatekeeper_context"})

Path = tuple[str | int, ...]


class Unreadable(Exception):  # noqa: N818  # a finding about the call, answered with a decision
    """The call is not in this format, or holds something that cannot be decided; `why` in a few plain words."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


class Leaf(Discreet, frozen=True):
    """One native value. `name` is its native name as the table and the audit know it, `path` where it stood."""

    hidden: ClassVar[frozenset[str]] = frozenset({"value"})

    name: str
    role: str
    value: object
    path: Path = ()

    def but(self, **changes: Any) -> Leaf:
        """This leaf, but for what is given."""
        return structs.replace(self, **changes)


class Element(Discreet, frozen=True):
    """One event of a call. `event` is its canonical name where there is one, else the vendor's own."""

    hidden: ClassVar[frozenset[str]] = frozenset({"event", "stamp", "flags", "query"})

    event: str
    leaves: tuple[Leaf, ...]
    id: str | None = None
    time: float | None = None  # Unix seconds
    stamp: str | None = None
    flags: Mapping[str, Any] = msgspec.field(default_factory=dict)  # as `signals.flags.read` takes them
    query: str = ""  # parameters of its own (a line of the body) to read consent flags from


class Native(Discreet, frozen=True):
    """A call, decoded. `account` is the vendor account it is addressed to; `frame` is the dialect's own.

    `call` is the call whose query consent flags are read from: of a wrapped hit, the one inside.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"frame"})

    call: Call
    elements: tuple[Element, ...]
    shared: tuple[Leaf, ...] = ()
    account: str | None = None
    frame: Mapping[str, Any] = msgspec.field(default_factory=dict)


class Kept(Struct, frozen=True):
    """What is left of one element: its own leaves with clean values, and what encoding it needs to know."""

    leaves: tuple[Leaf, ...]
    shaping: Shaping


class Dialect(Protocol):
    """The names that every native format has. Those of this folder are a `Format` each, put together from parts."""

    @property
    def KIND(self) -> str:  # noqa: N802  # a constant of modules
        """The kind of destination it belongs to."""

    @property
    def NAME(self) -> str:  # noqa: N802  # a constant of modules
        """The vendor's name and a path, such as "ga4 /g/collect"."""

    @property
    def ACCOUNT(self) -> str | None:  # noqa: N802  # a constant of modules
        """The destination's setting that `Native.account` must equal."""

    def matches(self, method: str, path: str) -> bool:
        """Whether a request is in this format, by method and path (percent-encoding as it came)."""

    def decode(self, call: Call, to: Destination, body: bytes) -> Native:
        """The request's leaves; `body` is without its Content-Encoding. Raises Unreadable."""

    def personal(self, field: str, value: Personal) -> str | None:
        """A personal value as this vendor takes it: normalised and hashed, or `None` if it has no use for it."""

    def minimum(self, leaves: Sequence[Leaf], shaping: Shaping) -> str | None:
        """In a few words why these leaves (shared and own) are no valid event; `None` if they are."""

    def encode(self, native: Native, shared: Sequence[Leaf], kept: Sequence[Kept | None]) -> Outgoing:
        """The request to send. `kept` has one entry per element, `None` where it was dropped; not all are `None`.

        The body is without Content-Encoding; the gate puts the caller's own back on.
        """

    def read_answer(self, answer: Answer, count: int) -> tuple[Outcome, ...]:
        """The fate of each of the `count` elements that were sent."""

    def accepted(self, native: Native) -> Answer:
        """What the vendor would have answered, had it taken everything."""

    def relayed(self, answer: Answer, native: Native, kept: Sequence[Kept | None]) -> Answer:
        """The vendor's answer for the caller: known headers only, counts and indexes as the caller sent them."""


def origin(to: Destination, default: str) -> str:
    """Where this destination's calls go: the policy's own endpoint (scheme and host), else the format's `default`."""
    if to.endpoint == to.kind.endpoint:
        return default
    return _origin(to.endpoint)


@lru_cache(maxsize=256)
def _origin(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc}"
