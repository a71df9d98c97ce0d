"""tarteaucitron.js: cookie `tarteaucitron`, `!gajs=true!facebookpixel=wait`.

Services are `true`, `false` or `wait`; all waiting means no choice. An entry `id` is the proof of consent. Only
the site can map the services.
Source: https://github.com/AmauriC/tarteaucitron.js `tarteaucitron.js`
"""

from __future__ import annotations

from collections.abc import Iterator

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import both, decided, read_each, undecided
from gatekeeper.signals.cookies.reader import Cookies
from gatekeeper.signals.encoding import ForeignError, UnreadableError, plain
from gatekeeper.signals.site import Site

SOURCE = "tarteaucitron"
NAMES = ("tarteaucitron",)
PREFIXES = ()
CATEGORIES: dict[str, Purpose] = {}
OMITS_REFUSALS = False

_PROOF = "id="
_SWITCH = {"true": True, "false": False, "wait": None}


def read(cookies: Cookies, site: Site) -> tuple[Signal, ...]:
    """One choice per cookie."""
    return read_each(SOURCE, cookies["tarteaucitron"], lambda value: _signals(value, site))


def _signals(value: str, site: Site) -> Iterator[Signal]:
    text = plain(value)
    pairs = [entry.partition("=")[::2] for entry in text.split("!")[1:] if not entry.startswith(_PROOF)]
    if "!" not in text:
        raise ForeignError("not written by tarteaucitron")
    if not text.startswith("!") or any(word not in _SWITCH for _name, word in pairs):
        raise UnreadableError("no list of services")
    spoken = both((name, _SWITCH[word]) for name, word in pairs)
    if all(answer is None for answer in spoken.values()):
        yield undecided(SOURCE, "banner not answered")
    else:
        yield decided(SOURCE, spoken, site)
