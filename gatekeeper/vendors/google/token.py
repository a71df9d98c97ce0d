"""Google's `em` token: what a page knows of a person, in one parameter. Pure. Text in, leaves out, and back.

    tv.1~em.<hash>~pn.<hash>~fn0.<hash>~ln0.<hash>~sa0.<hash>~ct0.<clear>~pc0.<clear>~rg0.<clear>~co0.<clear>

A hash is base64url without padding, or 64 hexadecimal digits; clear values are percent-encoded. Source: captures of
gtag.js (tests/vectors/native_requests.json) and TulevaEE's scrubber tests, read 2026-11-23.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote, unquote

from gatekeeper.vendors.dialect import Leaf, Path
from gatekeeper.vendors.formats.table import Table

NAME: Final = "em"
_PART: Final = re.compile(r"([a-z]{2}[0-9]{0,2})\.(.*)", re.DOTALL)
_PACKED: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_PARTS: Final = 40


def read(text: str, table: Table, path: Path) -> tuple[Leaf, ...]:
    """A leaf for each part, its hash in hexadecimal; an unreadable part is a leaf that no table has."""
    found = []
    parts = text.split("~")
    if len(parts) > _PARTS:
        return (table.leaf("em.*", text, path),)
    for part in parts:
        match = _PART.fullmatch(part)
        if match is None:
            found.append(table.leaf("em.*", part, (*path, "", "")))
            continue
        code, value = match.groups()
        coding = ""
        if _PACKED.fullmatch(value):
            value, coding = _unpacked(value), "packed"
        found.append(table.leaf(f"em.{code}", unquote(value), (*path, code, coding)))
    return tuple(found)


def write(leaves: Sequence[Leaf]) -> str | None:
    """The token of what is left of its leaves; `None` if that is nothing of a person."""
    parts = []
    for leaf in leaves:
        value = str(leaf.value)
        parts.append(f"{leaf.path[-2]}.{_packed(value) if leaf.path[-1] == 'packed' else quote(value, safe='')}")
    versions = [part for part in parts if part.startswith("tv.")]
    if len(parts) == len(versions):
        return None
    return "~".join(parts if versions else ["tv.1", *parts])


def _unpacked(value: str) -> str:
    try:
        return base64.urlsafe_b64decode(value + "=").hex()
    except (binascii.Error, ValueError):
        return value


def _packed(value: str) -> str:
    """A hash as it came; what has become a clear value since is written as one."""
    try:
        return base64.urlsafe_b64encode(bytes.fromhex(value)).rstrip(b"=").decode()
    except ValueError:
        return quote(value, safe="")
