"""Scrubbing by field. Pure. A catalogue row and a clean value in; what may be sent of it, and what was found, out.

url               allow-listed parameters, no user info, no fragment, shapes in the path replaced
scrub             every text in it, also those of items, without personal shapes
refuse_personal   an identifier that holds a personal shape is none: `None`

Pages' addresses and browsers' names come again and again: those in which nothing was found are remembered, and
nothing else is. What was found is personal, and is not kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import structs

from gatekeeper.fields import Catalogue, Field
from gatekeeper.model import Event
from gatekeeper.scrub.found import Scrubbed
from gatekeeper.scrub.identifier import personal_shape
from gatekeeper.scrub.meter import UNMETERED, Meter, Spent
from gatekeeper.scrub.remembered import Remembered
from gatekeeper.scrub.search import SHAPES_ONLY, Search, secrets_of
from gatekeeper.scrub.taint import Taint
from gatekeeper.scrub.text import scrub_text
from gatekeeper.scrub.url import scrub_url

UNNAMED: Final = "unnamed"
UNSEARCHED: Final = "unsearched"
_NOTHING: Final[Mapping[str, tuple[str, ...]]] = {}
_CLEAN: Final = Remembered[tuple[str, frozenset[str] | None, frozenset[str], bool]](longest=1024)
# Texts that programs write: the words they are made of are not names of people.
_MACHINERY: Final = frozenset({"user_agent", "device_type", "language", "error_type", "error_stack"})
_FILES: Final = frozenset({"error_stack"})  # where a whole value like `/home/jane/index.php` is a file, not a page


class Scrubber:
    """Scrubs one event's values, each once, however many destinations get it."""

    __slots__ = ("_done", "_passed", "_rows", "_search")

    def __init__(self, catalogue: Catalogue, taint: Taint | None = None, meter: Meter = UNMETERED) -> None:
        self._rows = catalogue.scrubbed
        self._search = search_of(catalogue, taint, meter)
        self._done: dict[object, tuple[object | None, tuple[str, ...]]] = {}  # by name; a URL's with its parameters
        self._passed: dict[frozenset[str], set[str]] = {}  # by parameters: names of values that go out as they are

    def envelope(self, event: Event, request_id: str) -> Event:
        """The event with `request_id` in place of an id that holds a personal shape or a declared value.

        An event that is called by what it declares is `UNNAMED`: it may be sent nowhere.
        """
        if event.id != request_id and not is_clean(event.id, self._search):
            event = structs.replace(event, id=request_id)
        if not is_harmless(event.name, self._search):
            event = structs.replace(event, name=UNNAMED)
        return event

    def scrub(
        self, kept: Mapping[str, object], params: frozenset[str]
    ) -> tuple[Mapping[str, object], Mapping[str, tuple[str, ...]], tuple[str, ...]]:
        """Clean values, what was taken out of them by field, and the identifiers that hold a personal shape."""
        passed = self._passed.get(params)
        if passed is None:
            passed = self._passed[params] = set()
        fresh = [name for name in kept if name not in passed]
        if not fresh:
            return kept, _NOTHING, ()
        rows, done = self._rows, self._done
        clean: dict[str, object] | None = None  # a copy, once a value is another
        scrubbed: dict[str, tuple[str, ...]] = {}
        personal: tuple[str, ...] = ()
        for name in fresh:
            row = rows.get(name)
            if row is None:
                passed.add(name)
                continue
            value = kept[name]
            key = (name, params) if row.transform == "url" else name
            known = done.get(key)
            if known is None:
                known = done[key] = scrub_value(row, value, params, self._search)
            result, found = known
            if result is value and not found:
                passed.add(name)
                continue
            if clean is None:
                clean = dict(kept)
            if found:
                scrubbed[name] = found
            if result is None:
                personal += (name,)
                del clean[name]
            else:
                clean[name] = result
        return kept if clean is None else clean, scrubbed, personal


def is_harmless(value: object, search: Search) -> bool:
    """Whether a value of a format's own mechanics, or the name of an event, holds nothing that the event declares."""
    if search.taint is None or not isinstance(value, str):
        return True
    try:
        return not search.declared(value, machinery=True)
    except Spent:
        return False


def is_clean(value: str, search: Search) -> bool:
    """Whether an identifier holds neither a personal shape nor what its event declares, as far as it was searched."""
    try:
        return personal_shape(value, search) is None
    except Spent:
        return False


def search_of(catalogue: Catalogue, taint: Taint | None, meter: Meter = UNMETERED) -> Search:
    """What is looked for under a policy's catalogue in an event that declares this, and how much of it may be."""
    return Search(secrets_of(catalogue.secret_paths), taint, meter)


def scrub_value(
    row: Field, value: object, params: frozenset[str], search: Search = SHAPES_ONLY
) -> tuple[object | None, tuple[str, ...]]:
    """The value to send, or `None` for one that is stripped as invalid, and the kinds of what was taken out.

    Stripped are identifiers that hold a personal shape, and what there are no characters left to search for:
    `UNSEARCHED`.
    """
    try:
        return _scrub_value(row, value, params, search)
    except Spent:
        return None, (UNSEARCHED,)


def _scrub_value(
    row: Field, value: object, params: frozenset[str], search: Search
) -> tuple[object | None, tuple[str, ...]]:
    if row.transform == "url" and isinstance(value, str):
        return _remembered(row, value, params, search)
    if row.transform == "refuse_personal" and isinstance(value, str):
        shape = personal_shape(value, search)
        return (value, ()) if shape is None else (None, (shape,))
    if row.transform == "scrub":
        return _texts(row, value, search)
    return value, ()


def _texts(row: Field, value: object, search: Search) -> tuple[object, tuple[str, ...]]:
    if isinstance(value, str):
        return _remembered(row, value, None, search)
    if not isinstance(value, tuple):
        return value, ()
    found: list[str] = []
    clean: list[object] = []
    for one in value:
        if isinstance(one, dict):
            clean.append(_item(row, one, found, search))
        else:
            text, kinds = _texts(row, one, search)
            clean.append(text)
            found += kinds
    return tuple(clean), tuple(dict.fromkeys(found))


def _remembered(row: Field, text: str, params: frozenset[str] | None, search: Search) -> tuple[str, tuple[str, ...]]:
    """A URL (with the parameters it may keep) or a text (`None`), scrubbed."""
    file = row.key in _FILES
    key = (text, params, search.secrets.more, file)
    machinery = row.key in _MACHINERY
    search.meter.search(len(text))  # also of what is known: what becomes of a field is not to depend on it
    if key in _CLEAN and not search.declared(text, machinery=machinery):
        return text, ()
    if params is not None:
        result = scrub_url(text, params, search)
    elif file:  # not the whole of a text, where it could be a page
        result = scrub_text(f" {text}", search, machinery=machinery)
        result = Scrubbed(result.text.removeprefix(" "), result.found)
    else:
        result = scrub_text(text, search, machinery=machinery)
    if not result.found and result.text == text:
        _CLEAN.add(key, text)
    return result.text, result.found


def _item(row: Field, item: dict[str, object], found: list[str], search: Search) -> dict[str, object]:
    """One item; an identifier in it that holds a personal shape is left out."""
    clean: dict[str, object] = {}
    for key, value in item.items():
        if isinstance(value, str) and row.keys.get(key) == "id":
            shape = personal_shape(value, search)
            if shape is not None:
                found.append(shape)
                continue
        elif isinstance(value, str):
            result = scrub_text(value, search)
            value = result.text
            found += result.found
        clean[key] = value
    return clean
