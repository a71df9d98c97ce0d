"""One running gate in each shell."""

import pytest

from gatekeeper.gate.choosing import Choosing
from tests.running import running
from tests.shells.consent.ledger import MemoryLedger
from tests.shells.consent.visitors import Visitor

EU = {"jurisdiction": {"default": "gdpr"}}


def with_ledger(up):
    """The same gate, with a ledger that tests can look into and break."""
    gate = up.runtime.gate
    up.ledger = MemoryLedger()
    gate.choosing = Choosing(gate.policy, lambda: gate.keys, up.ledger)
    return up


@pytest.fixture(scope="module", params=["middleware", "sidecar"])
def up(request, tmp_path_factory):
    """A gate for visitors under the GDPR."""
    with running(request.param, tmp_path_factory.mktemp(request.param), **EU) as started:
        yield with_ledger(started)


@pytest.fixture
def visitor(up):
    """A new visitor."""
    up.ledger.broken = False
    with Visitor(up.url) as one:
        yield one
