"""Faults of a policy file in words. A validation error in, one sentence per fault out: key, value, remedy."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError

from gatekeeper.policy.faults import meant
from gatekeeper.policy.file import PolicyFile
from gatekeeper.policy.tables.consent import ConsentTable
from gatekeeper.vendors.kind import DestinationModule

_WORDS: Final[Mapping[str, str]] = {
    "string_type": "is not a text; put it in quotes",
    "int_type": "is not a whole number; write it without quotes, such as 8787",
    "int_from_float": "is not a whole number; write it without a point, such as 8787",
    "float_type": "is not a number; write it without quotes",
    "bool_type": "is not true or false; write one of them, without quotes",
    "list_type": 'is not a list; write ["…"]',
    "dict_type": "is not a table; write its keys below a [table] line, or in braces",
    "model_type": "is not a table; write its keys below a [table] line, or in braces",
    "model_attributes_type": "is not a table; write its keys below a [table] line, or in braces",
    "too_short": "is empty; name at least one",
    "greater_than_equal": "is too small; {ge} is the least",
    "less_than_equal": "is too large; {le} is the most",
    "string_too_long": "has too many characters; {max_length} are the most",
    "string_too_short": "is empty; write it, or remove the key",
    "enum": "is not known; use {expected}",
    "literal_error": "is not known; use {expected}",
}
"""What is wrong and the remedy, by pydantic's type of error."""


def sentences(
    error: ValidationError, kinds: Mapping[str, DestinationModule], raw: Mapping[str, Any] | None = None
) -> list[str]:
    """One sentence per fault: `key: value is not …; remedy`. Values are shown as `raw`, the file's tables, has them.

    Values of secrets are never shown.
    """
    faults = error.errors(include_url=False)
    misspelt: dict[tuple[int | str, ...], set[str]] = {}
    for fault in faults:
        if fault["type"] == "extra_forbidden" and (near := _near(fault["loc"], kinds)):
            misspelt.setdefault(fault["loc"][:-1], set()).add(near)
    told = (
        sentence
        for fault in faults
        # A required key that is misspelt is one fault.
        if not (fault["type"] == "missing" and fault["loc"][-1] in misspelt.get(fault["loc"][:-1], ()))
        for sentence in _sentence(fault, kinds, _written(fault, kinds, raw))
    )
    return list(dict.fromkeys(told))


def _sentence(fault: Any, kinds: Mapping[str, DestinationModule], got: object) -> Iterator[str]:
    location, where = fault["loc"], _where(fault["loc"], kinds)
    shown = f"{got!r} " if isinstance(got, (str, int, float, bool)) and not _is_secret(where) else ""
    match fault["type"]:
        case _ if location[-1] in ("SecretRef", "str"):
            yield f'{where}: is not a secret; write {{ env = "NAME" }}'
        case "dict_type" if location[0] == "consent" and len(location) == 2:
            remedy = "a platform's table maps its categories to purposes"
            yield f"{where}: unknown key; {meant(str(location[1]), ConsentTable.model_fields, remedy)}"
        case "missing":
            yield f"{where}: missing; add it"
        case "extra_forbidden":
            near = _near(location, kinds)
            yield f"{where}: unknown key; " + (f'did you mean "{near}"?' if near else "remove it")
        case "value_error":
            text = str(fault["ctx"]["error"])
            yield f"{where}{'.' if text.startswith('kind:') else ': ' + shown}{text}"
        case "greater_than_equal" if isinstance(got, str):  # a duration
            yield f"{where}: {shown}is too short; {fault['ctx']['ge']:g}s is the least"
        case str(sort):
            yield f"{where}: {shown}{_WORDS.get(sort, _UNKNOWN).format(**fault.get('ctx', {}))}"


_UNKNOWN: Final = "is not a value that this key can have; see docs/policy.md"


def _keys(location: tuple[int | str, ...], kinds: Mapping[str, DestinationModule]) -> list[int | str]:
    """The keys that lead to a fault in the file."""
    parts = [part for part in location if part not in ("SecretRef", "str", "[key]")]
    if parts[:1] == ["destinations"] and len(parts) > 2 and parts[2] in kinds:
        del parts[2]  # pydantic names the kind it tried
    return parts


def _where(location: tuple[int | str, ...], kinds: Mapping[str, DestinationModule]) -> str:
    parts = _keys(location, kinds)
    if parts and isinstance(parts[-1], int):
        parts.pop()  # which element of a list it is, its value says
    return ".".join(str(part) for part in parts) or "policy file"


def _written(fault: Any, kinds: Mapping[str, DestinationModule], raw: Mapping[str, Any] | None) -> object:
    """The value at fault as the file has it: a duration is `1ms`, not 0.001."""
    value: Any = raw
    try:
        for key in _keys(fault["loc"], kinds):
            value = value[key]
    except (KeyError, IndexError, TypeError):
        return fault["input"]
    return value


def _is_secret(where: str) -> bool:
    return any(word in where for word in ("secret", "token", "api_key", "headers", "dsn"))


def _near(location: tuple[int | str, ...], kinds: Mapping[str, DestinationModule]) -> str | None:
    """The key that was probably meant by an unknown one."""
    key, known = str(location[-1]), _known(location, kinds)
    plural = {f"{key}s", f"{key}es", key.removesuffix("s")} & set(known)
    found = re.fullmatch('did you mean "(.*)"[?]', meant(key, known, ""))
    return min(plural) if plural else found[1] if found else None


def _known(location: tuple[int | str, ...], kinds: Mapping[str, DestinationModule]) -> Collection[str]:
    """The keys that the table around an unknown key can have."""
    if len(location) == 1:
        return PolicyFile.model_fields
    if location[0] == "destinations" and len(location) == 4 and location[2] in kinds:
        settings: type[BaseModel] = kinds[str(location[2])].Settings
        return settings.model_fields
    table: type[BaseModel] = PolicyFile
    for part in location[:-1]:
        named = table.model_fields[str(part)].annotation if part in table.model_fields else None
        for inner in (named, *get_args(named)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                table = inner
    return table.model_fields
