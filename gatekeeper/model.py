"""The nouns. Frozen, slotted, typed; no logic, no imports from the rest of the package.

Those made for every event are msgspec structs, which take a tenth of the time of a dataclass to make.

    Signals → Place → Consent → Decision → Outgoing → Outcome

Every stage takes some of these and returns others (see `gatekeeper/gate.py` for the order).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple, final

import msgspec
from msgspec import Struct


class Purpose(StrEnum):
    """Why data is processed: the guide's tiers 1, 2 and 3. Three separate permissions."""

    NECESSARY = "necessary"
    ANALYTICS = "analytics"
    MARKETING = "marketing"


OPTIONAL = (Purpose.ANALYTICS, Purpose.MARKETING)


class Permission(StrEnum):
    """What is known of a permission. Only `consent/resolve.py` turns UNKNOWN into one of the others."""

    GRANTED = "granted"
    DENIED = "denied"
    UNKNOWN = "unknown"


class Standing(StrEnum):
    """How far a signal can be taken at its word (DESIGN, rule 5)."""

    DECIDED = "decided"  # a choice was made and read
    UNDECIDED = "undecided"  # the carrier is there, no choice was made: as if absent
    FOREIGN = "foreign"  # another software's cookie of that name: as if absent
    OPAQUE = "opaque"  # encrypted, or needs a mapping we do not have: as if absent
    MALFORMED = "malformed"  # ours to read, but broken: denies everything optional


class Role(StrEnum):
    """What a signal is allowed to do in the combination (DESIGN, rules 6 and 7)."""

    CHOICE = "choice"  # a cookie or the ledger: grants and denies
    CLAIM = "claim"  # an event's own consent object: narrows; is the signal where nobody spoke
    OPT_OUT = "opt_out"  # GPC and the like: only denies, does not count as having spoken
    FLAG = "flag"  # a vendor's flag on a request: only narrows


class Signal(Struct, frozen=True):
    """One thing the visitor, their browser or their consent platform said.

    `says` maps optional purposes to GRANTED or DENIED; a purpose that is missing was not spoken about.
    `at` is when it was said, in Unix seconds, `None` where the carrier has no date.
    `evidence` is the carrier's own id of the choice (a consent id, a TC string's CMP), never an e-mail or IP.
    `denies_as` is the reason code a denial by this signal gives, where it is more exact than the default.
    `note` says in a few plain words what was seen, without values.
    `refuses` are the policy's destinations whose service the visitor refused by name, whatever `says` says.
    `beside` is 0 for what speaks for the visitor. What the request's own browser said beside a context that came along
    has a higher number (a further one for each context in between): it denies, and never grants.
    """

    source: str
    role: Role
    standing: Standing
    says: Mapping[Purpose, Permission] = msgspec.field(default_factory=dict)
    at: float | None = None
    voice: str = ""  # signals of one voice are collapsed, the newest wins; empty means: its own source
    evidence: str | None = None
    notice: str | None = None
    subject: str | None = None
    denies_as: str | None = None
    note: str = ""
    refuses: tuple[str, ...] = ()
    beside: int = 0


class ConsentModel(StrEnum):
    """What a law asks for one purpose."""

    OPT_IN = "opt_in"
    OPT_OUT = "opt_out"
    NONE = "none"


class SignalDuty(StrEnum):
    """What a law says of browser opt-out signals such as Sec-GPC."""

    REQUIRED = "required"
    RECOMMENDED = "recommended"
    NOT_SPECIFIED = "not_specified"


class Sale(StrEnum):
    """What a law calls a sale of personal data."""

    MONEY = "money"  # for money only
    VALUABLE = "valuable"  # for money or other valuable consideration
    SHARING = "sharing"  # the same, and any disclosure for cross-context advertising, paid or not
    NARROW = "narrow"  # as valuable, but analytics and one's own marketing services are left out


class Restriction(StrEnum):
    """What a law asks before sensitive data, or a minor's data for advertising, may be used."""

    NONE = "none"
    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    BANNED = "banned"


@dataclass(frozen=True, slots=True)
class Law:
    """One law in one period, as far as the gate needs it; `source` and `reviewed`: where and when read.

    `effective` is the first day in force and `until` the first day no longer (ISO dates, UTC; `None`: open).
    Below `child_age` a parent must consent; below `minor_age` advertising falls under `minor_rule`.
    `delete_days` are counted as `delete_unit` says, and may be extended by `delete_extension` days.
    `uncertain` names the fields that sources disagree on or that were not verified again.
    """

    id: str
    name: str
    analytics: ConsentModel
    marketing: ConsentModel
    opt_out_signal: SignalDuty
    source: str
    reviewed: str
    sale: Sale | None = None
    sensitive: Restriction = Restriction.NONE
    child_age: int | None = None
    minor_age: int | None = None
    minor_rule: Restriction = Restriction.NONE
    delete_right: bool = False
    delete_days: int | None = None
    delete_unit: str = "calendar"  # or business
    delete_extension: int | None = None
    records: str = ""
    minimization: str = ""  # explicit, implicit, or not reviewed
    accountability: str = ""  # required, limited, or not reviewed
    exemption: str = ""  # for strictly first-party audience measurement, in words
    effective: str | None = None
    until: str | None = None
    citation: str = ""
    uncertain: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What a location database says of one address.

    `anonymised` is true where it marks the address as a VPN, Tor exit, proxy, hosting or anycast network:
    the place is then that of the machine in between, not of the visitor.
    """

    country: str | None
    region: str | None = None
    anonymised: bool = False


class Place(Struct, frozen=True):
    """Where the visitor is and which laws apply there.

    `country` is ISO 3166-1 alpha-2, `region` the part of ISO 3166-2 after the dash; both `None` if unknown.
    `how` tells how it was known: `address`, `context`, `caller`, `cdn`, `local`, `anonymised`, `unknown`.
    `laws` is never empty, the strictest first: an unknown place has the strictest law there is.
    """

    country: str | None
    region: str | None
    how: str
    laws: tuple[Law, ...]


class Step(NamedTuple):
    """One rule that was looked at: which, what it gave, and why. `explain` prints these in order.

    A tuple, because a dozen are made for every event and a dataclass costs three times as much to make.
    """

    rule: str
    outcome: str
    why: str = ""


class Ruling(Struct, frozen=True):
    """What all signals and laws add up to for one purpose."""

    permission: Permission  # GRANTED or DENIED, never UNKNOWN
    basis: str  # the purpose itself, or `not_opted_out`
    reason: str | None = None  # the reason code of a denial
    silent: bool = False  # denied only because nobody spoke
    narrowed: bool = False  # denied by a flag or claim of one event, against a grant of the visitor's own
    opted_out: bool = False  # an opt-out under an opt-out law: `contextual` destinations may still be served


class Consent(Struct, frozen=True):
    """The visitor's effective permissions, and how they came about.

    `restricted`: the visitor opted out of advertising use in some way, whether or not it decided anything here.
    `refused` are destinations that were refused by name, as a service inside a category.
    """

    rulings: Mapping[Purpose, Ruling]
    signals: tuple[Signal, ...]
    overruled: tuple[str, ...]  # sources of the signals that lost
    gpc_detected: bool
    gpc_honoured: bool
    restricted: bool
    steps: tuple[Step, ...]
    refused: frozenset[str] = frozenset()


class Discreet(Struct, frozen=True):
    """A noun whose `repr` leaves the fields in `hidden` out: a traceback must not show what a visitor sent."""

    hidden: ClassVar[frozenset[str]] = frozenset()

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name not in self.hidden
        )
        return f"{type(self).__name__}({shown})"

    def __rich_repr__(self) -> Any:
        return ((name, getattr(self, name)) for name in self.__struct_fields__ if name not in self.hidden)


@final
class Personal(Discreet, frozen=True):
    """A personal value on its way in: raw (to be normalised and hashed per vendor) or hashed already.

    Destinations ask `type(value) is Personal`, which takes a quarter of `isinstance`'s time.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"value"})

    value: str
    hashed: bool

    def __repr__(self) -> str:
        """Never show the value: a traceback must not leak it."""
        return f"Personal(<hidden>, hashed={self.hashed})"


class Event(Discreet, frozen=True):
    """A canonical event. `data` maps catalogue names to values; personal ones are `Personal`.

    `unusable` are names that came in but cannot be used, with the cause (`invalid`: wrong type;
    `unknown_field`: not in the catalogue); their values are already gone. `names` are the names of both in
    their order of arrival. `offered` are values the shell knows from the connection (ip, user_agent):
    sent where allowed, but never reported as stripped, because the sender did not send them.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"data", "offered"})

    name: str
    id: str
    time: float  # Unix seconds
    data: Mapping[str, object]
    purposes: frozenset[Purpose] = frozenset(Purpose)
    offered: Mapping[str, object] = msgspec.field(default_factory=dict)
    unusable: Mapping[str, str] = msgspec.field(default_factory=dict)
    names: tuple[str, ...] = ()


class Inputs(Struct, frozen=True):
    """What a decision was made from besides event, place and signals: with them it can be made again without a value.

    `kind` is `event` or `call`. `declared` are purposes that the event itself declares; `vendors` what TC strings say
    of a destination's vendor; `unfit` the fields whose values a destination could not take where that left too little;
    `unnamed` says that the event was called by what it declares, and went nowhere.
    """

    kind: str = "event"
    age: str | None = None  # the visitor's age band
    declared: frozenset[Purpose] | None = None
    vendors: Mapping[str, Permission] = msgspec.field(default_factory=dict)
    unfit: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    unnamed: bool = False


class Verdict(StrEnum):
    """What happens to one event at one destination."""

    SEND = "send"
    CONTEXTUAL = "contextual"
    BLOCK = "block"


class Decision(Discreet, frozen=True):
    """What one destination gets of one event, and why. Refusing is a value, not an exception."""

    hidden: ClassVar[frozenset[str]] = frozenset({"kept"})

    destination: str
    verdict: Verdict
    reason: str | None
    kept: Mapping[str, object]
    stripped: Mapping[str, str] = msgspec.field(default_factory=dict)  # field name -> cause
    derived: tuple[str, ...] = ()  # sent, but not in the event: made or added by the gate
    scrubbed: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)  # field name -> shapes replaced in it
    native: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)  # of a call: field -> its own names
    basis: str | None = None
    legal_basis: str | None = None
    steps: tuple[Step, ...] = ()


class Shaped(Discreet, frozen=True):
    """One event in a vendor's own format, ready to be batched with others of the same `head`.

    `sent` names the canonical fields whose values are in `body`; `invalid` the ones this vendor cannot take,
    `unneeded` the ones that are valid but have no use in this one request.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"body"})

    head: bytes
    body: bytes
    sent: tuple[str, ...] = ()
    derived: tuple[str, ...] = ()
    invalid: tuple[str, ...] = ()
    unneeded: tuple[str, ...] = ()


class Call(Discreet, frozen=True):
    """One vendor-native request as an app or a page made it, before anything was decided.

    `path` is the vendor's own, percent-encoded as it came, with a leading slash; `query` has no question mark;
    `headers` are (lower-case name, value) pairs with duplicates, latin-1 as ASGI has them; `body` as received,
    Content-Encoding included.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"query", "headers", "body"})

    method: str
    path: str
    query: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""


class Outgoing(Discreet, frozen=True):
    """One request to one vendor, complete. The only thing `delivery` ever sends."""

    hidden: ClassVar[frozenset[str]] = frozenset({"url", "headers", "body"})

    method: str
    url: str  # may hold the vendor's secret in its query
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Answer(Discreet, frozen=True):
    """What a vendor answered. The body is read for its error code and then dropped, never logged."""

    hidden: ClassVar[frozenset[str]] = frozenset({"body"})

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Fate(StrEnum):
    """How one delivery attempt ended."""

    DELIVERED = "delivered"
    RETRY = "retry"
    DEAD = "dead"


class Outcome(Struct, frozen=True):
    """The fate of one event at one vendor after one answer; `why` is a short code, never vendor text."""

    fate: Fate
    why: str | None = None
    retry_after: float | None = None  # seconds
