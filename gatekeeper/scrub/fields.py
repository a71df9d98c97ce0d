"""Scrubbing by field. Pure. A catalogue row and a clean value in; what may be sent of it, and what was found, out.

url               allow-listed parameters, no user info, no fragment, shapes in the path replaced
scrub             every text in it, also those of items, without personal shapes
refuse_personal   an identifier that holds a personal shape is none: `None`
"""

from __future__ import annotations

from collections.abc import Mapping

from gatekeeper.fields import Catalogue, Field
from gatekeeper.scrub.identifier import personal_shape
from gatekeeper.scrub.text import scrub_text
from gatekeeper.scrub.url import scrub_url


class Scrubber:
    """Scrubs one event's values, each once, however many destinations get it."""

    __slots__ = ("_catalogue", "_done")

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._done: dict[tuple[str, frozenset[str] | None], tuple[object | None, tuple[str, ...]]] = {}

    def scrub(
        self, kept: Mapping[str, object], params: frozenset[str]
    ) -> tuple[Mapping[str, object], Mapping[str, tuple[str, ...]], tuple[str, ...]]:
        """Clean values, what was taken out of them by field, and the identifiers that hold a personal shape."""
        clean: dict[str, object] = {}
        scrubbed: dict[str, tuple[str, ...]] = {}
        personal: list[str] = []
        for name, value in kept.items():
            row = self._catalogue.by_key[name]
            if row.transform in ("none", "hash"):
                clean[name] = value
                continue
            key = (name, params if row.transform == "url" else None)
            done = self._done.get(key)
            if done is None:
                done = self._done[key] = scrub_value(row, value, params)
            result, found = done
            if found:
                scrubbed[name] = found
            if result is None:
                personal.append(name)
            else:
                clean[name] = result
        return clean, scrubbed, tuple(personal)


def scrub_value(row: Field, value: object, params: frozenset[str]) -> tuple[object | None, tuple[str, ...]]:
    """The value to send, or `None` for an identifier that is stripped, and the kinds of what was taken out."""
    if row.transform == "url" and isinstance(value, str):
        result = scrub_url(value, params)
        return result.text, result.found
    if row.transform == "refuse_personal" and isinstance(value, str):
        shape = personal_shape(value)
        return (value, ()) if shape is None else (None, (shape,))
    if row.transform == "scrub":
        return _texts(row, value)
    return value, ()


def _texts(row: Field, value: object) -> tuple[object, tuple[str, ...]]:
    if isinstance(value, str):
        result = scrub_text(value)
        return result.text, result.found
    if not isinstance(value, tuple):
        return value, ()
    found: list[str] = []
    clean: list[object] = []
    for one in value:
        if isinstance(one, dict):
            clean.append(_item(row, one, found))
        else:
            text, kinds = _texts(row, one)
            clean.append(text)
            found += kinds
    return tuple(clean), tuple(dict.fromkeys(found))


def _item(row: Field, item: dict[str, object], found: list[str]) -> dict[str, object]:
    """One item; an identifier in it that holds a personal shape is left out."""
    clean: dict[str, object] = {}
    for key, value in item.items():
        if isinstance(value, str) and row.keys.get(key) == "id":
            shape = personal_shape(value)
            if shape is not None:
                found.append(shape)
                continue
        elif isinstance(value, str):
            result = scrub_text(value)
            value = result.text
            found += result.found
        clean[key] = value
    return clean
