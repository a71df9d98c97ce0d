"""What is looked for in one event: shapes, the policy's secret paths, and what the event declares. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from gatekeeper.scrub.detect import find
from gatekeeper.scrub.found import Span
from gatekeeper.scrub.meter import UNMETERED, Meter
from gatekeeper.scrub.shapes.secret import SECRETS, Secrets
from gatekeeper.scrub.taint import Taint


class Search:
    """A search for shapes, and for the values of `taint`. Raises Spent or Heavy where its request's `meter` does."""

    __slots__ = ("meter", "secrets", "taint")

    def __init__(self, secrets: Secrets = SECRETS, taint: Taint | None = None, meter: Meter = UNMETERED) -> None:
        self.meter = meter
        self.secrets = secrets
        self.taint = taint

    def spans(self, text: str, *, machinery: bool = False) -> list[Span]:
        """Everything that may not be sent; spans may overlap. `machinery` as `Taint.find` takes it."""
        spans = find(text, self.secrets, self.meter)
        if self.taint is not None:
            spans += self.taint.find(text, machinery=machinery, meter=self.meter)
        return spans

    def declared(self, text: str, *, machinery: bool = False) -> list[Span]:
        """What the event declares, in a text that is known to hold no shape."""
        return [] if self.taint is None else self.taint.find(text, machinery=machinery, meter=self.meter)


SHAPES_ONLY: Final = Search()


@lru_cache(maxsize=64)
def secrets_of(words: frozenset[str]) -> Secrets:
    """The secret paths of a policy that adds these words."""
    return Secrets(words) if words else SECRETS
