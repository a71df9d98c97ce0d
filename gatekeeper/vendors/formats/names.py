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
# Any script and punctuation, on one line. A number of seven digits and more with no word beside it names a person.
NAME: Final = re.compile(
    r"(?=.*\S)(?![\W_]*(?:\d[\W_]*){7,}\Z)[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]{1,256}"
)
_WORDS: Final = re.compile("[A-Za-z][A-Za-z_]{0,63}")
_LONGEST: Final = 100  # characters of a name in a line
# A key that a program made: small letters, and too few digits to be a person's number or a word in hexadecimal. Or
# a header.
_KEY: Final = re.compile(
    r"(?!(?:[^0-9]*[0-9]){5})[a-z0-9$_.\[\]-]{1,128}|header:[A-Z][a-z]{1,15}(?:-[A-Z][a-z]{1,15}){0,4}"
)
_JOINERS: Final = str.maketrans("", "", "\u200c\u200d")  # inside words of Persian or Hindi, and in emoji


def is_name(value: object) -> bool:
    """Whether a value reads like a name at all; whether it says something of a person is another question."""
    # fast: most names are keys, which takes half as long to see
    return isinstance(value, str) and (_WORDS.fullmatch(value) is not None or NAME.fullmatch(value) is not None)


def canonical(name: str | None, default: str = "unnamed") -> str:
    """The canonical name, or the event's own if there is none."""
    if name is None or not is_name(name):
        return default if name is None else "unnamed"
    return _CANONICAL.get(name.lower(), name)


def is_key(name: str) -> bool:
    """Whether a native name may be remembered: a sender can write a person's address where a name belongs."""
    return _KEY.fullmatch(name) is not None


def written(name: str) -> str:
    """A name as it may stand in an audit line: `unnamed` for one that cannot be printed, or is a whole text."""
    if _WORDS.fullmatch(name):  # fast: as in `is_name`
        return name
    plain = is_name(name) and len(name) <= _LONGEST and name.translate(_JOINERS).isprintable()
    return name if plain else "unnamed"
