"""X's Conversion API.

    POST <origin>/12/measurement/conversions/<pixel>     {"conversions": [event, …]}     Authorization: OAuth …

The signature of OAuth 1.0a is of method and address, not of the body: it is passed on, and only holds where the caller
signed X's own address. Success is 200 with a count. Source: see x.toml.
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal

from pydantic import Field

from gatekeeper.vendors import calls_only
from gatekeeper.vendors.calls_only import CONVERSION
from gatekeeper.vendors.formats import hashing, normalise, table
from gatekeeper.vendors.formats.event_list import EventList
from gatekeeper.vendors.formats.format import Format
from gatekeeper.vendors.formats.parts import Given, Naming, Needs, Route, first_of
from gatekeeper.vendors.formats.replies import Numbered, Reply, json_answer
from gatekeeper.vendors.kind import Shaping
from gatekeeper.vendors.settings import Common, Identifier

KIND = calls_only.kind(
    "x",
    "X Conversion API",
    endpoint="https://ads-api.x.com",
    processor="X Internet Unlimited Company",
    fields=(*CONVERSION, "twclid", "ip", "user_agent", "email_hash", "phone_hash"),
)


class Settings(Common):
    """Keys of an `x` destination; X's calls are signed by the caller."""

    kind: Literal["x"]
    pixel_id: Identifier = Field(description="Base tag id, such as o8z6j.")


shape = calls_only.shape
assemble = calls_only.assemble
read_answer = calls_only.read_answer


# X's key of a product -> the catalogue's.
_PRODUCTS: Final = {
    "content_id": "item_id", "num_items": "quantity", "content_price": "price", "content_name": "item_name",
    "content_group_id": "item_list_id",
}  # fmt: skip

_RESTRICTED: Final = "restrict_optimization"


def _flags(event: dict[str, Any], given: Given, shaping: Shaping) -> None:
    if given.get("restricted_data_use") == _RESTRICTED or shaping.restricted_use:
        event["restricted_data_use"] = _RESTRICTED


DIALECT: Final = Format(
    KIND="x",
    NAME="x /measurement/conversions",
    ACCOUNT="pixel_id",
    table=table.load(__package__, "x.toml"),
    route=Route(
        re.compile(r"/[0-9]{1,3}/measurement/conversions/(?P<account>[0-9a-z]{1,16})"), "https://ads-api.x.com"
    ),
    body=EventList(
        ways=(("conversions",),),
        flags=_flags,
        products=_PRODUCTS,
    ),
    naming=Naming(first_of(), default="conversion"),
    needs=Needs(
        all_of=("event.event_id", "event.conversion_time"),
        any_of=(
            ("event.identifiers.hashed_email",),
            ("event.identifiers.hashed_phone_number",),
            ("event.identifiers.twclid",),
            ("event.identifiers.ip_address", "event.identifiers.user_agent"),
        ),
    ),
    hashes=hashing.by({"email_hash": normalise.email, "phone_hash": hashing.e164}),
    reply=Reply(
        lambda native: json_answer(
            {"request": {}, "data": {"conversions_processed": len(native.elements), "debug_id": "gatekeeper"}}
        ),
        Numbered(frozenset({"conversions_processed"}), frozenset({"index"})),
    ),
)
