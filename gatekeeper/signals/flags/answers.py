"""How a flag words its answer: role FLAG, DENIED where it refuses, GRANTED where it would allow.

Contract: pure. The sender of the request writes the flag; the combination lets it narrow, never grant.
"""

from __future__ import annotations

from collections.abc import Mapping

from gatekeeper.model import Permission, Purpose, Role, Signal, Standing


def flag(source: str, says: Mapping[Purpose, Permission], note: str) -> Signal:
    """A flag that was read."""
    return Signal(source, Role.FLAG, Standing.DECIDED, says, note=note)


def malformed(source: str, note: str) -> Signal:
    """A flag that is broken; it denies everything optional."""
    return Signal(source, Role.FLAG, Standing.MALFORMED, note=note)
