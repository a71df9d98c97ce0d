"""Pinterest's Conversions API.

    POST <origin>/v5/ad_accounts/<account>/events     {"data": [event, …]}     Authorization: Bearer …

Success is 200 with counts and an entry for each event. An opt-out is `opt_out` and `opt_out_type` LDP (Limited Data
Processing). Source: see pinterest.toml.
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal

from pydantic import Field

from gatekeeper.model import Answer
from gatekeeper.vendors import calls_only
from gatekeeper.vendors.calls_only import CONVERSION, MATCHED, PERSON, Digits, Token
from gatekeeper.vendors.dialect import Native
from gatekeeper.vendors.formats import hashing, table
from gatekeeper.vendors.formats.event_list import EventList
from gatekeeper.vendors.formats.format import Format
from gatekeeper.vendors.formats.parts import Given, Naming, Needs, Route, first_of
from gatekeeper.vendors.formats.replies import Numbered, Reply, json_answer
from gatekeeper.vendors.kind import Shaping
from gatekeeper.vendors.meta import events as meta
from gatekeeper.vendors.settings import Common

KIND = calls_only.kind(
    "pinterest",
    "Pinterest Conversions API",
    endpoint="https://api.pinterest.com",
    processor="Pinterest Europe Ltd",
    fields=("page_url", "transaction_id", *CONVERSION, "epik", *MATCHED, *PERSON),
    listed=("product_interest",),
)


class Settings(Common):
    """Keys of a `pinterest` destination."""

    kind: Literal["pinterest"]
    ad_account_id: Digits = Field(description="Ad account whose events they are.")
    access_token: Token = Field(None, description="Conversion access token, for calls that come without one.")


shape = calls_only.shape
assemble = calls_only.assemble
read_answer = calls_only.read_answer


# Pinterest's key of a product -> the catalogue's.
_PRODUCTS: Final = {
    "id": "item_id", "quantity": "quantity", "item_price": "price", "item_name": "item_name",
    "item_brand": "item_brand", "item_category": "item_category",
}  # fmt: skip

_NAMES: Final = {
    "page_visit": "page_view", "checkout": "purchase", "signup": "sign_up", "lead": "generate_lead",
    "view_category": "view_item_list",
}  # fmt: skip
_PROCESSED: Final = {"status": "processed", "error_message": "", "warning_message": ""}


def _taken(native: Native) -> Answer:
    count = len(native.elements)
    return json_answer(
        {"num_events_received": count, "num_events_processed": count, "events": [_PROCESSED for _ in native.elements]}
    )


def _flags(event: dict[str, Any], given: Given, shaping: Shaping) -> None:
    if given.get("opt_out") is True or "LDP" in str(given.get("opt_out_type", "")) or shaping.restricted_use:
        event["opt_out"] = True
        event.setdefault("custom_data", {})["opt_out_type"] = "LDP"
    elif given.get("opt_out") is False:
        event["opt_out"] = False


DIALECT: Final = Format(
    KIND="pinterest",
    NAME="pinterest /events",
    ACCOUNT="ad_account_id",
    table=table.load(__package__, "pinterest.toml"),
    route=Route(re.compile(r"/v5/ad_accounts/(?P<account>[0-9]{1,20})/events"), "https://api.pinterest.com"),
    body=EventList(
        ways=(("data",),),
        flags=_flags,
        products=_PRODUCTS,
        texts=frozenset({"event.custom_data.value"}),
    ),
    naming=Naming(first_of("event.event_name"), canonical=_NAMES, default="conversion"),
    needs=Needs(
        all_of=("event.event_name", "event.action_source", "event.event_time"),
        any_of=(
            ("event.user_data.em",),
            ("event.user_data.client_ip_address", "event.user_data.client_user_agent"),
        ),
    ),
    hashes=hashing.by(meta.RULES),
    reply=Reply(
        _taken, Numbered(frozenset({"num_events_received", "num_events_processed"}), rows="events", filler=_PROCESSED)
    ),
)
