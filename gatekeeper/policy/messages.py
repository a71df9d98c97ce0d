"""Faults of a policy file in words. A validation error in, one sentence per fault out: key, value, remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ValidationError

from gatekeeper.policy.file import ConsentTable, PolicyFile
from gatekeeper.vendors.kind import DestinationModule


def sentences(error: ValidationError, kinds: Mapping[str, DestinationModule]) -> list[str]:
    """One sentence per fault: `key: value is wrong; remedy`. Values of secrets are never in it."""
    found = []
    for fault in error.errors(include_url=False):
        where = _where(fault["loc"], kinds)
        got = fault["input"]
        shown = f"{got!r} " if isinstance(got, (str, int, float, bool)) and not _is_secret(where) else ""
        if fault["loc"][-1] in ("SecretRef", "str"):
            found.append(f'{where}: is not a secret; write {{ env = "NAME" }}')
            continue
        match fault["type"]:
            case "dict_type" if fault["loc"][0] == "consent" and len(fault["loc"]) == 2:
                near = difflib.get_close_matches(str(fault["loc"][1]), ConsentTable.model_fields, 1)
                hint = f'did you mean "{near[0]}"?' if near else "a platform's table maps its categories to purposes"
                found.append(f"{where}: unknown key; {hint}")
            case "missing":
                found.append(f"{where}: missing; add it")
            case "extra_forbidden":
                found.append(f"{where}: unknown key{_similar(fault['loc'], kinds)}")
            case "string_pattern_mismatch":
                found.append(f"{where}: {shown}does not look right; it must match {fault['ctx']['pattern']}")
            case "enum" | "literal_error":
                found.append(f"{where}: {shown}is not one of {fault['ctx']['expected']}")
            case "value_error":
                text = str(fault["ctx"]["error"])
                found.append(f"{where}{'.' if text.startswith('kind:') else ': ' + shown}{text}")
            case _:
                found.append(f"{where}: {shown}is wrong; {fault['msg'][0].lower()}{fault['msg'][1:]}")
    return list(dict.fromkeys(found))


def _where(location: tuple[int | str, ...], kinds: Mapping[str, DestinationModule]) -> str:
    parts = list(location)
    if parts[:1] == ["destinations"] and len(parts) > 2 and parts[2] in kinds:
        del parts[2]  # pydantic names the kind it tried
    return ".".join(str(part) for part in parts if part not in ("SecretRef", "str")) or "policy file"


def _is_secret(where: str) -> bool:
    return any(word in where for word in ("secret", "token", "api_keys", "headers", "dsn"))


def _similar(location: tuple[int | str, ...], kinds: Mapping[str, DestinationModule]) -> str:
    known: Iterable[str]
    match location:
        case ("destinations", _, str(kind), str(key)) if kind in kinds:
            known = kinds[kind].Settings.model_fields
        case (str(table), *_, str(key)) if table in PolicyFile.model_fields and len(location) > 1:
            model = PolicyFile.model_fields[table].annotation
            known = model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else ()
        case _:
            key, known = str(location[-1]), PolicyFile.model_fields
    near = difflib.get_close_matches(key, known, 1)
    return f'; did you mean "{near[0]}"?' if near else "; remove it"
