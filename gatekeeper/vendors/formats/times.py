"""Times as vendors write them. Pure. Unix seconds out of numbers, of their digits, and of RFC 3339."""

from __future__ import annotations

import re
from typing import Final

from gatekeeper.fields.accept import unix_time

_DIGITS: Final = re.compile("[0-9]{1,16}")
_WHOLE: Final = re.compile("[0-9]{1,11}")
_MILLISECONDS: Final = 1e11  # a larger number counts milliseconds, as seconds it would be the year 5138
_MICROSECONDS: Final = 1e14


def seconds(moment: object) -> float | None:
    """Unix seconds from seconds, milliseconds or microseconds, told apart by their size, or from RFC 3339."""
    if isinstance(moment, str) and _DIGITS.fullmatch(moment):
        moment = int(moment)
    if isinstance(moment, (int, float)) and not isinstance(moment, bool) and moment > _MILLISECONDS:
        moment = moment / (1_000_000 if moment > _MICROSECONDS else 1_000)
    return unix_time(moment)


def whole_seconds(moment: object) -> float | None:
    """Unix seconds from seconds without a fraction, for a vendor that takes nothing else."""
    return float(str(moment)) if _WHOLE.fullmatch(str(moment)) else None


def microseconds(moment: object) -> float | None:
    """Unix seconds from a number of microseconds, whatever its size."""
    return int(str(moment)) / 1_000_000 if _DIGITS.fullmatch(str(moment)) else None
