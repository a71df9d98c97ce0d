"""What every destination's file gives: a `Kind`, `Settings` and three functions.

    KIND                                     the defaults: purpose, fields, limits (the guide's tables)
    Settings                                 the keys of `[destinations.<name>]` for this kind
    shape(event, kept, shaping)   -> Shaped  one event in the vendor's format, or why it is no valid one
    assemble(to, head, bodies)    -> Outgoing   one request from shaped events of the same head
    read_answer(answer, count)    -> Outcome    the fate of each of them

A file may have a `DELETION` (`deletion.py`), too: how a person is deleted there.

All pure. Adding a destination: copy the shortest file (`first_party.py`) and add it to `KINDS`. docs/extend.md says how
to bring one from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from msgspec import Struct

from gatekeeper.model import Answer, Consent, Event, Outcome, Outgoing, Place, Purpose, Shaped

DAY = 86_400.0
_MARKETING = Purpose.MARKETING
LegalBasis = Literal["consent", "contract", "legal_obligation", "vital_interests", "public_task", "legitimate_interest"]
"""GDPR article 6(1)."""
OnOptOut = Literal["block", "contextual"]
Receiver = Literal["vendor", "operator", "endpoint"]


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that must never be printed."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Kind:
    """The defaults and limits of one kind of destination.

    `fields` is the default allow-list. `places` are all fields the vendor has a place for, `None` if any.
    `clear` are the personal fields (by key, such as `city_hash`) that the vendor defines as clear: they go out
    normalised but not hashed, the audit names them without `_hash`, and a hash that came in is no use there.
    `batch_events` and `batch_bytes` bound a request, `batch_wait` (seconds) is how long a busy destination gathers.
    `max_age` (seconds) is how old an event may be, `max_attempts` how often an answer that asks for it is tried
    again (`None`: until the event is too old). `dedupes_for` (seconds, `None`: not at all) is how long the vendor
    tells a repetition of an event from a new one: what may have arrived is sent again only there and so long.
    `refuses_request` are the vendor's own codes, as `read_answer` gives them, that refuse a request as a whole: a
    wrong token, not a wrong event. A batch that is refused by one is not divided.
    `received_by` says who gets the data: the `vendor` whose company `processor` is, the `operator` of the gate, or
    the company that runs the policy's `endpoint`; for those two `processor` is a description and no company's name.
    """

    name: str
    title: str
    purpose: Purpose | None
    allowed_purposes: frozenset[Purpose]
    legal_basis: LegalBasis
    fields: tuple[str, ...]
    places: frozenset[str] | None
    clear: frozenset[str] = frozenset()
    endpoint: str | None = None
    batch_events: int = 1
    batch_bytes: int = 1_000_000
    max_age: float = 7 * DAY
    max_attempts: int | None = None
    refuses_request: frozenset[str] = frozenset()
    batch_wait: float = 0.1
    dedupes_for: float | None = 7 * DAY
    accepts_contextual: bool = False
    vendor_id: int | None = None  # in the IAB's Global Vendor List; the policy may give another, or 0 for none
    tcf_purposes: tuple[int, ...] = ()  # which the vendor needs consent for
    measures_audience: bool = False  # the operator's own: may be `statistics_only`
    needs_currency: bool = False  # an order value without one is useless there, or gets the event refused
    errors_only: bool = False  # by default receives `error` events and nothing else
    as_necessary: frozenset[str] | None = None  # events that may be `necessary`, `None`: any; others need analytics
    conversions_only: bool = False  # every event that reaches it is counted as a conversion
    calls_only: bool = False  # takes the vendor's own requests and no events
    processor: str = ""
    received_by: Receiver = "vendor"
    deletion: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Destination:
    """One `[destinations.<name>]` of a policy, compiled. Equal to itself alone: memories keep policies apart."""

    name: str
    kind: Kind
    purpose: Purpose
    legal_basis: str
    fields: frozenset[str]
    causes: Mapping[str, str]  # field that is not sent -> why: `purpose` or `not_needed`
    contextual: frozenset[str]  # what may still be sent after an opt-out of sale
    endpoint: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict, repr=False)
    events: frozenset[str] | None = None
    regions: frozenset[str] | None = None
    on_opt_out: OnOptOut = "block"
    url_params: frozenset[str] = frozenset()
    statistics_only: bool = False
    vendor_id: int | None = None  # in the IAB's Global Vendor List
    tcf_purposes: tuple[int, ...] = ()
    expires: float | None = None  # seconds, from the policy
    erasure: Mapping[str, Any] = field(default_factory=dict)  # without its secrets: those are `erasure.<key>`
    erasure_endpoint: str | None = None
    module: DestinationModule | None = field(default=None, repr=False)

    @property
    def shapes(self) -> DestinationModule:
        """What shapes its events and reads its answers. Raises LookupError where the policy has no such destination."""
        if self.module is None:
            raise LookupError(f"{self.name} is not a destination of the policy")
        return self.module

    @property
    def max_age(self) -> float:
        """How old an event may be when it is sent, in seconds."""
        return self.kind.max_age if self.expires is None else min(self.expires, self.kind.max_age)

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The headers that the policy adds to every request."""
        start = "headers."
        return tuple(
            [(name.removeprefix(start), one.value) for name, one in self.secrets.items() if name.startswith(start)]
        )

    def secret(self, name: str) -> str:
        """A secret's value, for the one request it goes into."""
        return self.secrets[name].value


class Shaping(Struct, frozen=True):
    """What shaping needs besides the event: all of it passed in."""

    to: Destination
    consent: Consent
    place: Place
    at: float  # now, Unix seconds
    derived_id: Callable[[str], str]  # a keyed stand-in for an identifier, different per destination

    @property
    def marketing_granted(self) -> bool:
        """Whether advertising use is permitted: what every vendor's consent flag asks."""
        return self.consent.rulings[_MARKETING].permission == "granted"

    @property
    def restricted_use(self) -> bool:
        """Whether the visitor opted out in any way that does not block this destination.

        Every vendor's limited-use flag is set then: such a flag may be stricter than a law asks, never looser.
        """
        return self.consent.restricted


class DestinationModule(Protocol):
    """The names every file in this folder has."""

    @property
    def KIND(self) -> Kind:  # noqa: N802  # a constant of modules
        """The defaults of a kind that sets nothing else."""

    @property
    def Settings(self) -> type[Any]:  # noqa: N802  # a class of modules
        """The keys of `[destinations.<name>]`."""

    def shape(self, event: Event, kept: Mapping[str, object], shaping: Shaping) -> Shaped | str:
        """The event for this vendor, or in a few words why what is left is no valid vendor event."""

    def assemble(self, to: Destination, head: bytes, bodies: Sequence[bytes]) -> Outgoing:
        """One request out of shaped events that share a head."""

    def read_answer(self, answer: Answer, count: int) -> tuple[Outcome, ...]:
        """The fate of each of the `count` events of a request."""
