"""A request to the admin API on its way to its act. A noun."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from gatekeeper.rights.erasures import Erasures


class Asked(NamedTuple):
    """A request that may be answered: the variable parts of its path, its parameters, and its body, checked."""

    parts: tuple[str, ...]
    query: Mapping[str, str]
    body: Any
    erasures: Erasures
