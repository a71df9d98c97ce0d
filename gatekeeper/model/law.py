"""A law, in one period, as far as the gate needs it. Nouns: frozen, typed, no logic."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class ConsentModel(StrEnum):
    """What a law asks for one purpose."""

    OPT_IN = "opt_in"
    OPT_OUT = "opt_out"
    NONE = "none"


Days = Literal["calendar", "business"]
Minimization = Literal["", "explicit", "implicit"]  # empty: not reviewed
Accountability = Literal["", "required", "limited"]


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
    A request must be confirmed within `confirm_days` business days, an appeal answered within `appeal_days`.
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
    delete_unit: Days = "calendar"
    delete_extension: int | None = None
    confirm_days: int | None = None
    appeal_days: int | None = None
    records: str = ""
    minimization: Minimization = ""
    accountability: Accountability = ""
    exemption: str = ""  # for strictly first-party audience measurement, in words
    effective: str | None = None
    until: str | None = None
    citation: str = ""
    uncertain: tuple[str, ...] = ()
    note: str = ""
