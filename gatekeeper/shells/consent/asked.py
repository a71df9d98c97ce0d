"""A request for `/gk/consent`, read. Pure. A body or a query in, a `Choosing` or an `EventError` out.

Forms post the same fields as JSON does, flat: `analytics=true&marketing=false&token=…&method=save`. The buttons of the
page are `method=accept_all`, `reject_all` and `withdraw`, which answer every purpose whatever else the form says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from gatekeeper.errors import EventError
from gatekeeper.fields.strict import shown as printable
from gatekeeper.fields.strict import strict_json
from gatekeeper.model import OPTIONAL, Purpose
from gatekeeper.model.choice import Method, Surface
from gatekeeper.shells.consent.bodies import Choosing

LIMIT: Final = 8 * 2**10  # bytes of a body
FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"
_FIELDS: Final = 40
_EVERYTHING: Final = {"accept_all": "true", "reject_all": "false", "withdraw": "false"}
_BOOLEANS: Final = {"true": True, "false": False}
_OWN_PATH: Final = re.compile(r"/(?![/\\])[^\s\\\x00-\x1f\x7f]{0,1024}")
_WHERE: Final = re.compile(r"at `\$\.?([\w.\[\]]*)`")
_UNKNOWN: Final = re.compile(r"unknown field `([^`]*)`")


def choosing(body: bytes, content_type: str, shown: Iterable[Purpose]) -> tuple[Choosing, str | None]:
    """What a body asks for; of a form also the path of the site that the browser goes on to. Raises EventError.

    `shown` are the purposes of the notice: all of them is what a form's *Accept all* grants.
    """
    media = content_type.partition(";")[0].strip().lower()
    if media == FORM:
        return _of_form(body, shown)
    if media != _JSON:
        raise EventError(415, "the content type is not supported", detail=f"send application/json or {FORM}")
    value = strict_json(body)
    if not isinstance(value, dict):
        raise EventError(422, "the body is not an object")
    return _checked(value), None


def says(asked: Choosing) -> Mapping[Purpose, bool]:
    """The purposes that were answered, with yes or no. Raises EventError if none was."""
    given = {purpose: getattr(asked.choices, purpose.value) for purpose in OPTIONAL}
    answered = {purpose: word for purpose, word in given.items() if word is not None}
    if not answered:
        raise EventError(422, "no purpose was answered", field="choices")
    return answered


def withdrawal(query: bytes) -> tuple[tuple[Purpose, ...], Choosing]:
    """The purposes that a DELETE takes back: those of its query, else both. Raises EventError."""
    fields = _pairs(query)
    purposes = tuple(dict.fromkeys([value for name, value in fields if name == "purpose"]))
    for purpose in purposes:
        if purpose not in [one.value for one in OPTIONAL]:
            raise EventError(422, "is not a purpose", field="purpose", detail="use analytics or marketing")
    found = tuple([one for one in OPTIONAL if not purposes or one.value in purposes])
    rest = {name: value for name, value in fields if name != "purpose"}
    unknown = rest.keys() - {"subject", "client_id", "session_id", "surface"}
    if unknown:
        raise EventError(422, "is not a known parameter", field=printable(min(unknown)))
    choices = dict.fromkeys([one.value for one in found], False)
    asked = _checked({"choices": choices, "method": Method.WITHDRAW, "surface": Surface.PREFERENCES, **rest})
    return found, asked


def own_path(text: str | None) -> str | None:
    """A path of the site itself; `None` for anything that a browser could take for another place."""
    return text if text is not None and _OWN_PATH.fullmatch(text) else None


def _of_form(body: bytes, shown: Iterable[Purpose]) -> tuple[Choosing, str | None]:
    fields = _pairs(body)
    values = dict(fields)
    if len(values) != len(fields):
        names = [name for name, _ in fields]
        twice = next(name for name in names if names.count(name) > 1)
        raise EventError(422, "the field is given twice", field=printable(twice))
    following = own_path(values.pop("next", None))
    choices: dict[str, Any] = {one.value: values.pop(one.value) for one in OPTIONAL if one.value in values}
    everything = _EVERYTHING.get(values.get("method", ""))
    if everything is not None:
        choices = dict.fromkeys([one.value for one in (shown if everything == "true" else OPTIONAL)], everything)
    for name, word in choices.items():
        if word not in _BOOLEANS:
            raise EventError(422, "is neither true nor false", field=name)
    given: dict[str, Any] = {"method": Method.FORM, **values}
    given["choices"] = {name: _BOOLEANS[word] for name, word in choices.items()}
    return _checked(given), following


def _pairs(text: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            text.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(text),
            max_num_fields=_FIELDS,
            errors="strict",
        )
    except ValueError:
        raise EventError(400, "the form cannot be read") from None


def _checked(value: Mapping[str, Any]) -> Choosing:
    try:
        return msgspec.convert(value, Choosing)
    except msgspec.ValidationError as error:
        # Its text may hold what was sent: the place in it is all that is told.
        text = str(error)
        where = _WHERE.search(text)
        place = where[1] if where is not None else ""
        unknown = _UNKNOWN.search(text)
        if unknown is not None:
            name = printable(unknown[1])
            raise EventError(422, "is not a known field", field=f"{place}.{name}" if place else name) from None
        raise EventError(422, "is not what belongs there", field=place or None) from None
