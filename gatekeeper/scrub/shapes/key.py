"""Credentials: keys with a vendor's prefix, private key blocks, bearer and basic tokens, assigned secrets.

Of `password=…` and the like only the value goes. Left alone: words that are no value (`password: required`,
`token: invalid`, `secret = None`) and values shorter than four characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gatekeeper.scrub.found import Span
from gatekeeper.scrub.tables import table

_PREFIXED = re.compile(
    "(?<![A-Za-z0-9])(?:" + "|".join(row["pattern"] for row in table(__package__, "key.toml")["keys"]) + ")"
)
_BLOCK = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:[^-]*-----END [A-Z ]{0,30}PRIVATE KEY-----|[A-Za-z0-9+/=\s\\]*)"
)
_SCHEME = re.compile(r"\b(?:bearer|basic)[ +:]{1,3}([A-Za-z0-9._~+/=\-]{8,})", re.IGNORECASE)
_ASSIGNED = re.compile(
    r"(?<![A-Za-z])(?:(pass(?:word|wd|phrase)?|pwd)"
    r"|(?:client|app|shared)?[_\-]?secret|(?:api|access|private|secret|auth)[_\-]?key"
    r"|(?:access|auth|refresh|id|session|csrf|xsrf|user|reset|api|bearer|security)?[_\-]?token|authorization)"
    r"[\"']?[ ]{0,2}([=:])[ ]{0,2}[\"']?([^\s\"'&;,<>\[{$]{4,200})",
    re.IGNORECASE,
)
_ASSIGNERS = re.compile(r"[=:]")


def find(text: str) -> Iterator[Span]:
    """Each credential as `key`."""
    for match in _PREFIXED.finditer(text):
        yield Span(match.start(), match.end(), "key")
    if "-----BEGIN" in text:
        for match in _BLOCK.finditer(text):
            yield Span(match.start(), match.end(), "key")
    for match in _SCHEME.finditer(text):
        if any(char.isdigit() for char in match.group(1)):
            yield Span(match.start(1), match.end(1), "key")
    if _ASSIGNERS.search(text):
        for match in _ASSIGNED.finditer(text):
            password, sign, value = match.groups()
            if not value.startswith("/") and (
                any(char.isdigit() for char in value) or (password and sign == "=" and value.isalpha())
            ):
                yield Span(match.start(3), match.end(3), "key")
