"""Microsoft Advertising's UET: the Conversions API of servers, and the tag's own hits.

    POST <origin>/v1/<tag>/events                    {"data": [event, …]}     Authorization: Bearer …
    GET, POST <origin>/action/0?ti=<tag>&evt=…       the tag's

Success is 200 with a count, and 204 for the tag. The consent flag (`adStorageConsent`, `asc`) is G or D; D denies
advertising, so nothing is sent. Source: see microsoft.toml and microsoft_uet.toml.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from gatekeeper.model import Answer
from gatekeeper.vendors.dialect import UNKNOWN, Leaf, Unreadable
from gatekeeper.vendors.formats import contents, hashing, json_body, normalise, table
from gatekeeper.vendors.formats.conversions import Conversions, Given
from gatekeeper.vendors.formats.pixel import Flags, Pixel, as_pairs
from gatekeeper.vendors.formats.replies import Reply, json_answer
from gatekeeper.vendors.formats.table import Table
from gatekeeper.vendors.kind import Shaping

_HASHES: Final = hashing.by(
    {"email_hash": hashing.bare_email, "phone_hash": hashing.digits, "external_id_hash": normalise.compact}
)


def _said(word: object) -> Mapping[str, object]:
    """Anything but a clear G is a denial; consent mode has the same word for it as Google's."""
    return {} if word in (None, "G") else {"google": {"ad_storage": "denied"}}


def _flags(event: dict[str, Any], given: Given, shaping: Shaping) -> None:
    event["adStorageConsent"] = "G" if shaping.marketing_granted and not shaping.restricted_use else "D"


def _tag_flags(given: Flags, shaping: Shaping) -> Iterable[tuple[str, str]]:
    return [("asc", "G" if shaping.marketing_granted and not shaping.restricted_use else "D")]


def _read(leaf: Leaf, table: Table) -> Iterable[Leaf]:
    """Enhanced conversions come as JSON in one parameter."""
    if leaf.name != "pid":
        return (leaf,)
    try:
        inner = json_body.read_object(str(leaf.value).encode())
    except Unreadable:
        return (Leaf("pid", UNKNOWN, leaf.value, leaf.path),)
    return [table.leaf(f"pid.{key}", value, (*leaf.path, key)) for key, value in inner.items()]


def _write(leaves: Sequence[Leaf]) -> list[tuple[str, object]]:
    pid = {str(leaf.path[3]): leaf.value for leaf in leaves if leaf.name.startswith("pid.")}
    pairs = as_pairs([leaf for leaf in leaves if not leaf.name.startswith("pid.")])
    return [*pairs, ("pid", orjson.dumps(pid).decode())] if pid else pairs


CONVERSIONS: Final = Conversions(
    KIND="microsoft",
    NAME="microsoft /events",
    ACCOUNT="tag_id",
    table=table.load(__package__, "microsoft.toml"),
    paths=re.compile(r"/v1/(?P<account>[0-9]{1,16})/events"),
    at="https://capi.uet.microsoft.com",
    batches=(("data",),),
    named=("event.eventName", "event.eventType"),
    needs=("event.eventType",),
    any_of=(
        ("event.userData.em",),
        ("event.userData.ph",),
        ("event.userData.externalId",),
        ("event.userData.msclkid",),
        ("event.userData.clientIpAddress", "event.userData.clientUserAgent"),
    ),
    hashes=_HASHES,
    taken=lambda native: json_answer({"eventsReceived": len(native.elements)}),
    reply=Reply(frozenset({"eventsReceived"}), frozenset({"index"})),
    canonical={"pageLoad": "page_view"},
    products=contents.MICROSOFT,
    flags=_flags,
    signals=lambda given: _said(given.get("adStorageConsent")),
)

TAG: Final = Pixel(
    KIND="microsoft",
    NAME="microsoft /action/0",
    ACCOUNT="tag_id",
    table=table.load(__package__, "microsoft_uet.toml"),
    paths=re.compile("/action/0"),
    at="https://bat.bing.com",
    account="ti",
    named="evt",
    needs=("Ver",),
    hashes=_HASHES,
    flags=_tag_flags,
    canonical={"pageLoad": "page_view"},
    read=_read,
    write=_write,
    signals=lambda given: _said(given.get("asc")),
    taken=lambda native: Answer(204),
)
