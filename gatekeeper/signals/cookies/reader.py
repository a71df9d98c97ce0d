"""What every cookie reader looks like: a module with these names.

Contract: `read` is pure and never raises for what stands in a cookie. It gets the cookies under its own
names only, with every value that differs, and at least one of them; what it returns says nothing it has
not read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.site import Site

Cookies = Mapping[str, Sequence[str]]
"""Cookie name to its different values, in the order of the header; never empty ones."""


class Reader(Protocol):
    """One platform. `NAMES` are whole cookie names, `PREFIXES` beginnings of names."""

    @property
    def SOURCE(self) -> str:  # noqa: N802 - a module constant
        """The platform's id: the `source` of its signals and the name of its policy table."""

    @property
    def NAMES(self) -> tuple[str, ...]:  # noqa: N802
        """Cookies that the reader knows by their whole names."""

    @property
    def PREFIXES(self) -> tuple[str, ...]:  # noqa: N802
        """Beginnings of cookie names."""

    @property
    def CATEGORIES(self) -> Mapping[str, Purpose]:  # noqa: N802
        """The default category map; empty where only the site can know."""

    @property
    def OMITS_REFUSALS(self) -> bool:  # noqa: N802
        """Whether refused categories are missing from the cookie instead of being listed as refused."""

    def read(self, cookies: Cookies, site: Site, /) -> tuple[Signal, ...]:
        """The signals of the platform's cookies."""
