"""Whether an identifier is somebody's name in disguise."""

from __future__ import annotations

from gatekeeper.scrub.detect import find

# Session ids, client ids and digests are random on purpose: that is no ground to strip an identifier.
_ALLOWED = frozenset({"token"})


def personal_shape(value: str) -> str | None:
    """The first personal shape that an identifier holds (`email`, `phone`, `card`, `ip`, `iban`, `jwt`, `key`)."""
    spans = [span for span in find(value) if span.shape not in _ALLOWED]
    return min(spans).shape if spans else None
