"""Test cases out of real lines. Pure. A decision line in, a `[[tests]]` table with stand-ins for its values out.

A line holds no values and no cookies: valid values stand in for the fields, an event's own consent object for what the
visitor said, and the place and Sec-GPC are as they were. Whether the case gives the decision of the line is for the
caller to try; a line that it does not give cannot be told as a case.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from gatekeeper.consent.minors import AGE_BANDS
from gatekeeper.fields import Catalogue
from gatekeeper.gate.recompute import Unknowable, Unknown
from gatekeeper.model import Personal
from gatekeeper.model.reasons import GPC, SALE
from gatekeeper.policy.cases import SENT
from gatekeeper.vendors import samples

_OPTED_OUT: Final = "usprivacy=1YYN"
_BARE: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def case(record: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    """The table of a decision line. Raises Unknowable where the line holds too little."""
    given = record.get("inputs")
    if given is None:
        raise Unknowable(Unknown.OLD_LINE)
    if given.get("decided") is False or given["kind"] != "event":
        raise Unknowable(Unknown.UNDECIDED)
    event: dict[str, Any] = {"event": record["event_type"]}
    said = _said(record["signals"])
    if said:
        event["consent"] = said
    if "purposes" in given:
        event["purposes"] = given["purposes"]
    data = {
        name: _value(name, catalogue)
        for name in given.get("fields", ())
        if name in catalogue.by_name and name not in given.get("unusable", ())
    }
    if data:
        event["data"] = data
    made: dict[str, Any] = {"name": f"{record['event_type']} of {record['request_id']}", "event": event}
    denied = {one.get("denies_as") for one in record["signals"]}
    if GPC in denied:
        made["gpc"] = True
    if SALE in denied:
        made["cookie"] = _OPTED_OUT
    place = record["jurisdiction"]
    if place["country"] is not None:
        made["place"] = f"{place['country']}-{place['region']}" if place["region"] else place["country"]
    if given.get("age") in AGE_BANDS:
        made["age"] = given["age"]
    made["expect"] = {one["destination"]: _expected(one) for one in record["deliveries"]}
    return made


def outcomes(made: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """What a case shows: which destination gives what."""
    return frozenset((name, SENT if isinstance(one, list) else one) for name, one in made["expect"].items())


def as_toml(made: Mapping[str, Any]) -> str:
    """The table as TOML."""
    return "[[tests]]\n" + "".join(f"{name} = {_toml(value)}\n" for name, value in made.items())


def _said(signals: list[Mapping[str, Any]]) -> dict[str, bool]:
    """What a visitor's signals say together: a refusal of one is the whole's."""
    found: dict[str, bool] = {}
    for one in signals:
        if one.get("denies_as") not in (GPC, SALE) and one["standing"] == "decided":
            for purpose, word in one["says"].items():
                if word != "unknown":
                    found[purpose] = found.get(purpose, True) and word == "granted"
    return found


def _expected(told: Mapping[str, Any]) -> str | list[str]:
    return str(told["reason"]) if "fields_sent" not in told else sorted(told["fields_sent"])


def _value(name: str, catalogue: Catalogue) -> object:
    row = catalogue.by_name[name]
    value = samples.sample(row, hashed=row.hashed_as is not None and name == row.key)
    return value.value if isinstance(value, Personal) else value


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(name)} = {_toml(inner)}" for name, inner in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if name and set(name) <= _BARE else _toml(name)
