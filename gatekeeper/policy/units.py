"""Durations and sizes as people write them: `365d`, `10s`, `1MiB`."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, ValidationInfo, WithJsonSchema

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0, "y": 31_557_600.0}
_BYTES = {"B": 1, "KB": 1000, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def seconds(text: object) -> float:
    """Seconds of a duration such as `90s` or `365d`; ValueError if it is not one."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w|y)", text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("is not a duration; write a number and a unit, such as 90s, 15m, 24h or 365d")
    return float(match[1]) * _SECONDS[match[2]]


def size(text: object) -> int:
    """Bytes of a size such as `1MiB`; ValueError if it is not one."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]i?B|B)", text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("is not a size; write a number and a unit, such as 64KiB or 1MiB")
    return int(float(match[1]) * _BYTES[match[2]])


KEPT: Final = "kept"
"""In a validation's context, set where a policy is read that the gate itself wrote down: in seconds and bytes."""


def _duration(value: object, info: ValidationInfo) -> float:
    if info.context and info.context.get(KEPT) and isinstance(value, (int, float)):
        return float(value)
    return seconds(value)


def _size(value: object, info: ValidationInfo) -> int:
    return value if info.context and info.context.get(KEPT) and isinstance(value, int) else size(value)


Duration = Annotated[
    float, BeforeValidator(_duration), WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?(ms|s|m|h|d|w|y)$"})
]
Size = Annotated[
    int, BeforeValidator(_size), WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?([KMG]i?B|B)$"})
]
