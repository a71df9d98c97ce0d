"""What the tests here share: vectors by name, and signals boiled down to what a vector expects."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gatekeeper.model import Permission, Purpose, Role, Signal, Standing

VECTORS = Path(__file__).parent.parent / "vectors"

UNREADABLE = (Standing.FOREIGN, Standing.OPAQUE, Standing.MALFORMED)


def vectors(name: str) -> list[dict[str, Any]]:
    """One vector file, as it is."""
    return json.loads((VECTORS / f"{name}.json").read_text("utf-8"))


def answer(signals: Iterable[Signal], purpose: Purpose) -> bool | None:
    """What the choices among `signals` say of a purpose: one refusal refuses, `None` where nobody speaks."""
    said = {signal.says[purpose] for signal in signals if signal.role is Role.CHOICE and purpose in signal.says}
    return None if not said else Permission.DENIED not in said


def opted_out(signals: Iterable[Signal]) -> bool:
    """Whether any signal is an opt-out that denies."""
    return any(
        signal.role is Role.OPT_OUT and signal.says.get(Purpose.MARKETING) is Permission.DENIED for signal in signals
    )
