"""One site for each test: what the page of an earlier test sends when it is closed arrives elsewhere."""

import pytest

from tests.browsers.site import site


@pytest.fixture
def shop(tmp_path):
    """The site, under the GDPR."""
    with site(tmp_path) as one:
        yield one
