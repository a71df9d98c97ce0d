"""Microsoft Advertising's UET: the Conversions API of servers, and the tag's own hits.

    POST <origin>/v1/<tag>/events                    {"data": [event, …]}     Authorization: Bearer …
    GET, POST <origin>/action/0?ti=<tag>&evt=…       the tag's

Success is 200 with a count, and 204 for the tag. The consent flag (`adStorageConsent`, `asc`) is G or D; D denies
advertising, so nothing is sent. Source: see microsoft.toml and microsoft_uet.toml.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import orjson
from pydantic import Field

from gatekeeper.model import Answer
from gatekeeper.vendors import calls_only
from gatekeeper.vendors.calls_only import CONVERSION, MATCHED, Digits, Token
from gatekeeper.vendors.dialect import UNKNOWN, Leaf, Unreadable
from gatekeeper.vendors.formats import hashing, json_body, normalise, table
from gatekeeper.vendors.formats.event_list import EventList
from gatekeeper.vendors.formats.format import Format
from gatekeeper.vendors.formats.parameters import Parameters, as_pairs, pixel_reply
from gatekeeper.vendors.formats.parts import GET_OR_POST, Given, Naming, Needs, Route, first_of
from gatekeeper.vendors.formats.replies import Numbered, Reply, json_answer
from gatekeeper.vendors.formats.table import Table
from gatekeeper.vendors.kind import Shaping
from gatekeeper.vendors.settings import Common

KIND = calls_only.kind(
    "microsoft",
    "Microsoft Advertising UET",
    endpoint="https://capi.uet.microsoft.com",
    processor="Microsoft Ireland Operations Ltd",
    fields=("page_url", "transaction_id", *CONVERSION, "msclkid", *MATCHED),
    listed=("referrer", "product_interest"),
)


class Settings(Common):
    """Keys of a `microsoft` destination."""

    kind: Literal["microsoft"]
    tag_id: Digits = Field(description="UET tag id.")
    access_token: Token = Field(None, description="Token of the UET tag, for calls that come without one.")


shape = calls_only.shape
assemble = calls_only.assemble
read_answer = calls_only.read_answer


# Microsoft's key of a product -> the catalogue's.
_PRODUCTS: Final = {"id": "item_id", "quantity": "quantity", "price": "price", "name": "item_name"}

_HASHES: Final = hashing.by(
    {"email_hash": hashing.bare_email, "phone_hash": hashing.digits, "external_id_hash": normalise.compact}
)


def _said(word: object) -> Mapping[str, object]:
    """Anything but a clear G is a denial; consent mode has the same word for it as Google's."""
    return {} if word in (None, "G") else {"google": {"ad_storage": "denied"}}


def _flags(event: dict[str, Any], given: Given, shaping: Shaping) -> None:
    event["adStorageConsent"] = "G" if shaping.marketing_granted and not shaping.restricted_use else "D"


def _tag_flags(given: Given, shaping: Shaping) -> Iterable[tuple[str, str]]:
    return [("asc", "G" if shaping.marketing_granted and not shaping.restricted_use else "D")]


def _read(leaves: Sequence[Leaf], table: Table) -> Sequence[Leaf]:
    """Enhanced conversions come as JSON in one parameter."""
    return [inner for leaf in leaves for inner in (_inside(leaf, table) if leaf.name == "pid" else (leaf,))]


def _inside(leaf: Leaf, table: Table) -> Sequence[Leaf]:
    try:
        inner = json_body.read_object(str(leaf.value).encode())
    except Unreadable:
        return (Leaf("pid", UNKNOWN, leaf.value, leaf.path),)
    return [table.leaf(f"pid.{key}", value, (*leaf.path, key)) for key, value in inner.items()]


def _write(leaves: Sequence[Leaf]) -> list[tuple[str, object]]:
    pid = {str(leaf.path[3]): leaf.value for leaf in leaves if leaf.name.startswith("pid.")}
    pairs = as_pairs([leaf for leaf in leaves if not leaf.name.startswith("pid.")])
    return [*pairs, ("pid", orjson.dumps(pid).decode())] if pid else pairs


CONVERSIONS: Final = Format(
    KIND="microsoft",
    NAME="microsoft /events",
    ACCOUNT="tag_id",
    table=table.load(__package__, "microsoft.toml"),
    route=Route(re.compile(r"/v1/(?P<account>[0-9]{1,16})/events"), "https://capi.uet.microsoft.com"),
    body=EventList(
        ways=(("data",),),
        flags=_flags,
        signals=lambda given: _said(given.get("adStorageConsent")),
        products=_PRODUCTS,
    ),
    naming=Naming(
        first_of("event.eventName", "event.eventType"), canonical={"pageLoad": "page_view"}, default="conversion"
    ),
    needs=Needs(
        all_of=("event.eventType",),
        any_of=(
            ("event.userData.em",),
            ("event.userData.ph",),
            ("event.userData.externalId",),
            ("event.userData.msclkid",),
            ("event.userData.clientIpAddress", "event.userData.clientUserAgent"),
        ),
    ),
    hashes=_HASHES,
    reply=Reply(
        lambda native: json_answer({"eventsReceived": len(native.elements)}),
        Numbered(frozenset({"eventsReceived"}), frozenset({"index"})),
    ),
)

TAG: Final = Format(
    KIND="microsoft",
    NAME="microsoft /action/0",
    ACCOUNT="tag_id",
    table=table.load(__package__, "microsoft_uet.toml"),
    route=Route(re.compile("/action/0"), "https://bat.bing.com", GET_OR_POST),
    body=Parameters("ti", _tag_flags, signals=lambda given: _said(given.get("asc")), read_all=_read, write_all=_write),
    naming=Naming(first_of("evt"), canonical={"pageLoad": "page_view"}),
    needs=Needs(all_of=("ti", "evt", "Ver")),
    hashes=_HASHES,
    reply=pixel_reply(lambda native: Answer(204)),
)
