"""What is sound of a file with faults, so that all its faults are told in one run. Pure.

A file that does not fit the models cannot be compiled, and what only compiling finds would be told in the next run.
So the values at fault are taken out, what must be there is filled in with a stand-in, and the rest is compiled.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from gatekeeper.policy.file import PolicyFile
from gatekeeper.vendors.kind import DestinationModule

_ROUNDS: Final = 8  # a stand-in may show what a fault hid; more than a few never do
_TABLE: Final = {"kind": "http_json", "endpoint": "https://stand-in.invalid"}
_KEPT: Final = (
    "purpose",
    "fields",
    "events",
    "regions",
)  # of a table that is replaced: they mean the same in every kind
_STAND_INS: Final[Mapping[str, Any]] = {"policy": "stand-in", "fields": ["necessary", "analytics", "marketing"]}


class Sound:
    """A file without its faults: `file`, or `None` if that cannot be had.

    `gone` are the keys that were taken out.
    """

    def __init__(
        self,
        raw: Mapping[str, Any],
        file: type[PolicyFile],
        error: ValidationError,
        kinds: Mapping[str, DestinationModule],
    ) -> None:
        self._kinds = kinds
        self.file: PolicyFile | None = None
        self.gone: set[str] = set()
        left: Any = copy.deepcopy(dict(raw))
        for _ in range(_ROUNDS):
            for location in sorted(
                {_written(fault["loc"], left) for fault in error.errors(include_url=False)}, key=_last_first
            ):
                self._take_out(left, location)
            try:
                self.file = file.model_validate(left)
            except ValidationError as next_error:
                error = next_error
            else:
                return

    def follows(self, sentence: str) -> bool:
        """Whether a fault that was found afterwards is only of a stand-in, or of what was taken out."""
        key = sentence.partition(": ")[0]
        return any(f"{key}.".startswith(f"{gone}.") or f"{gone}.".startswith(f"{key}.") for gone in self.gone)

    def _take_out(self, left: Any, location: tuple[int | str, ...]) -> None:
        match location:
            case (*between, str(name), "[key]"):
                del _inner(left, between)[name]
            case (str(key),) if key not in left:
                left[key] = {
                    "version": _STAND_INS["policy"],
                    "controller": _STAND_INS["policy"],
                }  # only `[policy]` must be
            case ("destinations", str(name), *_):
                if name in left["destinations"]:  # a table whose name is at fault is gone already
                    self._replace(left["destinations"], name, location[3:4])
            case ("policy" | "fields" as table, *between, str(key)) if not _has(left, location):
                _inner(left, (table, *between))[key] = _STAND_INS[table]
            case (*between, str(key)) if not _has(left, location):
                self._take_out(left, tuple(between))  # a required key of a table that can be done without
            case (*between, key):
                del _inner(left, between)[key]
                self.gone.add(".".join(map(str, location)))

    def _replace(self, tables: dict[str, Any], name: str, at_fault: tuple[int | str, ...]) -> None:
        """Put a stand-in in the place of a destination, with those of its keys that every kind has and are sound."""
        table = tables[name] if isinstance(tables[name], dict) else {}
        kept = {key: table[key] for key in _KEPT if table.get(key) is not None and key not in at_fault}
        self.gone |= {f"destinations.{name}.{key}" for key in {*table, *_TABLE, *at_fault} - kept.keys()}
        module = self._kinds.get(str(table.get("kind")))
        purpose = "marketing" if module is None or "purpose" in at_fault else module.KIND.purpose
        tables[name] = _TABLE | ({} if purpose is None else {"purpose": purpose}) | kept


def _written(location: tuple[int | str, ...], left: Any) -> tuple[int | str, ...]:
    """The part of a fault's place that stands in the file, and one key more if that is what is missing."""
    if location[-1:] == ("[key]",) or location[:1] == ("destinations",):
        return location
    for length in range(len(location)):
        if not _has(left, location[: length + 1]):
            return location[: length + 1] if isinstance(_inner(left, location[:length]), dict) else location[:length]
    return location


def _has(left: Any, location: Iterable[int | str]) -> bool:
    try:
        _inner(left, location)
    except (KeyError, IndexError, TypeError):
        return False
    return True


def _inner(left: Any, location: Iterable[int | str]) -> Any:
    for part in location:
        left = left[part]
    return left


def _last_first(location: tuple[int | str, ...]) -> tuple[str, ...]:
    """Later elements of a list before earlier ones, so that their numbers stay true while some are taken out."""
    return tuple(f"{99_999 - part:05}" if isinstance(part, int) else part for part in location)
