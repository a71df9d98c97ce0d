"""What a policy says to `gatekeeper.js`: the same for every visitor, so that the script can be cached. Pure.

purposes   those that the notice asks for
notices    the first eight digits of the notice's hash, in every language: who answered one of them need not be asked
again      seconds after which an answer is old
fields     the catalogue's names, by the initials of the purposes that cover them; a hash is covered as what it is of
events     name -> the purposes that [events] declares
cookies    purpose -> the cookies that go with it, as regular expressions
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any, Final

import orjson

from gatekeeper.browser import template
from gatekeeper.browser.squeeze import squeezed

_PLACE: Final = "(globalThis).__POLICY__"
_HASH: Final = "_hash"
_NOT_OF_PAGES: Final = frozenset({"event_id", "event_time", "ip", "user_agent"})  # the gate takes them from elsewhere


def settings(
    *,
    notices: Iterable[str],
    again: float,
    purposes: Iterable[str],
    fields: Mapping[str, Collection[str]],
    events: Mapping[str, Iterable[str]],
    cookies: Mapping[str, Iterable[str]],
) -> dict[str, Any]:
    """The settings as the script reads them. `fields` maps each name to its purposes, `notices` are whole hashes."""
    covered: dict[str, list[str]] = {}
    for name, by in fields.items():
        if name in _NOT_OF_PAGES or (name.endswith(_HASH) and fields.get(name.removesuffix(_HASH)) == by):
            continue
        covered.setdefault("".join(sorted([purpose[0] for purpose in by])), []).append(name)
    return {
        "purposes": list(purposes),
        "notices": " ".join(dict.fromkeys([one[:8] for one in notices])),
        "again": int(again),
        "fields": {letters: " ".join(sorted(names)) for letters, names in sorted(covered.items())},
        "events": {name: sorted(of) for name, of in events.items()},
        "cookies": {purpose: [_pattern(name) for name in names] for purpose, names in cookies.items() if names},
    }


def script(name: str, found: Mapping[str, Any] | None = None) -> bytes:
    """A packaged script as it is served: `found`, the settings, in their place, without comments."""
    source = _squeezed(name)
    return (source if found is None else source.replace(_PLACE, orjson.dumps(found).decode())).encode()


@cache
def _squeezed(name: str) -> str:
    return squeezed(template(name))


def _pattern(name: str) -> str:
    """A cookie's name, in which `*` stands for any rest, as a regular expression of JavaScript."""
    return re.sub(r"[.+^$|]", r"\\\g<0>", name).replace("*", ".*")
