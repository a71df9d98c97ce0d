"""What the visitor said, and what it adds up to. Nouns: frozen, typed, no logic."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal, NamedTuple

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
    CLAIM = "claim"  # an event's own consent object: narrows; is the signal where nothing else was said
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
    basis: Purpose | Literal["not_opted_out"]  # the purpose itself where the visitor granted it
    reason: str | None = None  # the reason code of a denial
    silent: bool = False  # denied only because no signal was given
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
