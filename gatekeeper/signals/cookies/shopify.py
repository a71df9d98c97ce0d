"""Shopify: `_tracking_consent`, encoded JSON; `con.CMP` holds `a`, `m`, `p`, `s` as `""`, `"0"` or `"1"`.

All empty: no choice. `purposes` beside it are the effective defaults of the region, not consent, and are
not read. `s` at `"0"` is an opt-out of sale. Shopify stopped setting this form on 2025-09-15. The token of today,
`3.AMPS_<region>_f_f_<id>`, is documented nowhere and opaque; sites forward the Customer Privacy API from the
browser (`signals/flags/shopify.py`).
Source: https://shopify.dev/docs/api/customer-privacy and its changelog of 2025-08-04; token: observed values,
Shopify/hydrogen#4043
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import decided, label, opaque, opt_out, read_each, undecided
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import json_object, mapping, plain, token
from gatekeeper.signals.site import Site

SOURCE = "shopify"
NAMES = ("_tracking_consent",)
PREFIXES = ()
CATEGORIES = {"a": Purpose.ANALYTICS, "m": Purpose.MARKETING}
OMITS_REFUSALS = False

_TOKEN = re.compile(r"[0-9]{1,2}\.[A-Za-z0-9]*_[A-Za-z0-9_.-]*")
_SWITCH = {"1": True, "0": False}


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie, plus the opt-out of sale."""
    return read_each(SOURCE, cookies["_tracking_consent"], lambda value: _signals(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    if _TOKEN.fullmatch(plain(value)) is not None:
        yield opaque(SOURCE, "a token: forward the Customer Privacy API from the browser")
        return
    found = json_object(value)
    answers = mapping(mapping(found.get("con", {})).get("CMP", {}))
    evidence, notice = token(found.get("consent_id")), label(found.get("v"))
    if answers.get("s") == "0":
        yield opt_out(SOURCE, "opted out of sale")
    spoken = {name: _SWITCH.get(word) if isinstance(word, str) else None for name, word in answers.items()}
    if all(answer is None for answer in spoken.values()):
        yield undecided(SOURCE, "banner not answered", evidence=evidence, notice=notice)
    else:
        yield decided(SOURCE, spoken, site, evidence=evidence, notice=notice)
