"""LinkedIn's Conversions API.

    POST <origin>/rest/conversionEvents     event                          201, empty
    POST <origin>/rest/conversionEvents     {"elements": [event, …]}       200, a status for each
                                            X-RestLi-Method: BATCH_CREATE

An event matches by `user.userIds` or by first and last name, which LinkedIn wants in clear; `userIds` must be there,
empty or not. There is no consent flag: denied means not sent. Source: see linkedin.toml.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, Literal

from pydantic import Field

from gatekeeper.model import Answer
from gatekeeper.vendors import calls_only
from gatekeeper.vendors.calls_only import Token
from gatekeeper.vendors.dialect import PROTOCOL, Leaf, Native
from gatekeeper.vendors.formats import hashing, normalise, table
from gatekeeper.vendors.formats.event_list import EventList
from gatekeeper.vendors.formats.format import Format
from gatekeeper.vendors.formats.parts import Given, Naming, Needs, Route, first_of
from gatekeeper.vendors.formats.replies import Numbered, Reply, json_answer
from gatekeeper.vendors.formats.table import Table
from gatekeeper.vendors.kind import Shaping
from gatekeeper.vendors.settings import Common

# The clear names are for a policy to list; none is sent by default.
_CLEAR: Final = ("first_name_hash", "last_name_hash", "country_hash")

KIND = calls_only.kind(
    "linkedin",
    "LinkedIn Conversions API",
    endpoint="https://api.linkedin.com",
    processor="LinkedIn Ireland Unlimited Company",
    fields=("order_value", "currency", "li_fat_id", "email_hash"),
    listed=_CLEAR,
    clear=_CLEAR,
)


class Settings(Common):
    """Keys of a `linkedin` destination."""

    kind: Literal["linkedin"]
    access_token: Token = Field(None, description="Token of the Conversions API, for calls that come without one.")


shape = calls_only.shape
assemble = calls_only.assemble
read_answer = calls_only.read_answer

_IDS: Final = ("user", "userIds")
_NAME: Final = "event.user.userIds."
_LIKE_A_NAME: Final = re.compile(r"[^\W\d_](?:[^\W\d_]|[ .,'’-]){0,59}")


def _read(leaves: Sequence[Leaf], table: Table) -> Sequence[Leaf]:
    """Each id under the name of its type."""
    types = {leaf.path[:3]: leaf.value for leaf in leaves if leaf.path[:2] == _IDS and leaf.path[3:] == ("idType",)}
    return [
        table.leaf(f"{_NAME}{types.get(leaf.path[:3])}", leaf.value, leaf.path)
        if leaf.path[:2] == _IDS and leaf.path[3:] == ("idValue",)
        else leaf
        for leaf in leaves
        if not (leaf.path[:3] in types and leaf.path[3:] == ("idType",))
    ]


def _write(leaves: Sequence[Leaf]) -> Sequence[Leaf]:
    """Each id with its type before it."""
    rows: list[Leaf] = []
    for leaf in leaves:
        if leaf.name.startswith(_NAME):
            rows.append(Leaf("idType", PROTOCOL, leaf.name.removeprefix(_NAME), (*leaf.path[:3], "idType")))
        rows.append(leaf)
    return rows


def _flags(event: dict[str, Any], given: Given, shaping: Shaping) -> None:
    event.setdefault("user", {}).setdefault("userIds", [])


def _taken(native: Native) -> Answer:
    if native.frame.get("way") is None:
        return Answer(201)
    return json_answer({"elements": [{"status": 201} for _ in native.elements]})


def _name(raw: str) -> str | None:
    """A name goes out in clear, so it has to look like one: no digits, no @, not long."""
    text = raw.strip()
    return text if _LIKE_A_NAME.fullmatch(text) else None


def _country(raw: str) -> str | None:
    code = normalise.country(raw)
    return None if code is None else code.upper()


DIALECT: Final = Format(
    KIND="linkedin",
    NAME="linkedin /rest/conversionEvents",
    ACCOUNT=None,
    table=table.load(__package__, "linkedin.toml"),
    route=Route(re.compile("/rest/conversionEvents"), "https://api.linkedin.com"),
    body=EventList(
        ways=(("elements",),),
        flags=_flags,
        texts=frozenset({"event.conversionValue.amount"}),
        alone=True,
        headers={
            b"linkedin-version": ("LinkedIn-Version", re.compile("20[0-9]{4}")),
            b"x-restli-method": ("X-RestLi-Method", re.compile("BATCH_CREATE|CREATE", re.IGNORECASE)),
            b"x-restli-protocol-version": ("X-Restli-Protocol-Version", re.compile(r"[0-9.]{1,8}")),
        },
        read_event=_read,
        write_event=_write,
    ),
    naming=Naming(first_of(), default="conversion"),
    needs=Needs(
        all_of=("event.conversion", "event.conversionHappenedAt"),
        any_of=(
            ("event.user.userIds.SHA256_EMAIL",),
            ("event.user.userIds.LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID",),
            ("event.user.userInfo.firstName", "event.user.userInfo.lastName"),
        ),
    ),
    hashes=hashing.by(
        {"email_hash": normalise.email},
        {"first_name_hash": _name, "last_name_hash": _name, "country_hash": _country},
    ),
    reply=Reply(_taken, Numbered(rows="elements", filler={"status": 201})),
)
