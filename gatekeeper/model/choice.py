"""A visitor's choice on its way into the ledger, and what the ledger says. Nouns: frozen, typed, no logic."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, NamedTuple

import msgspec
from msgspec import Struct

from gatekeeper.model.consent import Permission, Purpose
from gatekeeper.model.event import Discreet


class Kind(StrEnum):
    """Whom a pseudonym in the ledger names."""

    DEVICE = "device"  # the subject of our own cookie, `v_…`
    ACCOUNT = "account"  # the user id that the app gave to `gatekeeper.link`


class Scope(StrEnum):
    """How far a choice reaches; the notice said so."""

    DEVICE = "device"  # this device; of an account it only denies
    ACCOUNT = "account"  # every device, while logged in


class Method(StrEnum):
    """How a choice was made."""

    ACCEPT_ALL = "accept_all"
    REJECT_ALL = "reject_all"
    SAVE = "save"
    CLOSE = "close"
    OBJECT = "object"
    OPT_OUT = "opt_out"
    GPC = "gpc"
    WITHDRAW = "withdraw"
    FORM = "form"
    API = "api"


class Surface(StrEnum):
    """Where a choice was made."""

    BANNER = "banner"
    PREFERENCES = "preferences"
    EMBED = "embed"
    PAGE = "page"
    APP = "app"
    PAPER = "paper"
    PHONE = "phone"


class Subject(NamedTuple):
    """One device or account, by its pseudonyms: the newest key's first, then those of older keys."""

    kind: Kind
    names: tuple[str, ...]


class Notice(Struct, frozen=True):
    """All words that were shown, as canonical JSON; `hash` is `sha256-` and the base64url SHA-256 of them."""

    hash: str
    version: str
    language: str
    text: str


class Choice(Discreet, frozen=True):
    """What a visitor chose, once: one row of the ledger.

    `says` maps purposes to GRANTED or DENIED; a purpose that is missing was not spoken about and stays as it was. `at`
    is when it was chosen, `issued` when the token of the notice was issued: a grant of an older token than the newest
    row is a conflict. `gpc`: the request had `Sec-GPC: 1`; `gpc_binds`: under a law by which that is remembered.
    `conflicts` maps a granted purpose to the signal that denies it all the same. `evidence` is what the operator says
    of a choice on paper or by telephone; it can be erased. `hints` are pseudonyms of a client or session id that end
    what is queued under them, and do nothing else. `fresh`: the device's id was made with this choice, so that
    nothing can wait under it. `lifts` are the hashes (`KeyRing.hidden`) of the subjects whose erasure it ends.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"subjects", "evidence", "hints", "display", "lifts"})

    receipt: str
    at: float  # Unix seconds
    subjects: tuple[Subject, ...]
    says: Mapping[Purpose, Permission]
    method: Method
    surface: Surface
    scope: Scope = Scope.DEVICE
    trusted: bool = False
    notice: str | None = None  # the hash
    display: str | None = None
    issued: float | None = None
    translated: bool = False
    laws: tuple[str, ...] = ()
    country: str | None = None
    region: str | None = None
    policy: str = ""  # the hash
    gpc: bool = False
    gpc_binds: bool = False
    conflicts: Mapping[Purpose, str] = msgspec.field(default_factory=dict)
    evidence: str | None = None
    hints: tuple[str, ...] = ()
    fresh: bool = False
    lifts: tuple[bytes, ...] = ()

    @property
    def theirs(self) -> tuple[Subject, ...]:
        """Whose row it is: a choice for the account leaves the device's own setting alone."""
        account = tuple([one for one in self.subjects if one.kind is Kind.ACCOUNT])
        return account if account and self.scope is Scope.ACCOUNT else self.subjects

    @property
    def denies(self) -> bool:
        """Whether it refuses or takes back anything."""
        return Permission.DENIED in self.says.values()

    @property
    def grants(self) -> bool:
        """Whether it grants anything."""
        return Permission.GRANTED in self.says.values()


class Outcome(StrEnum):
    """What the ledger did with a choice."""

    RECORDED = "recorded"
    REPLAYED = "replayed"  # the same choice for the same display is the newest row already
    CONFLICT = "conflict"  # a grant of an older notice token than the newest row; nothing was written
    CAPPED = "capped"  # the subject has had its rows of this day: a grant is not taken, a refusal changes nothing


class Heard(StrEnum):
    """Whether a withdrawal has reached everything that could still begin a request."""

    NOTHING = "nothing to stop"  # it took nothing back that a worker acts on
    HEARD = "heard"  # no request that needs it begins after this
    EXPIRED = "expired"  # a process that fell silent may begin nothing any more: its lease is over
    NOT_YET = "not yet"  # recorded, new events are stopped; a request may still begin


class Recorded(Struct, frozen=True):
    """What came of a choice. `receipt`, `row` and `at` are those of the row: of a replay, the first one's."""

    outcome: Outcome
    receipt: str | None = None
    row: str | None = None  # SHA-256 of the row, in hexadecimal; the audit line has it, too
    at: float | None = None
    cancelled: int = 0  # queued deliveries that ended
    heard: Heard = Heard.NOTHING


class Word(NamedTuple):
    """The ledger's newest word on a purpose."""

    says: Permission
    at: float
    receipt: str
    notice: str | None
    scope: Scope
    method: Method


class Voice(Struct, frozen=True):
    """What the ledger says of one device or account: by purpose the newest word; a missing one was never spoken.

    `gpc` is when `Sec-GPC` was seen that is still remembered, `None` if none is.
    """

    words: Mapping[Purpose, Word] = msgspec.field(default_factory=dict)
    gpc: float | None = None


class Row(Struct, frozen=True):
    """One row of the ledger as it is kept, for a person's history and for the proof of it. `seq` counts all rows."""

    seq: int
    digest: str
    choice: Choice
    evidence_hash: str | None = None


class Counted(NamedTuple):
    """Rows that are alike in what is counted, and how many there are; no person is in it.

    `begins` is that of their step of time, in Unix seconds. `version` is that of the notice, `None` where it is not
    known what was shown.
    """

    begins: float
    analytics: Permission | None
    marketing: Permission | None
    method: Method
    surface: Surface
    version: str | None
    country: str | None
    region: str | None
    gpc: bool
    many: int


class Epoch(NamedTuple):
    """How many withdrawals there were, and until when (monotonic seconds) this process may act on knowing that."""

    generation: int
    until: float
