"""The same consent filter for every Python contestant, as a good programmer would write it by hand for one vendor.

Consent is one cookie of one platform, Sec-GPC refuses marketing, four fields are known to be personal, and a line is
written before the call. None of what a law, a place, a vendor flag or a value's shape would ask for.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import IO, Any

import orjson

PERSONAL = frozenset({"customer_note", "plan_mail", "internal_note"})
_NEEDS = {"ga4": "analytics", "meta_capi": "advertisement"}
_COOKIE = "cookieyes-consent="


def allowed(vendor: str, cookie: str, gpc: str) -> bool:
    """Whether the visitor's consent lets this vendor have anything."""
    if vendor == "meta_capi" and gpc == "1":
        return False
    start = cookie.find(_COOKIE)
    if start < 0:
        return False
    end = cookie.find(";", start)
    choice = cookie[start : end if end >= 0 else len(cookie)]
    return "action:yes" in choice and f"{_NEEDS[vendor]}:yes" in choice


def filtered(body: bytes) -> bytes:
    """The body without the personal fields."""
    return orjson.dumps(_without(orjson.loads(body)))


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without(inner) for key, inner in value.items() if key not in PERSONAL}
    if isinstance(value, list):
        return [_without(inner) for inner in value]
    return value


def record(log: IO[bytes], vendor: str, verdict: str) -> None:
    """One line of an audit log."""
    line: Mapping[str, object] = {"at": time.time(), "vendor": vendor, "verdict": verdict}
    log.write(orjson.dumps(line) + b"\n")


def vendor_of(path: str) -> str:
    """Which vendor a path belongs to."""
    return "ga4" if path.endswith("/collect") else "meta_capi"
