"""One forking process for all rounds of a run."""

import pytest

from tests.torture import rounds


@pytest.fixture(scope="package")
def parent():
    """See `tests.torture.zygote`."""
    with rounds.zygote() as running:
        yield running
