"""Snap's Conversions API v3.

    POST <origin>/v3/<pixel or app id>/events?access_token=…            {"data": [event, …]}
    POST <origin>/v3/<pixel or app id>/events/validate?access_token=…   the same, checked only

Success is 200 and a status. Limited Data Use has Meta's keys and states. Source: see snap.toml.
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal

from pydantic import Field

from gatekeeper.model import Answer
from gatekeeper.vendors import calls_only
from gatekeeper.vendors.calls_only import CONVERSION, MATCHED, PERSON, Token
from gatekeeper.vendors.dialect import Native
from gatekeeper.vendors.formats import hashing, table
from gatekeeper.vendors.formats.event_list import EventList
from gatekeeper.vendors.formats.format import Format
from gatekeeper.vendors.formats.parts import Given, Naming, Needs, Route, first_of
from gatekeeper.vendors.formats.replies import Numbered, Reply, json_answer
from gatekeeper.vendors.kind import Shaping
from gatekeeper.vendors.meta import events as meta
from gatekeeper.vendors.settings import Common, Identifier

KIND = calls_only.kind(
    "snap",
    "Snap Conversions API",
    endpoint="https://tr.snapchat.com",
    processor="Snap Group Ltd",
    fields=(
        "page_url", "transaction_id", *CONVERSION, "sc_click_id", "sc_cookie1", *MATCHED,
        *(name for name in PERSON if name != "date_of_birth_hash"),
    ),
    listed=("product_interest", "customer_lifetime_value"),
)  # fmt: skip


class Settings(Common):
    """Keys of a `snap` destination."""

    kind: Literal["snap"]
    pixel_id: Identifier = Field(description="Pixel id, or the app's.")
    access_token: Token = Field(None, description="Long-lived token, for calls that come without one.")


shape = calls_only.shape
assemble = calls_only.assemble
read_answer = calls_only.read_answer

_NAMES: Final = {
    "PURCHASE": "purchase", "PAGE_VIEW": "page_view", "VIEW_CONTENT": "view_item", "ADD_CART": "add_to_cart",
    "ADD_TO_WISHLIST": "add_to_wishlist", "START_CHECKOUT": "begin_checkout", "ADD_BILLING": "add_payment_info",
    "SIGN_UP": "sign_up", "SUBSCRIBE": "subscribe", "START_TRIAL": "start_trial", "SEARCH": "search",
}  # fmt: skip


def _taken(native: Native) -> Answer:
    if native.call.path.endswith("/validate"):
        return json_answer({"status": "VALID", "reason": "Events have been processed successfully."})
    return json_answer({"status": "SUCCESS", "reason": "SUCCESS"})


def _flags(event: dict[str, Any], given: Given, shaping: Shaping) -> None:
    limited = "LDU" in str(given.get("data_processing_options", ""))  # a list, or a list as text
    meta.limit_data_use(event, given, shaping, limited=limited)


DIALECT: Final = Format(
    KIND="snap",
    NAME="snap /events",
    ACCOUNT="pixel_id",
    table=table.load(__package__, "snap.toml"),
    route=Route(re.compile(r"/v3/(?P<account>[0-9A-Za-z-]{1,64})/events(?:/validate)?"), "https://tr.snapchat.com"),
    body=EventList(
        ways=(("data",),),
        flags=_flags,
        query_token=True,
    ),
    naming=Naming(first_of("event.event_name"), canonical=_NAMES, default="conversion"),
    needs=Needs(
        all_of=("event.event_name", "event.action_source", "event.event_time"),
        any_of=(
            ("event.user_data.em",),
            ("event.user_data.ph",),
            ("event.user_data.client_ip_address", "event.user_data.client_user_agent"),
        ),
    ),
    hashes=hashing.by(meta.RULES),
    reply=Reply(_taken, Numbered(indexes=frozenset({"record_indexes"}))),
)
