"""One event as TikTok writes it, in any of its three shapes. Pure. For `calls.py` and `pixel.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from gatekeeper.model import Personal
from gatekeeper.vendors.dialect import FLAG, Element, Kept, Leaf
from gatekeeper.vendors.formats import contents, table, times, tree
from gatekeeper.vendors.formats.parts import Naming, first_of
from gatekeeper.vendors.kind import Destination, Shaping
from gatekeeper.vendors.tiktok import events as vendor

TABLE: Final = table.load(
    __package__, "calls.toml", below={"user.": ("context.",), "page.": ("context.",), "ad.": ("context.",)}
)
FLAG_KEY: Final = "limited_data_use"
_CODES: Final = ("event_source_id", "pixel_code", "context.pixel.code")
# Today's names, and those they had until 2024.
_CANONICAL: Final[Mapping[str, str]] = {
    **{own: name for name, own in vendor.EVENTS.items()},
    "CompletePayment": "purchase", "PlaceAnOrder": "purchase", "SubmitForm": "generate_lead", "PageView": "page_view",
}  # fmt: skip
_NAMING: Final = Naming(first_of("event"), _CANONICAL)
_ITEM: Final = {own: key for key, own in vendor.CONTENT.items()}


def element(row: dict[str, Any], stamp: str | None = None) -> Element:
    """An event with its leaves; `stamp` holds where it has none of its own."""
    leaves = contents.each(tree.flatten(row, TABLE), lambda rows: contents.read(rows, _ITEM))
    return _NAMING.event(leaves, stamp)


def account(leaves: Sequence[Leaf], to: Destination) -> str | None:
    """The pixel it is for: of several the first that is not the policy's."""
    codes = [str(leaf.value) for leaf in leaves if leaf.name in _CODES]
    return next((code for code in codes if code != to.settings["pixel_code"]), codes[0] if codes else None)


def personal(field: str, value: Personal) -> str | None:
    """Normalised and hashed by TikTok's rules; city, state and country in clear."""
    if field not in vendor.HASHED and field not in vendor.CLEAR:
        return None
    return vendor.personal(field, value)[1]


def lacks(leaves: Sequence[Leaf], shaping: Shaping) -> str | None:
    """A name, and what TikTok's events need by any way."""
    if not any(leaf.name == "event" for leaf in leaves):
        return "event missing"
    moment = times.seconds(next((leaf.value for leaf in leaves if leaf.role == "event_time"), None))
    who = table.fields(leaf for leaf in leaves if not leaf.name.startswith("properties."))
    return vendor.refused(who, 0.0 if moment is None else shaping.at - moment)


def rebuilt(one: Kept) -> dict[str, Any]:
    """The event out of what is left of it. Its flag is never looser than it came, or than what was decided."""
    event: dict[str, Any] = tree.rebuild(contents.each(one.leaves, vendor.contents, FLAG), TABLE)
    came = [leaf.value for leaf in one.leaves if leaf.role == FLAG]
    if came or one.shaping.restricted_use:
        event[FLAG_KEY] = one.shaping.restricted_use or any(value is not False and value is not None for value in came)
    return event
