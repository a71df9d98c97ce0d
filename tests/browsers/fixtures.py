"""One fixture for each engine, for every test that wants a browser; `tests/conftest.py` hands them out."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.browsers import chromium as chromium_engine
from tests.browsers import firefox as firefox_engine
from tests.browsers import webkit as webkit_engine
from tests.browsers.engines import Engine, Visitor

ENGINES = ("chromium", "firefox", "webkit")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Playwright's browser: of one file, because its event loop runs meanwhile, and other tests have their own."""
    if chromium_engine.BINARY is None:
        pytest.skip(chromium_engine.MISSING)
    with chromium_engine.browser() as one:
        yield one


@pytest.fixture(scope="session")
def firefox() -> Iterator[Engine]:
    """A running Firefox."""
    if firefox_engine.BINARY is None:
        pytest.skip(firefox_engine.MISSING)
    with firefox_engine.browser() as one:
        yield one


@pytest.fixture(scope="session")
def webkit() -> Iterator[Engine]:
    """A running driver of WebKit."""
    if webkit_engine.BINARY is None:
        pytest.skip(webkit_engine.MISSING)
    with webkit_engine.browser() as one:
        yield one


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    found = request.getfixturevalue(request.param)
    return chromium_engine.Chromium(found) if request.param == "chromium" else found


class Visitors:
    """Fresh visitors of one engine, until the test ends."""

    def __init__(self, engine: Engine, ends: ExitStack) -> None:
        self.engine = engine
        self._ends = ends

    def __call__(self, *, gpc: bool = False) -> Visitor:
        """One more."""
        one = self.engine.visitor(gpc=gpc)
        self._ends.callback(one.close)
        return one


@pytest.fixture
def visitors(engine: Engine) -> Iterator[Visitors]:
    """Makes fresh visitors of each engine in turn."""
    with ExitStack() as ends:
        yield Visitors(engine, ends)


@pytest.fixture
def visitor(visitors: Visitors) -> Visitor:
    """A fresh visitor of each engine in turn."""
    return visitors()


def mark(items: list[pytest.Item]) -> None:
    """Give the marker `browser` to every test that asks for one."""
    for item in items:
        if {"engine", *ENGINES} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.browser)
