"""Fides: `fides_consent`, JSON (encoded, or base64 if so configured); `consent` has a boolean per notice.

An empty `fides_meta.updatedAt` means no choice. Only the methods of a click grant: a script, a migration,
GPC, an acknowledged notice or a dismissed banner can refuse. Notice names are the site's; the US notices,
`data_sales_and_sharing` or `targeted_advertising_gpp_us_state` and the like, at false are opt-outs of sale. In
TCF mode the choice is `fides_string`: the TC string, the AC string and the GPP string, with commas between.
Source: https://github.com/ethyca/fides `clients/fides-js/src/lib/cookie.ts`, `consent-types.ts`
(`ConsentMethod`, `MARKETING_CONSENT_KEYS`)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals import gpp, tcf
from gatekeeper.signals.answers import decided, is_sale, label, opaque, opt_out, read_each, undecided, without_grants
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import ForeignError, base64_json, json_object, mapping, token, when
from gatekeeper.signals.site import Site

SOURCE = "fides"
NAMES = ("fides_consent",)
PREFIXES = ()
CATEGORIES = {
    "essential": Purpose.NECESSARY,
    "analytics": Purpose.ANALYTICS,
    "advertising": Purpose.MARKETING,
    "marketing": Purpose.MARKETING,
}
OMITS_REFUSALS = False

_CLICKS = ("accept", "reject", "save", "button")
_CLICKS_START = "individual"
_OPTED_OUT = (False, "opt_out")
_ALLOWED = {"opt_in": True, "acknowledge": None}


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie, the strings inside it, and the opt-out of sale."""
    return read_each(SOURCE, cookies["fides_consent"], lambda value: _signals(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    if value.startswith("gzip:"):
        yield opaque(SOURCE, "compressed: switch the compression of the cookie off")
        return
    found = _object(value)
    notices = mapping(found.get("consent"))
    meta, identity = mapping(found.get("fides_meta", {})), mapping(found.get("identity", {}))
    at, evidence = when(meta.get("updatedAt")), token(identity.get("fides_user_device_id"))
    if at is None:
        yield undecided(SOURCE, "banner not answered", evidence=evidence)
        return
    if any(is_sale(name) and allowed in _OPTED_OUT for name, allowed in notices.items()):
        yield opt_out(SOURCE, "opted out of sale or sharing")
    method = meta.get("consentMethod")
    clicked = method in _CLICKS or (isinstance(method, str) and method.startswith(_CLICKS_START))
    strings = tuple(_strings(found.get("fides_string"), site, clicked))
    yield from strings
    spoken = {name: _allowed(answer) for name, answer in notices.items() if not is_sale(name)}
    if spoken or not strings:
        notice = label(meta.get("version"))
        yield decided(SOURCE, spoken, site, at=at, evidence=evidence, notice=notice, automatic=not clicked)


def _allowed(answer: object) -> bool | None:
    return _ALLOWED.get(answer, False) if isinstance(answer, str) else answer is True


def _strings(value: object, site: Site, clicked: bool) -> Iterator[Signal]:
    """The TC string and the GPP string of `TC,AC,GPP`; without a click they refuse and do not grant."""
    if not isinstance(value, str) or not value:
        return
    parts = value.split(",")
    found = [tcf.read(parts[0], site.tcf, source=SOURCE)] if parts[0] else []
    if len(parts) > 2 and parts[2]:
        found += gpp.read(parts[2], site.tcf, source=SOURCE)
    yield from found if clicked else map(without_grants, found)


def _object(value: str) -> Mapping[str, object]:
    try:
        return json_object(value)
    except ForeignError:
        return base64_json(value)
