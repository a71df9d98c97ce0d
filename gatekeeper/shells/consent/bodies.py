"""What is asked and answered at `/gk/consent`, as types: they check requests, and the OpenAPI document is made of them.

Requests refuse unknown fields. Every answer is one of these, or a problem (RFC 9457).
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from gatekeeper.gate.asking import Ask, Why
from gatekeeper.model.choice import Method, Surface

Text = Annotated[str, Meta(max_length=2_048)]
Name = Annotated[str, Meta(min_length=1, max_length=256)]
Word = Literal["granted", "refused"]
Code = Literal["token_expired", "notice_changed", "text_mismatch", "choice_conflict"]


class Choices(Struct, frozen=True, forbid_unknown_fields=True):
    """Yes or no for each purpose; one that is left out stays as it was."""

    analytics: bool | None = None
    marketing: bool | None = None


class Choosing(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A choice. What grants needs `token`, as the state gave it, and `rendered`, the hash of the words that were shown.

    `translated`: the page was translated by the browser. `client_id` and `session_id` are those of the events before
    this choice: what waits under them ends with a refusal. `subject`, `at` (Unix seconds) and `evidence` are believed
    of callers with one of `server.api_keys`.
    """

    choices: Choices
    token: Text | None = None
    rendered: Text | None = None
    method: Method = Method.SAVE
    surface: Surface = Surface.PAGE
    translated: bool = False
    client_id: Name | None = None
    session_id: Name | None = None
    subject: Name | None = None
    at: float | None = None
    evidence: Annotated[str, Meta(min_length=1, max_length=2_000)] | None = None


class RecipientState(Struct, frozen=True):
    """Who receives data for a purpose."""

    name: str
    company: str | None
    country: str | None
    policy: str | None
    retention: str | None


class PurposeState(Struct, frozen=True):
    """One purpose: `choice` is what the visitor last said, `effective` what the gate does, `reason` why it does not."""

    id: str
    ask: Ask
    choice: Word | None
    at: str | None
    effective: bool
    reason: str | None
    title: str
    text: str
    recipients: list[RecipientState]


class GpcState(Struct, frozen=True):
    """Whether the browser sends `Sec-GPC: 1`, and whether it counts there."""

    detected: bool
    honoured: bool


class SignalsState(Struct, frozen=True):
    """The browser's own signals."""

    gpc: GpcState


class JurisdictionState(Struct, frozen=True):
    """Where the visitor is, and the ids of the laws there."""

    country: str | None
    region: str | None
    laws: list[str]


class NoticeState(Struct, frozen=True):
    """The words to show, in the order in which they are hashed."""

    version: str
    hash: str
    language: str
    direction: Literal["ltr", "rtl"]
    scope: str
    texts: dict[str, str]
    url: str | None


class State(Struct, frozen=True):
    """What the visitor is to be asked, what they said, and what follows. `expires` is the token's end, Unix seconds."""

    format: int
    ask: Ask
    why: Why | None
    decided: bool
    purposes: list[PurposeState]
    signals: SignalsState
    jurisdiction: JurisdictionState
    notice: NoticeState
    token: str
    expires: int


class Conflict(Struct, frozen=True):
    """A purpose that was granted and is denied all the same, by this signal."""

    purpose: str
    signal: str


class Taken(Struct, frozen=True):
    """A choice that was recorded. `receipt` is `null` where the visitor had no row of the day left."""

    receipt: str | None
    at: str
    choices: dict[str, Word]
    effective: dict[str, bool]
    conflicts: list[Conflict]
    valid_until: str | None
    cancelled: int


class Withdrawn(Struct, frozen=True):
    """What was taken back: no request that needs it begins any more."""

    withdrawn: list[str]
    receipt: str | None
    cancelled: int


class Problem(Struct, frozen=True, omit_defaults=True):
    """What was wrong. `refused` are refusals of the same request that were taken all the same."""

    type: str
    status: int
    title: str
    detail: str | None = None
    field: str | None = None
    code: Code | None = None
    refused: list[str] | None = None
    state: State | None = None
