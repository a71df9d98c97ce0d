"""Names of events. Pure. A vendor's or an app's own name in, the canonical one out where there is one."""

from __future__ import annotations

import re
from typing import Final

# What vendors call the events that policies route by. Source: the vendors' event reference pages, read 2026-11-23.
_CANONICAL: Final = {
    "pageview": "page_view", "$pageview": "page_view", "page": "page_view", "page view": "page_view", "pv": "page_view",
    "screen": "page_view", "$mp_web_page_view": "page_view", "[amplitude] page viewed": "page_view",
    "order completed": "purchase", "tr": "purchase", "product added": "add_to_cart", "product viewed": "view_item",
    "checkout started": "begin_checkout", "products searched": "search", "signed up": "sign_up",
    "$exception": "error",
}  # fmt: skip
# A name is mechanics as long as it reads like one: no address, no long number in it.
NAME: Final = re.compile(r"(?=.{1,81}\Z)(?!(?:.*\d){7})[$\[]?[^\W\d][\w .:/$\[\]()&'-]{0,79}")
_PRINTABLE: Final = re.compile(r"[\x20-\x7e]+")


def canonical(name: str | None, default: str = "unnamed") -> str:
    """The canonical name; the own one, as far as it may stand in an audit line, if there is none."""
    return default if name is None else _CANONICAL.get(name.lower(), written(name))


def written(name: str) -> str:
    """A name as it may stand in an audit line: one that does not read like a name is none."""
    return name if NAME.fullmatch(name) and _PRINTABLE.fullmatch(name) else "unnamed"
