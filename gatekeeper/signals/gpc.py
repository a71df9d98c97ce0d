"""Global Privacy Control. Pure. `Sec-GPC` header values in, an opt-out or nothing out.

The header says one thing in one way: the value is exactly `1`. Everything else is as if it were absent, and
never an opt-in. Source: w3c/gpc, "The Sec-GPC Header Field" (draft of 2026-04-03).
"""

from __future__ import annotations

from collections.abc import Iterable

from gatekeeper.model import Permission, Purpose, Role, Signal, Standing
from gatekeeper.model.reasons import GPC

SOURCE = "sec-gpc"

_OPT_OUT = Signal(
    source=SOURCE,
    role=Role.OPT_OUT,
    standing=Standing.DECIDED,
    says={Purpose.MARKETING: Permission.DENIED},
    denies_as=GPC,
    note="the browser sends Sec-GPC: 1",
)


def read(values: Iterable[bytes]) -> tuple[Signal, ...]:
    """One opt-out if any of the header's lines is exactly `1`; proxies may have joined lines with commas."""
    said = (part.strip(b" \t") for value in values for part in value.split(b","))
    return (_OPT_OUT,) if b"1" in said else ()
