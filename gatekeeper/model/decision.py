"""What one destination gets of one event, and why. Nouns: frozen, typed, no logic."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar

import msgspec
from msgspec import Struct

from gatekeeper.model.consent import Permission, Purpose, Step
from gatekeeper.model.event import Discreet


class Inputs(Struct, frozen=True):
    """What a decision was made from besides event, place and signals: with them it can be made again without a value.

    `kind` is `event` or `call`. `declared` are purposes that the event itself declares; `vendors` what TC strings say
    of a destination's vendor; `unfit` the fields whose values a destination could not take where that left too little;
    `unnamed` says that the event was called by what it declares, and went nowhere; `held` that the browser kept it for
    the visitor's answer, so that consent is that of its arrival.
    """

    kind: str = "event"
    age: str | None = None  # the visitor's age band
    declared: frozenset[Purpose] | None = None
    vendors: Mapping[str, Permission] = msgspec.field(default_factory=dict)
    unfit: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    unnamed: bool = False
    held: bool = False


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
