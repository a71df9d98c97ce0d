"""Pinterest's Conversions API.

    POST <origin>/v5/ad_accounts/<account>/events     {"data": [event, …]}     Authorization: Bearer …

Success is 200 with counts and an entry for each event. An opt-out is `opt_out` and `opt_out_type` LDP (Limited Data
Processing). Source: see pinterest.toml.
"""

from __future__ import annotations

import re
from typing import Any, Final

from gatekeeper.model import Answer
from gatekeeper.vendors.dialect import Native
from gatekeeper.vendors.formats import contents, hashing, table
from gatekeeper.vendors.formats.conversions import Conversions, Given
from gatekeeper.vendors.formats.replies import Reply, json_answer
from gatekeeper.vendors.kind import Shaping

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


DIALECT: Final = Conversions(
    KIND="pinterest",
    NAME="pinterest /events",
    ACCOUNT="ad_account_id",
    table=table.load(__package__, "pinterest.toml"),
    paths=re.compile(r"/v5/ad_accounts/(?P<account>[0-9]{1,20})/events"),
    at="https://api.pinterest.com",
    batches=(("data",),),
    named=("event.event_name",),
    needs=("event.event_name", "event.action_source", "event.event_time"),
    any_of=(
        ("event.user_data.em",),
        ("event.user_data.client_ip_address", "event.user_data.client_user_agent"),
    ),
    hashes=hashing.by(hashing.META),
    taken=_taken,
    reply=Reply(frozenset({"num_events_received", "num_events_processed"}), rows="events", filler=_PROCESSED),
    canonical={
        "page_visit": "page_view", "checkout": "purchase", "signup": "sign_up", "lead": "generate_lead",
        "view_category": "view_item_list",
    },
    products=contents.PINTEREST,
    texts=frozenset({"event.custom_data.value"}),
    flags=_flags,
)  # fmt: skip
