"""Lifts click ids out of URLs. The names, with a source each, are in `click_ids.toml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import unquote

from gatekeeper.scrub.tables import table
from gatekeeper.scrub.views import mended

CLICK_IDS: Mapping[str, str | None] = MappingProxyType(
    {row["name"]: row.get("field") for row in table(__package__, "click_ids.toml")["ids"]}
)
"""Parameter name -> the canonical field its value belongs in; `None` where it is only to be removed."""

_FIELDS = {name.casefold(): field for name, field in CLICK_IDS.items()}
_BEGIN = re.compile("[?#]")
_PARAMETER = re.compile("([?&;#]?)([^?&;#]*)")


def lift_click_ids(url: str) -> tuple[str, dict[str, str]]:
    """The URL without click ids, in query or fragment, and what the canonical ones were.

    `https://shop.example/?gclid=abc&page=2#a` gives `https://shop.example/?page=2#a` and `{"gclid": "abc"}`.
    Of several values for one field the first counts; what stays is byte for byte as it was.
    """
    url = mended(url)
    begin = _BEGIN.search(url)
    if begin is None:
        return url, {}
    lifted: dict[str, str] = {}
    pieces = [url[: begin.start()]]
    owed = ""  # the mark of a removed parameter that the next one of its list needs
    for mark, parameter in _PARAMETER.findall(url, begin.start()):
        if mark in ("?", "#"):
            owed = ""
        name, _, value = parameter.partition("=")
        name = _name(name)
        if name in _FIELDS:
            field = _FIELDS[name]
            if field and value:
                lifted.setdefault(field, mended(unquote(value)))
            if mark in ("?", "#"):
                owed = mark
            continue
        pieces.append((owed or mark) + parameter if mark else parameter)
        owed = ""
    return "".join(pieces), lifted


def _name(written: str) -> str:
    """A parameter's name, percent-encoded up to twice, in any letter case."""
    if "%" in written:
        written = unquote(unquote(written))
    return written.strip("+ ").casefold()
