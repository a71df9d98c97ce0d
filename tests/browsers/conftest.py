"""One site for a file's tests; each test begins with what nobody has asked for yet."""

import pytest

from tests.browsers.site import CSP, page, site


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """The site, under the GDPR."""
    with site(tmp_path_factory.mktemp("site")) as one:
        yield one


@pytest.fixture
def shop(running):
    """The site as it is at first."""
    running.html, running.headers, running.broken = page(), {"content-security-policy": CSP}, False
    running.asked.clear()
    running.pixels.clear()
    return running
