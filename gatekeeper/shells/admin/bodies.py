"""What the admin API takes and answers, as types that check requests and make the OpenAPI document. Nouns."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

Value = Annotated[str, Meta(min_length=1, max_length=512)]
Day = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
Why = Literal["erased", "opted_out", "objected"]
Purpose = Literal["analytics", "marketing"]


class Body(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A request's body: unknown keys are refused."""


class Identifier(Body, frozen=True):
    """One identifier of a person. `type` is a kind (`email`, `user_id`, …) or a catalogue's field, such as `fbp`."""

    type: Annotated[str, Meta(min_length=1, max_length=64)]
    value: Value


Identifiers = Annotated[list[Identifier], Meta(min_length=1, max_length=100)]
Links = Annotated[list[Annotated[str, Meta(pattern=r"^l_[0-9a-f]{12}$")]], Meta(max_length=1_000)]


class Search(Body, frozen=True):
    """Whom to look for; `link` are the ids of linked identifiers that are theirs."""

    identifiers: Identifiers
    link: Links = msgspec.field(default_factory=list)


class Export(Body, frozen=True):
    """Whose copy to make, and as what."""

    identifiers: Identifiers
    link: Links = msgspec.field(default_factory=list)
    format: Literal["json", "csv", "html"] = "json"


class Suppress(Body, frozen=True):
    """Whom to suppress. `purposes`: both for `erased`, else marketing; `until` is a day or an RFC 3339 time."""

    identifiers: Identifiers
    why: Why
    purposes: Annotated[list[Purpose], Meta(min_length=1, max_length=2)] | None = None
    until: Annotated[str, Meta(max_length=40)] | None = None


class Unsuppress(Body, frozen=True):
    """Whose entries to delete: by identifiers, or all that came together, by their `sup_…` or `er_…`."""

    identifiers: Identifiers | None = None
    erasure: Annotated[str, Meta(pattern=r"^(sup|er)_[0-9A-Za-z]{4,64}$")] | None = None
    why: Why | None = None


class Check(Body, frozen=True):
    """Who may be suppressed."""

    identifiers: Identifiers


class Erase(Body, frozen=True):
    """Whom to erase. `verified_by`: how the person's identity was verified; `received` is a day."""

    identifiers: Identifiers
    link: Links = msgspec.field(default_factory=list)
    law: Annotated[str, Meta(max_length=40)] | None = None
    verified_by: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    received: Day | None = None
    note_code: Annotated[str, Meta(max_length=200)] | None = None


class Verify(Body, frozen=True):
    """How it is known that the request is the person's own."""

    how: Annotated[str, Meta(min_length=1, max_length=200)]


class Reason(Body, frozen=True):
    """Why: one of the reasons that laws know for a refusal, or what the person is told of a longer term."""

    reason: Annotated[str, Meta(min_length=1, max_length=200)]


class Settle(Body, frozen=True):
    """What an operator knows of a recipient."""

    state: Annotated[str, Meta(min_length=1, max_length=40)]
    evidence: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    reason: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


class Replay(Body, frozen=True):
    """A period of the log, and by what to decide it again. `policy` is the text of a policy file; without it each line
    is decided by its own. Times are a day, an RFC 3339 time, or `7d`; `on` is the day whose laws are wanted.
    """

    policy: Annotated[str, Meta(min_length=1)] | None = None
    since: Annotated[str, Meta(max_length=40)] | None = None
    until: Annotated[str, Meta(max_length=40)] | None = None
    laws: Literal["recorded", "now"] = "recorded"
    on: Day | None = None


class Refused(Struct, frozen=True):
    """A refusal (RFC 9457). `field` is the part of the body that it is about."""

    type: str
    status: int
    title: str
    detail: str | None = None
    field: str | None = None
