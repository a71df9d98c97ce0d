"""X's Conversion API.

    POST <origin>/12/measurement/conversions/<pixel>     {"conversions": [event, …]}     Authorization: OAuth …

The signature of OAuth 1.0a is of method and address, not of the body: it is passed on, and only holds where the caller
signed X's own address. Success is 200 with a count. Source: see x.toml.
"""

from __future__ import annotations

import re
from typing import Any, Final

from gatekeeper.vendors.formats import contents, hashing, normalise, table
from gatekeeper.vendors.formats.conversions import Conversions, Given
from gatekeeper.vendors.formats.replies import Reply, json_answer
from gatekeeper.vendors.kind import Shaping

_RESTRICTED: Final = "restrict_optimization"


def _flags(event: dict[str, Any], given: Given, shaping: Shaping) -> None:
    if given.get("restricted_data_use") == _RESTRICTED or shaping.restricted_use:
        event["restricted_data_use"] = _RESTRICTED


DIALECT: Final = Conversions(
    KIND="x",
    NAME="x /measurement/conversions",
    ACCOUNT="pixel_id",
    table=table.load(__package__, "x.toml"),
    paths=re.compile(r"/[0-9]{1,3}/measurement/conversions/(?P<account>[0-9a-z]{1,16})"),
    at="https://ads-api.x.com",
    batches=(("conversions",),),
    named=(),
    needs=("event.event_id", "event.conversion_time"),
    any_of=(
        ("event.identifiers.hashed_email",),
        ("event.identifiers.hashed_phone_number",),
        ("event.identifiers.twclid",),
        ("event.identifiers.ip_address", "event.identifiers.user_agent"),
    ),
    hashes=hashing.by({"email_hash": normalise.email, "phone_hash": hashing.e164}),
    taken=lambda native: json_answer(
        {"request": {}, "data": {"conversions_processed": len(native.elements), "debug_id": "gatekeeper"}}
    ),
    reply=Reply(frozenset({"conversions_processed"}), frozenset({"index"})),
    products=contents.X,
    flags=_flags,
)
