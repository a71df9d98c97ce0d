"""A console on a real store, log and keys, without a browser."""

import pytest

from gatekeeper.shells.admin import admitted
from gatekeeper.shells.console import live, pieces
from tests.console.visiting import Visitor, make_app

SIGNING = f"s1:{(b's' * 32).hex()}"  # with which `tests.builders.own_cookie` signs


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    """Streams end at once, pages are sent when they are whole, and a token may ask as often as tests do."""
    monkeypatch.setattr(live, "LASTS", 0.0)
    monkeypatch.setattr(pieces, "PATIENCE", None)
    monkeypatch.setattr(admitted, "RATE", 1e9)


@pytest.fixture
def app(tmp_path, monkeypatch):
    """An app behind the gate, which knows the cookies of `tests.builders.own_cookie`."""
    monkeypatch.setenv("GATEKEEPER_SIGNING_KEYS", SIGNING)
    made = make_app(tmp_path)
    yield made
    made.runtime.close(0.0)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """An app for all tests of a file that leave it as it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GATEKEEPER_SIGNING_KEYS", SIGNING)
        made = make_app(tmp_path_factory.mktemp("shared"))
    yield made
    made.runtime.close(0.0)


@pytest.fixture
def visitor(app):
    """Somebody who has not logged in."""
    return Visitor(app)


@pytest.fixture
def dpo(app):
    """Somebody whose token may do everything."""
    return Visitor(app).log_in()


@pytest.fixture
def known(shared):
    """The same, at the app of all tests."""
    return Visitor(shared).enter()
