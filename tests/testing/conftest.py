"""Running simulators, whose clock shows the day of the vectors."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gatekeeper.testing import Simulators

from .builders import NOW


@pytest.fixture
def sims() -> Iterator[Simulators]:
    """All simulators."""
    with Simulators(clock=lambda: NOW) as running:
        yield running
