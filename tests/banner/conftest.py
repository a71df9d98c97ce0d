"""One Chromium; a page with the banner for each test. Whatever the browser complains about fails the test."""

import pytest

from tests.banner.stand import Stand


@pytest.fixture
def stood(chromium):
    """Makes pages; options are those of a playwright context."""
    contexts, stands = [], []

    def make(**options):
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        stands.append(Stand(context.new_page()))
        return stands[-1]

    yield make
    for context in contexts:
        context.close()
    assert [one for stand in stands for one in stand.complaints] == []
