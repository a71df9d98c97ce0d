"""One process with a Django project in it, simulators behind the gate, and all clients caught."""

import pytest

import gatekeeper.outbound
from gatekeeper import context
from gatekeeper.policy.load import parse_policy
from gatekeeper.testing import Simulators
from tests.hosts import project
from tests.outbound.conftest import Shop
from tests.outbound.test_clients import MEASUREMENT
from tests.running import tables


@pytest.fixture(scope="session")
def _project(tmp_path_factory):
    from gatekeeper.django import settings

    with Simulators() as sims:
        policy = parse_policy(tables(tmp_path_factory.mktemp("django"), sims), environ={})
        project.configure(policy)
        gatekeeper.outbound.uninstall()
        runtime = settings.runtime()
        context.uninstall(runtime.gate)
        project.TARGET[0] = sims.ga4.url + MEASUREMENT
        yield Shop(runtime, sims)
        runtime.close()


@pytest.fixture
def shop(_project):
    """The project with every client caught and nothing received yet."""
    _project.sims.clear()
    gatekeeper.outbound.install()
    _project.seen = 0
    _project.seen = len(_project.lines(None))
    yield _project
    gatekeeper.outbound.uninstall()
