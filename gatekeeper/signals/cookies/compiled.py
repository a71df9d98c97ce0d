"""All cookie readers behind one call, compiled once per policy.

Contract: `CookieReaders.read` takes the lines of the Cookie header and returns the signals of every
recognised platform. Names are recognised in one pass over the header; parsing is a pure function of the
recognised cookies alone and remembered by a digest of them, because analytics cookies change with every
request and consent cookies do not.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from msgspec import structs

from gatekeeper.errors import ConfigError
from gatekeeper.memory import Memory, digest
from gatekeeper.model import Purpose, Role, Signal, Standing
from gatekeeper.signals.cookies.reader import Cookies, Reader
from gatekeeper.signals.cookies.registry import OPT_OUTS, READERS
from gatekeeper.signals.encoding import LONGEST
from gatekeeper.signals.header import split_pair
from gatekeeper.signals.site import Site, category_map, plain_name
from gatekeeper.signals.tcf import PURPOSES, PurposeTable

_ENTRIES = 1024
_BYTES_PER_ENTRY = 8192
_HEAD = 4  # bytes of a cookie that are compared first, fewer where a site has a shorter name
_NAMES = 64  # cookies of one platform that are read
_VALUES = 8  # different values of one cookie that are read


@dataclass(frozen=True, slots=True)
class _Platform:
    reader: Reader
    site: Site
    opt_outs_only: bool
    outside: bool

    def read(self, cookies: Cookies) -> tuple[Signal, ...]:
        """What the reader makes of its cookies: a format from outside that fails denies, as a broken cookie does."""
        try:
            return self.reader.read(cookies, self.site)
        except Exception:
            if not self.outside:  # the laws of `Reader` are tested for those
                raise
            return (Signal(self.reader.SOURCE, Role.CHOICE, Standing.MALFORMED, note="its reader failed"),)


@dataclass(slots=True)
class _Found:
    """The cookies of one platform in one header."""

    cookies: dict[str, list[str]] = field(default_factory=dict)
    faults: set[str] = field(default_factory=set)

    def add(self, name: str, value: str) -> None:
        values = self.cookies.get(name)
        if len(value) > LONGEST:
            self.faults.add("a cookie longer than any consent cookie may be")
        elif values is None and len(self.cookies) < _NAMES:
            self.cookies[name] = [value]
        elif values is None or (len(values) >= _VALUES and value not in values):
            self.faults.add("too many different cookies")
        elif value not in values:
            values.append(value)


class CookieReaders:
    """The readers of one policy. Immutable after construction; share it.

    `platforms`: `"auto"` for all, or the ids of those the site uses (opt-out strings are read in any
    case).
    `categories`: platform id to the site's category names and their purposes, on top of the reader's own
    map.
    `versions`: platform id to the notice version grants must have been given under (key `*`, or a
    category).
    `names`: a cookie name (or prefix) of the site to the standard one it stands for, as `{"consent":
    "klaro"}`.
    `tcf`: which TCF purposes make up ours.
    `services`: platform id to the single services the site knows, and the destinations each stands for.
    `usual_services`: the same under names that platforms usually have for them, whatever the platform.
    `readers`: the cookie formats there are; one that is not packaged and fails counts as a cookie that is broken.
    Raises `ConfigError` for a platform or standard name that does not exist.
    """

    def __init__(
        self,
        platforms: Literal["auto"] | Collection[str] = "auto",
        categories: Mapping[str, Mapping[str, Purpose]] | None = None,
        *,
        versions: Mapping[str, Mapping[str, str]] | None = None,
        names: Mapping[str, str] | None = None,
        tcf: PurposeTable = PURPOSES,
        services: Mapping[str, Mapping[str, Collection[str]]] | None = None,
        usual_services: Mapping[str, Collection[str]] | None = None,
        readers: Sequence[Reader] = READERS,
    ) -> None:
        categories, versions, names, services = categories or {}, versions or {}, names or {}, services or {}
        _check(readers, platforms, {*categories, *versions, *services}, names)
        usual = _service_map(usual_services or {})
        self._exact: dict[str, tuple[int, str]] = {}
        self._prefixes: list[tuple[str, int, str]] = []
        self._platforms: list[_Platform] = []
        for reader in readers:
            listed = platforms == "auto" or reader.SOURCE in platforms
            if listed or reader.SOURCE in OPT_OUTS:
                own = categories.get(reader.SOURCE, {})
                site = Site(
                    category_map(reader.CATEGORIES, own, replaces=reader.OMITS_REFUSALS),
                    versions.get(reader.SOURCE, {}),
                    tcf,
                    _service_map(services.get(reader.SOURCE, {})),
                    usual,
                )
                self._recognise(reader, names)
                self._platforms.append(_Platform(reader, site, not listed, reader not in READERS))
        # Own names first, then the longest: a standard prefix must not swallow the name that continues it.
        self._prefixes.sort(key=lambda entry: (entry[0] not in names, -len(entry[0])))
        starts = [
            *(f"{name}=".encode() for name in self._exact),
            *(prefix.encode() for prefix, *_ in self._prefixes),
        ]
        self._head = min(_HEAD, *map(len, starts))
        self._heads = frozenset(start[: self._head] for start in starts)
        places = [re.escape(bytes({start[at] for start in starts})) for at in range(self._head)]
        # Sieves in C what can be no consent cookie, character by character; `_heads` decides.
        sieve = b"".join(b"[" + characters + b"]" for characters in places)
        self._candidates = re.compile(rb";[ \t]*(" + sieve + b"[^;]*)").findall
        self._parsed = Memory[tuple[Signal, ...]](_ENTRIES, _BYTES_PER_ENTRY)

    def read(self, lines: Iterable[bytes]) -> tuple[Signal, ...]:
        """The signals in the Cookie header lines of one request; never raises for what they hold."""
        header = b";" + b";".join(lines)
        heads, head = self._heads, self._head
        pieces = tuple([piece for piece in self._candidates(header) if piece[:head] in heads])
        if not pieces:
            return ()
        said = b";".join(pieces)  # which none of them has in it
        key = digest(said)
        known = self._parsed.get(key)
        if known is None:
            known = self._parse(pieces)
            if len(said) <= _BYTES_PER_ENTRY:
                self._parsed.put(key, known, 4 * len(said))
        return known

    def _recognise(self, reader: Reader, names: Mapping[str, str]) -> None:
        """Note the cookies of the reader that is about to become a platform, under standard and own names."""
        at, mine = len(self._platforms), (*reader.NAMES, *reader.PREFIXES)
        standard = {name: name for name in mine if name not in names}
        own = {name: stands_for for name, stands_for in names.items() if stands_for in mine}
        for name, stands_for in (standard | own).items():
            if stands_for in reader.NAMES:
                self._exact[name] = (at, stands_for)
            else:
                self._prefixes.append((name, at, stands_for))

    def _owner(self, name: str) -> tuple[int, str] | None:
        """The platform of a cookie and the standard name of that cookie."""
        exact = self._exact.get(name)
        if exact is not None:
            return exact
        for prefix, at, standard in self._prefixes:
            if name.startswith(prefix):
                return at, standard + name[len(prefix) :]
        return None

    def _parse(self, pieces: tuple[bytes, ...]) -> tuple[Signal, ...]:
        found: dict[int, _Found] = {}
        for piece in pieces:
            name, value = split_pair(piece)
            owner = self._owner(name)
            if owner is not None and value:
                found.setdefault(owner[0], _Found()).add(owner[1], value)
        return tuple(_voices(self._signals(found)))

    def _signals(self, found: Mapping[int, _Found]) -> Iterator[Signal]:
        for at in sorted(found):
            mine, platform = found[at], self._platforms[at]
            source = platform.reader.SOURCE
            signals = platform.read(mine.cookies) if mine.cookies else ()
            for signal in signals:
                if signal.role is Role.OPT_OUT or not platform.opt_outs_only:
                    yield signal
            for fault in sorted(mine.faults):
                yield Signal(source, Role.CHOICE, Standing.MALFORMED, note=fault)


def _voices(signals: Iterable[Signal]) -> Iterator[Signal]:
    """Equal signals once; differing ones of one source as voices of their own: the newest must not win."""
    seen: dict[tuple[str, Role], list[Signal]] = {}
    for signal in signals:
        same = seen.setdefault((signal.source, signal.role), [])
        if signal in same:
            continue
        same.append(signal)
        yield signal if len(same) == 1 else structs.replace(signal, voice=f"{signal.source}/{len(same)}")


def _service_map(services: Mapping[str, Collection[str]]) -> Mapping[str, frozenset[str]]:
    """Services by their plain names; spellings of one service add up."""
    found: dict[str, frozenset[str]] = {}
    for name, destinations in services.items():
        plain = plain_name(name)
        found[plain] = found.get(plain, frozenset()) | frozenset(destinations)
    return found


def _check(
    readers: Sequence[Reader],
    platforms: Literal["auto"] | Collection[str],
    tables: Collection[str],
    names: Mapping[str, str],
) -> None:
    known = sorted(reader.SOURCE for reader in readers)
    standard = {name for reader in readers for name in (*reader.NAMES, *reader.PREFIXES)}
    problems = []
    if isinstance(platforms, str) and platforms != "auto":
        problems.append(f'consent.cookies: "{platforms}" is neither "auto" nor a list of platforms')
    elif not isinstance(platforms, str):
        problems += [
            f'consent.cookies: "{name}" is not a platform; {_meant(name, known)}'
            for name in platforms
            if name not in known
        ]
    problems += [
        f'consent.{name}: "{name}" is not a platform; {_meant(name, known)}'
        for name in sorted(tables)
        if name not in known
    ]
    problems += [
        f'consent: "{own}" cannot stand for "{name}", which no platform writes'
        for own, name in names.items()
        if name not in standard
    ]
    if problems:
        raise ConfigError(*problems)


def _meant(name: str, known: Sequence[str]) -> str:
    """The platform that was probably meant, or else all of them."""
    near = difflib.get_close_matches(name, known, 1)
    return f'did you mean "{near[0]}"?' if near else f"known are {', '.join(known)}"
