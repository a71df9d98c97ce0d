"""State tables: what a thing is, what can happen to it, and what it is then. Pure.

A table stands at the top of the module that reads it (`lane.py` and `life.py` of delivery, `commits.py` of the store)
or of one beside it (`states.py` of the server and of rights). The diagrams in the docs are made from the same tables by
`diagram`, and a test compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)
Follows = Mapping[tuple[S, E], S]
"""A table: the state after an event, by the state before it. An event without a row cannot happen in that state."""


def diagram(table: Follows[S, E]) -> str:
    """A table as a Mermaid state diagram: one arrow per row, in the order of the table."""
    names = dict.fromkeys(state for (before, _), after in table.items() for state in (before, after))
    short = {state: state.name.lower() for state in names}
    labels = [f'    state "{state}" as {short[state]}' for state in names if short[state] != state]
    arrows = [f"    {short[before]} --> {short[after]}: {event}" for (before, event), after in table.items()]
    return "\n".join(["```mermaid", "stateDiagram-v2", *labels, *arrows, "```"])
