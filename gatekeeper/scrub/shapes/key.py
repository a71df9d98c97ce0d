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
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"
    r"(?:[^-]*-----END [A-Z ]{0,30}PRIVATE KEY-----|[A-Za-z0-9+/=\s\\]*)"
)
_SCHEME = re.compile(r"\b(?:bearer|basic)[ +:]{1,3}([A-Za-z0-9._~+/=\-]{8,})", re.IGNORECASE)
_ASSIGNED = re.compile(
    r"(?<![A-Za-z])(?:(pass(?:word|wd|wort|phrase)?|pwd|kennwort|wachtwoord|mot[ _\-]?de[ _\-]?passe"
    r"|contraseña|senha|hasło|пароль)"
    r"|(?:client|app|shared)?[_\-]?secret|(?:api|access|private|secret|auth)[_\-]?key"
    r"|(?:access|auth|refresh|id|session|csrf|xsrf|user|reset|api|bearer|security)?[_\-]?token|authorization)"
    r"[\"']?[ ]{0,2}([=:])[ ]{0,2}[\"']?([^\s\"'&;,<>\[{$]{4,200})",
    re.IGNORECASE,
)
_NO_VALUE = frozenset({"none", "null", "undefined", "true", "false", "empty", "missing", "required", "invalid"})
# Marks of the prefixes above: looking for these first is far faster than trying each pattern everywhere.
_MARK = re.compile(
    r"[_\-.](?:(?<=[sr]k[_-])|(?<=gh[oprsu]_)|(?<=_pat_)|(?<=gl(?:pat|ptt)-)|(?<=gl[dr]t-)|(?<=xox[abeoprs]-)"
    r"|(?<=npm_)|(?<=hf_)|(?<=pypi-)|(?<=shp[acps][ats]_)|(?<=do[opr]_)|(?<=whsec_)|(?<=ya29\.)|(?<=SG\.)"
    r"|(?<=-----)(?=BEGIN ))"
)
PREFIXES = re.compile(f"AKIA|ASIA|AIza|EAA|{_MARK.pattern}")
"""What every key with a prefix has: what `_prefixes` looks for, as one pattern."""
_NAMES = re.compile("pass|pwd|kennwort|wachtwoord|contrase|senha|hasło|пароль|secret|key|token|authorization")


def suspicious(text: str) -> bool:
    """Whether there may be a credential; the rest of this module is only worth its time then."""
    return _prefixes(text) or _schemes(text) or _names(text)


def find(text: str) -> Iterator[Span]:
    """Each credential as `key`."""
    if _prefixes(text):
        for pattern in (_PREFIXED, _BLOCK):
            for match in pattern.finditer(text):
                yield Span(match.start(), match.end(), "key")
    if _schemes(text):
        for match in _SCHEME.finditer(text):
            if any(char.isdigit() for char in match.group(1)):
                yield Span(match.start(1), match.end(1), "key")
    if _names(text):
        for match in _ASSIGNED.finditer(text):
            password, sign, value = match.groups()
            if not value.startswith("/") and (
                any(char.isdigit() for char in value)
                or (password and sign == "=" and value.isalpha() and value.lower() not in _NO_VALUE)
            ):
                yield Span(match.start(3), match.end(3), "key")


def _prefixes(text: str) -> bool:
    return (
        "AKIA" in text
        or "ASIA" in text
        or "AIza" in text
        or "EAA" in text
        or (("_" in text or "-" in text or "." in text) and _MARK.search(text) is not None)
    )


def _schemes(text: str) -> bool:
    text = text.lower()
    return "bearer" in text or "basic" in text


def _names(text: str) -> bool:
    return ("=" in text or ":" in text) and _NAMES.search(text.lower()) is not None
