"""Reddit's Conversions API in both versions, and its pixel.

    POST <origin>/api/v2.0/conversions/events/<account>     {"events": [event, …]}
    POST <origin>/api/v3/pixels/<pixel>/conversion_events   {"data": {"events": [event, …]}}
    GET  <origin>/rp.gif?id=<pixel>&event=…

Both versions want `Authorization: Bearer …`. Reddit takes the visitor's address hashed. Limited Data Use is
`data_processing_options` with country and region, on the pixel `dpm`, `dpcc`, `dprc` and `opt_out`. Source: see
reddit.toml and reddit_pixel.toml.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal

from pydantic import Field

from gatekeeper.model import Answer
from gatekeeper.vendors import calls_only
from gatekeeper.vendors.calls_only import CONVERSION, MATCHED, Token
from gatekeeper.vendors.dialect import Leaf, Native
from gatekeeper.vendors.formats import hashing, normalise, table
from gatekeeper.vendors.formats.event_list import EventList
from gatekeeper.vendors.formats.format import Format
from gatekeeper.vendors.formats.parameters import Parameters, pixel_reply
from gatekeeper.vendors.formats.parts import GET_OR_POST, Given, Naming, Needs, Route, first_of
from gatekeeper.vendors.formats.replies import Numbered, Reply, json_answer
from gatekeeper.vendors.kind import Shaping
from gatekeeper.vendors.settings import Common, Identifier

KIND = calls_only.kind(
    "reddit",
    "Reddit Conversions API",
    endpoint="https://ads-api.reddit.com",
    processor="Reddit Netherlands B.V.",
    fields=("page_url", "transaction_id", *CONVERSION, "rdt_cid", *MATCHED),
)


class Settings(Common):
    """Keys of a `reddit` destination."""

    kind: Literal["reddit"]
    pixel_id: Identifier = Field(description="Pixel or account id, such as a2_abc.")
    access_token: Token = Field(None, description="Conversion access token, for calls that come without one.")


shape = calls_only.shape
assemble = calls_only.assemble
read_answer = calls_only.read_answer


# Reddit's key of a product -> the catalogue's.
_PRODUCTS: Final = {"id": "item_id", "name": "item_name", "category": "item_category"}

_HASHES: Final = hashing.by(
    {"email_hash": hashing.letters_email, "phone_hash": hashing.e164, "external_id_hash": normalise.compact}
)
_COUNTRY: Final = re.compile("[A-Z]{2}")
_REGION: Final = re.compile("[A-Z]{2}-[A-Z0-9]{1,3}")
_NAMES: Final = {
    "PageVisit": "page_view", "ViewContent": "view_item", "AddToCart": "add_to_cart", "Purchase": "purchase",
    "AddToWishlist": "add_to_wishlist", "Lead": "generate_lead", "SignUp": "sign_up", "Search": "search",
    "PAGE_VISIT": "page_view", "VIEW_CONTENT": "view_item", "ADD_TO_CART": "add_to_cart", "PURCHASE": "purchase",
    "ADD_TO_WISHLIST": "add_to_wishlist", "LEAD": "generate_lead", "SIGN_UP": "sign_up", "SEARCH": "search",
}  # fmt: skip


def _where(country: object, region: object, shaping: Shaping) -> dict[str, str]:
    """Country and region of the visitor; where they are unknown, those the caller gave, if they are valid."""
    place = shaping.place
    if place.country is not None:
        known = {"country": place.country}
        return known | ({"region": f"{place.country}-{place.region}"} if place.region else {})
    given = {"country": str(country)} if _COUNTRY.fullmatch(str(country)) else {}
    return given | ({"region": str(region)} if _REGION.fullmatch(str(region)) else {})


def _flags(event: dict[str, Any], given: Given, shaping: Shaping) -> None:
    opted_out = given.get("opt_out") is True
    if not (opted_out or given.get("modes") == "LDU" or shaping.restricted_use):
        return
    user = event.setdefault("user", {})
    user["data_processing_options"] = {"modes": ["LDU"], **_where(given.get("country"), given.get("region"), shaping)}
    if opted_out:
        user["opt_out"] = True


def _pixel_flags(given: Given, shaping: Shaping) -> Iterable[tuple[str, str]]:
    opted_out = given.get("opt_out") == "1" or shaping.restricted_use
    sent = [("opt_out", "1" if opted_out else "0")]
    if opted_out or "LDU" in given.get("dpm", ""):
        where = _where(given.get("dpcc"), given.get("dprc"), shaping)
        sent += [("dpm", "LDU"), ("dpcc", where.get("country", "")), ("dprc", where.get("region", ""))]
    return sent


def _write(leaves: Sequence[Leaf]) -> Sequence[Leaf]:
    return [leaf.but(value=normalise.sha256(str(leaf.value))) if leaf.role == "ip" else leaf for leaf in leaves]


def _taken(native: Native) -> Answer:
    told = {"message": f"Successfully processed {len(native.elements)} conversion events."}
    return json_answer({"data": told} if native.call.path.startswith("/api/v3") else told)


CONVERSIONS: Final = Format(
    KIND="reddit",
    NAME="reddit /conversions/events",
    ACCOUNT="pixel_id",
    table=table.load(__package__, "reddit.toml"),
    route=Route(
        re.compile(
            r"/api/(?:v2\.0/conversions/events/(?=[^/]+$)|v3/pixels/(?=[^/]+/conversion_events$))"
            r"(?P<account>[0-9a-z_]{1,24})(?:/conversion_events)?"
        ),
        "https://ads-api.reddit.com",
    ),
    body=EventList(
        ways=(("events",), ("data", "events")),
        flags=_flags,
        products=_PRODUCTS,
        write_event=_write,
    ),
    naming=Naming(
        first_of("event.event_type.tracking_type", "event.type.tracking_type"), canonical=_NAMES, default="conversion"
    ),
    needs=Needs(
        all_of=("event.event_at",),
        any_of=(
            ("event.click_id",),
            ("event.user.email",),
            ("event.user.phone_number",),
            ("event.user.external_id",),
            ("event.user.ip_address", "event.user.user_agent"),
        ),
    ),
    hashes=_HASHES,
    reply=Reply(_taken, Numbered(indexes=frozenset({"index", "event_index"}))),
)

PIXEL: Final = Format(
    KIND="reddit",
    NAME="reddit /rp.gif",
    ACCOUNT="pixel_id",
    table=table.load(__package__, "reddit_pixel.toml"),
    route=Route(re.compile(r"/rp\.gif"), "https://alb.reddit.com", GET_OR_POST),
    body=Parameters("id", _pixel_flags),
    naming=Naming(first_of("event"), canonical=_NAMES),
    needs=Needs(
        all_of=(
            "id",
            "event",
        )
    ),
    hashes=_HASHES,
    reply=pixel_reply(),
)
