"""iubenda: `_iub_cs-<id>`, encoded JSON with `purposes` per number or `consent` for everything.

A cookie with neither holds an id only: no choice. `_iub_cs-<id>-uspr` holds the US opt-outs, of which
`false` is opted out. What else follows the id is a sibling.
Source: https://www.iubenda.com/en/help/1205-how-to-configure-your-cookie-solution-advanced-guide ;
consent-rr `src/iubenda`; direction of `-uspr`: an observed cookie beside a US Privacy string
"""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.model import Purpose, Role, Signal, Standing
from gatekeeper.signals.answers import ALL_GRANTED, ALL_REFUSED, decided, opt_out, read_each, sibling, undecided
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import json_object, mapping, when
from gatekeeper.signals.site import Site

SOURCE = "iubenda"
NAMES = ()
PREFIXES = ("_iub_cs-",)
CATEGORIES = {"1": Purpose.NECESSARY, "4": Purpose.ANALYTICS, "5": Purpose.MARKETING}
OMITS_REFUSALS = False

_US_KEYS = {"s": "sale", "sh": "sharing", "adv": "targeted advertising"}


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie, plus the US opt-outs."""
    signals: list[Signal] = []
    for name, values in cookies.items():
        if name.endswith("-uspr"):
            signals.extend(read_each(SOURCE, values, _opt_outs))
        elif "-" not in name.removeprefix(PREFIXES[0]):
            signals.extend(read_each(SOURCE, values, lambda value: _signals(value, site)))
        else:
            signals.append(sibling(SOURCE))
    return tuple(signals)


def _signals(value: str, site: Site) -> Iterator[Signal]:
    found = json_object(value)
    at = when(found.get("timestamp"))
    if "purposes" in found:
        spoken = {name: allowed is True for name, allowed in mapping(found["purposes"]).items()}
        yield decided(SOURCE, spoken, site, at=at)
    elif "consent" in found:
        says = ALL_GRANTED if found["consent"] is True else ALL_REFUSED
        yield Signal(SOURCE, Role.CHOICE, Standing.DECIDED, says, at=at, note="choice for everything at once")
    else:
        yield undecided(SOURCE, "banner not answered", at=at)


def _opt_outs(value: str) -> Iterator[Signal]:
    found = json_object(value)
    out = [words for key, words in _US_KEYS.items() if found.get(key, True) is not True]
    if out:
        yield opt_out(SOURCE, f"opted out of {', '.join(out)}")
