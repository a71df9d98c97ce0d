"""Snap's Conversions API v3.

    POST <origin>/v3/<pixel or app id>/events?access_token=…            {"data": [event, …]}
    POST <origin>/v3/<pixel or app id>/events/validate?access_token=…   the same, checked only

Success is 200 and a status. Limited Data Use has Meta's keys and states. Source: see snap.toml.
"""

from __future__ import annotations

import re
from typing import Any, Final

from gatekeeper.model import Answer
from gatekeeper.vendors.dialect import Native
from gatekeeper.vendors.formats import hashing, table
from gatekeeper.vendors.formats.conversions import Conversions, Given
from gatekeeper.vendors.formats.replies import Reply, json_answer
from gatekeeper.vendors.kind import Shaping
from gatekeeper.vendors.meta import events as meta_capi

_LDU: Final = "data_processing_options"


def _taken(native: Native) -> Answer:
    if native.call.path.endswith("/validate"):
        return json_answer({"status": "VALID", "reason": "Events have been processed successfully."})
    return json_answer({"status": "SUCCESS", "reason": "SUCCESS"})


def _flags(event: dict[str, Any], given: Given, shaping: Shaping) -> None:
    limited = "LDU" in str(given.get(_LDU, ""))  # a list, or a list as text
    if not (limited or shaping.restricted_use):
        return
    event |= meta_capi.limited_data_use(shaping, located="client_ip_address" in event.get("user_data", {}))
    state = given.get(f"{_LDU}_state")
    if limited and given.get(f"{_LDU}_country") == 1 and state in meta_capi.LDU_STATES.values():
        event |= {f"{_LDU}_country": 1, f"{_LDU}_state": state}  # the caller knows the state better


DIALECT: Final = Conversions(
    KIND="snap",
    NAME="snap /events",
    ACCOUNT="pixel_id",
    table=table.load(__package__, "snap.toml"),
    paths=re.compile(r"/v3/(?P<account>[0-9A-Za-z-]{1,64})/events(?:/validate)?"),
    at="https://tr.snapchat.com",
    batches=(("data",),),
    named=("event.event_name",),
    needs=("event.event_name", "event.action_source", "event.event_time"),
    any_of=(
        ("event.user_data.em",),
        ("event.user_data.ph",),
        ("event.user_data.client_ip_address", "event.user_data.client_user_agent"),
    ),
    hashes=hashing.by(hashing.META),
    taken=_taken,
    reply=Reply(indexes=frozenset({"record_indexes"})),
    query_token=True,
    canonical={
        "PURCHASE": "purchase", "PAGE_VIEW": "page_view", "VIEW_CONTENT": "view_item", "ADD_CART": "add_to_cart",
        "ADD_TO_WISHLIST": "add_to_wishlist", "START_CHECKOUT": "begin_checkout", "ADD_BILLING": "add_payment_info",
        "SIGN_UP": "sign_up", "SUBSCRIBE": "subscribe", "START_TRIAL": "start_trial", "SEARCH": "search",
    },
    flags=_flags,
)  # fmt: skip
