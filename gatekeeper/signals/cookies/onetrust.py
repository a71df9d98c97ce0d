"""OneTrust: `OptanonConsent` (a query string) with `OptanonAlertBoxClosed` (when the visitor answered).

A choice was made iff `OptanonAlertBoxClosed` holds a date: before that the groups hold the template's
defaults, which may all be on. Background groups (`SPD_BG`, `SSPD_BG`, `OSSTA_BG`: every name that ends in
`_BG`) at 0 are opt-outs of sale; GPC is reported as the platform saw it. Older tenants number their groups,
and 1 is what cannot be refused there. A server may have percent-encoded the whole. The IAB strings OneTrust
writes are read by `tcf` (`eupubconsent-v2`) and `gpp` (`OTGPPConsent`).
Source: https://github.com/ryanbr/consent-rr `src/onetrust` (notes on the shipped script); category ids
https://my.onetrust.com/s/article/UUID-66bcaaf1-c7ca-5f32-6760-c75a1337c226 ; background groups: observed
values
"""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.model.reasons import GPC
from gatekeeper.signals.answers import both, decided, opt_out, read_each, undecided
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import UnreadableError, plain, token, unquote, when
from gatekeeper.signals.site import Site

SOURCE = "onetrust"
NAMES = ("OptanonConsent", "OptanonAlertBoxClosed")
PREFIXES = ()
CATEGORIES = {"C0001": Purpose.NECESSARY, "C0002": Purpose.ANALYTICS, "C0004": Purpose.MARKETING}
OMITS_REFUSALS = False

_SWITCH = {"1": True, "0": False}
_BACKGROUND = "_BG"
_REQUIRED_NUMBER = "1"


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per `OptanonConsent`, plus opt-outs."""
    dates = [date for date in map(_date, cookies.get("OptanonAlertBoxClosed", ())) if date is not None]
    at = min(dates, default=None)
    consents = cookies.get("OptanonConsent", ())
    if not consents:
        return (undecided(SOURCE, "the answer's date without the answer"),)
    return read_each(SOURCE, consents, lambda value: _signals(value, at, site))


def _date(value: str) -> float | None:
    try:
        return when(plain(value))
    except UnreadableError:
        return None


def _signals(value: str, at: float | None, site: Site) -> Iterator[Signal]:
    pairs = _pairs(value)
    fields = dict(pairs)
    if not fields:
        raise UnreadableError("no OneTrust fields")
    if len(fields) < len(pairs):
        raise UnreadableError("a field twice")
    groups = both(_groups(plain(fields.get("groups", ""))))
    evidence = token(fields.get("consentId"))
    background = {name: groups.pop(name) for name in list(groups) if name.upper().endswith(_BACKGROUND)}
    if False in background.values():
        yield opt_out(SOURCE, "opted out of sale")
    if _REQUIRED_NUMBER not in site.categories:
        groups.pop(_REQUIRED_NUMBER, None)
    if fields.get("isGpcEnabled") == "1" or fields.get("browserGpcFlag") == "1":
        yield opt_out(SOURCE, "GPC recorded by the platform", GPC)
    if at is None:
        yield undecided(SOURCE, "banner not answered", evidence=evidence)
    elif not groups and not background:
        yield undecided(SOURCE, "no groups in the answer", evidence=evidence)
    else:
        again = fields.get("AwaitingReconsent") == "true"
        yield decided(SOURCE, groups, site, at=at, evidence=evidence, current=not again)


def _pairs(value: str) -> list[list[str]]:
    """The fields of the query string; a value without any is unwrapped as a whole."""
    pairs = [part.split("=", 1) for part in value.split("&") if "=" in part]
    if not pairs and "%" in value:
        text = unquote(value)
        return _pairs(text) if text != value else []
    return pairs


def _groups(text: str) -> Iterator[tuple[str, bool | None]]:
    """`C0001:1,C0002:0`; a group without 0 or 1 behind it was cut off: shown, not decided."""
    for entry in text.split(","):
        name, _, flag = entry.partition(":")
        if name:
            yield name, _SWITCH.get(flag)
