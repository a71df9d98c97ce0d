"""Whether an identifier is a person's name in disguise.

A format's own mechanics (versions, tags, property ids) are the same at every call: those in which nothing was found are
remembered, and nothing else is.
"""

from __future__ import annotations

import re
from typing import Final

from gatekeeper.scrub.detect import find
from gatekeeper.scrub.meter import UNMETERED, Meter, Spent
from gatekeeper.scrub.remembered import Remembered
from gatekeeper.scrub.search import SHAPES_ONLY, Search
from gatekeeper.scrub.shapes import SHAPES, token

# Session ids, client ids and digests are random on purpose: that is no ground to strip an identifier.
_ALLOWED = frozenset({"token"})
_SHAPES: Final = tuple([find_shape for find_shape in SHAPES if find_shape is not token.find])


# What most identifiers are: UUIDs, Google's and Meta's browser ids of random numbers and a time, and GA4's session
# ids (a time in seconds). None of them holds a shape; the search would say so, too, but take ten times as long.
_RANDOM = re.compile(
    r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|(?:GA1\.\d\.)?\d{6,10}\.1\d{9}|1[5-9]\d{8}|fb\.[0-2]\.1\d{12}\.\d{6,12}"
)


_CLEAN: Final = Remembered[str](longest=128)


def personal_shape(value: str, search: Search = SHAPES_ONLY) -> str | None:
    """The first personal shape in an identifier, or the field whose declared value is in it; `None` if there is none.

    `email`, `phone`, `card`, `ip`, `iban`, `jwt` or `key`; never `token`.
    """
    spans = search.declared(value)
    if not _RANDOM.fullmatch(value):
        spans += [
            span for span in find(value, search.secrets, search.meter, shapes=_SHAPES) if span.shape not in _ALLOWED
        ]
    return min(spans).shape if spans else None


def is_mechanical(value: str, meter: Meter = UNMETERED) -> bool:
    """Whether a value of a format's mechanics holds no personal shape; one that can no longer be searched may."""
    if value in _CLEAN:
        return True
    try:
        if personal_shape(value, SHAPES_ONLY if meter is UNMETERED else Search(meter=meter)) is not None:
            return False
    except Spent:
        return False
    _CLEAN.add(value, value)
    return True
