"""One suite over both shells."""

import pytest

from gatekeeper.testing import Simulators
from tests.running import running


@pytest.fixture(scope="module", params=["sidecar", "middleware"])
def gate(request, tmp_path_factory):
    """A running gate, of each kind in turn."""
    with running(request.param, tmp_path_factory.mktemp("gate")) as up:
        yield up


@pytest.fixture(scope="module")
def sims():
    """The vendors that a sidecar of its own process is put in front of."""
    with Simulators(only=("first_party", "ga4")) as running:
        yield running


@pytest.fixture(autouse=True)
def _fresh(request):
    if "gate" in request.fixturenames:
        request.getfixturevalue("gate").sims.clear()
