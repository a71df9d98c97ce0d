"""Conformance vectors: how each vendor wants personal data before it is hashed, as data with a source per row.

Other tools get this wrong in different ways; the rows are made to be run against any of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

import orjson


@dataclass(frozen=True, slots=True)
class HashingVector:
    """One value, and what a vendor should be sent for it.

    `field` is our name, `sent_as` the vendor's. `normal` is the normal form, `None` where the value must not be
    sent at all; `sha256` its hash, `None` where the vendor wants the normal form in clear (`clear`).
    """

    kind: str
    field: str
    sent_as: str
    clear: bool
    input: str
    normal: str | None
    sha256: str | None
    source: str
    note: str = ""

    @property
    def expected(self) -> str | None:
        """What goes over the wire: the hash, or the clear normal form, or nothing."""
        return self.normal if self.clear else self.sha256


def hashing_vectors(kind: str | None = None) -> tuple[HashingVector, ...]:
    """All vectors, or those of one kind of destination (`meta_capi`, `google_ads`, `tiktok`)."""
    text = files("gatekeeper.testing").joinpath("hashing_vectors.json").read_bytes()
    rows = (HashingVector(**row) for row in orjson.loads(text))
    return tuple(row for row in rows if kind is None or row.kind == kind)
