"""One running gate in each shell, with the store that it has in production."""

import pytest

from tests.running import running
from tests.shells.consent.visitors import Visitor

EU = {"jurisdiction": {"default": "gdpr"}}


@pytest.fixture(scope="module", params=["middleware", "sidecar"])
def up(request, tmp_path_factory):
    """A gate for visitors under the GDPR."""
    with running(request.param, tmp_path_factory.mktemp(request.param), **EU) as started:
        yield started


@pytest.fixture
def visitor(up):
    """A new visitor."""
    with Visitor(up.url) as one:
        yield one
