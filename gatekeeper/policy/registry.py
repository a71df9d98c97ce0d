"""What a policy may name: kinds of destinations, cookie formats and formats of calls; those packaged, and yours.

Nothing is discovered: `load_policy` gets what you bring as arguments, checks it here, and the compiled policy keeps it,
so that a reload, a policy of the archive and a decision made again go by the same. docs/extend.md has an example each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypedDict, get_args, get_origin

from gatekeeper.errors import ConfigError
from gatekeeper.fields import CATALOGUE
from gatekeeper.signals import flags
from gatekeeper.signals.cookies import READERS, Reader
from gatekeeper.vendors import DIALECTS, KINDS, WORDS, by_kind, first_party, tables_of
from gatekeeper.vendors.dialect import Dialect
from gatekeeper.vendors.kind import DestinationModule, Kind
from gatekeeper.vendors.settings import Common, holds_secrets, secret_keys

_KIND: Final = ("KIND", "Settings", "shape", "assemble", "read_answer")
_READER: Final = ("SOURCE", "NAMES", "PREFIXES", "CATEGORIES", "OMITS_REFUSALS", "read")
_DIALECT: Final = (
    "KIND", "NAME", "ACCOUNT", "matches", "decode", "personal", "minimum", "encode", "read_answer", "accepted",
    "relayed",
)  # fmt: skip
_IDENTIFIER: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_COOKIE: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 6265, a token


class Extensions(TypedDict, total=False):
    """Your extensions in one dict: keyword arguments of `load_policy`, the middleware and `start`."""

    kinds: Sequence[DestinationModule]
    readers: Sequence[Reader]
    dialects: Sequence[Dialect]


@dataclass(frozen=True, slots=True)
class Registry:
    """Every kind by its name, every cookie format in the order of its signals, every format of calls by its kind."""

    kinds: Mapping[str, DestinationModule] = field(default_factory=lambda: KINDS)
    readers: tuple[Reader, ...] = READERS
    dialects: Mapping[str, tuple[Dialect, ...]] = field(default_factory=lambda: by_kind(DIALECTS))
    words: frozenset[str] = WORDS  # that native names are made of, by the tables of its formats

    @property
    def products(self) -> tuple[str, ...]:
        """What a `first_party` destination can speak: the first word of each of its formats' names."""
        formats = self.dialects.get(first_party.KIND.name, ())
        return tuple(dict.fromkeys(dialect.NAME.partition(" ")[0] for dialect in formats))


PACKAGED: Final = Registry()


def registry(
    kinds: Iterable[DestinationModule] = (), readers: Iterable[Reader] = (), dialects: Iterable[Dialect] = ()
) -> Registry:
    """What is packaged, and these behind it. Raises ConfigError with a sentence for each that cannot be used."""
    own = tuple(kinds), tuple(readers), tuple(dialects)
    if not any(own):
        return PACKAGED
    faults = [*_faults_of_kinds(own[0]), *_faults_of_readers(own[1])]
    if not faults:
        faults += _faults_of_dialects(own[2], {*KINDS, *(module.KIND.name for module in own[0])})
    if faults:
        raise ConfigError(*faults)
    return Registry(
        kinds=KINDS | {module.KIND.name: module for module in own[0]},
        readers=(*READERS, *own[1]),
        dialects=by_kind((*DIALECTS, *own[2])),
        words=WORDS.union(*[one.words for one in tables_of(own[2])]),
    )


def _lacks(what: str, one: object, names: Iterable[str]) -> Iterator[str]:
    shown = getattr(one, "__name__", type(one).__name__)
    missing = [name for name in names if not hasattr(one, name)]
    if missing:
        yield f"{what}: {shown} is not one; it has no {', '.join(missing)}"


def _faults_of_kinds(kinds: Sequence[DestinationModule]) -> Iterator[str]:
    taken = set(KINDS)
    for module in kinds:
        lacking = list(_lacks("kinds", module, _KIND))
        yield from lacking
        if lacking:
            continue
        kind, settings = module.KIND, module.Settings
        if not isinstance(kind, Kind) or not _IDENTIFIER.fullmatch(kind.name):
            yield f"kinds: {kind!r} is not a Kind with a name of small letters, digits and `_`"
            continue
        if kind.name in taken:
            yield f'kinds: "{kind.name}" is a kind already; choose another name (taken are {", ".join(sorted(taken))})'
        taken.add(kind.name)
        if not (isinstance(settings, type) and issubclass(settings, Common)):
            yield f"kinds: {kind.name}.Settings is not a class of gatekeeper.vendors.settings.Common"
            continue
        yield from _faults_of_settings(kind.name, settings)
        yield from _faults_of_fields(kind)


def _faults_of_settings(name: str, settings: type[Common]) -> Iterator[str]:
    said = settings.model_fields.get("kind")
    if said is None or get_origin(said.annotation) is not Literal or get_args(said.annotation) != (name,):
        yield f'kinds: {name}.Settings does not say `kind: Literal["{name}"]`'
    for key in settings.model_fields.keys() - secret_keys(settings) - {"headers", "erasure"}:
        if holds_secrets(settings.model_fields[key].annotation):
            yield f"kinds: {name}.Settings.{key} holds secrets inside another type; make it `SecretValue`"


def _faults_of_fields(kind: Kind) -> Iterator[str]:
    for name in kind.fields:
        row = CATALOGUE.by_key.get(name)
        if row is None:
            yield f'kinds: {kind.name}.fields: "{name}" is not in the catalogue'
        elif kind.places is not None and name not in kind.places:
            yield f'kinds: {kind.name}.fields: "{name}" is not among its places'
        elif kind.purpose is not None and kind.purpose not in row.purposes:
            yield f'kinds: {kind.name}.fields: "{name}" may not be used for {kind.purpose}'


def _faults_of_readers(readers: Sequence[Reader]) -> Iterator[str]:
    sources = {reader.SOURCE for reader in READERS} | set(flags.READERS)
    cookies = {name: reader.SOURCE for reader in READERS for name in (*reader.NAMES, *reader.PREFIXES)}
    for reader in readers:
        lacking = list(_lacks("readers", reader, _READER))
        yield from lacking
        if lacking:
            continue
        source = reader.SOURCE
        if not _IDENTIFIER.fullmatch(source):
            yield f'readers: "{source}" is not a name of small letters, digits and `_`'
        if source in sources:
            yield f'readers: "{source}" is a platform already; choose another SOURCE'
        sources.add(source)
        if not (reader.NAMES or reader.PREFIXES):
            yield f"readers: {source} names no cookie; give NAMES or PREFIXES"
        for name in (*reader.NAMES, *reader.PREFIXES):
            if not _COOKIE.fullmatch(name):
                yield f'readers: {source}: "{name}" is not a cookie name'
            elif name in cookies:
                yield f'readers: {source}: the cookie "{name}" is read by {cookies[name]} already'
            cookies[name] = source


def _faults_of_dialects(dialects: Sequence[Dialect], kinds: set[str]) -> Iterator[str]:
    taken: set[Any] = {dialect.NAME for dialect in DIALECTS}
    for dialect in dialects:
        lacking = list(_lacks("dialects", dialect, _DIALECT))
        yield from lacking
        if lacking:
            continue
        if dialect.KIND not in kinds:
            yield f'dialects: "{dialect.NAME}" is of the kind "{dialect.KIND}"; known are {", ".join(sorted(kinds))}'
        if dialect.NAME in taken:
            yield f'dialects: "{dialect.NAME}" is a format already; choose another NAME'
        taken.add(dialect.NAME)
