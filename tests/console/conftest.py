"""A console on a real store, log and keys, without a browser."""

import pytest

from gatekeeper.shells.console import live
from tests.console.visiting import Visitor, make_app


@pytest.fixture
def app(tmp_path, monkeypatch):
    """An app behind the gate, which knows the cookies of `tests.builders.own_cookie`."""
    monkeypatch.setenv("GATEKEEPER_SIGNING_KEYS", f"s1:{(b's' * 32).hex()}")
    made = make_app(tmp_path)
    yield made
    made.runtime.close(0.0)


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    """Streams end at once."""
    monkeypatch.setattr(live, "LASTS", 0.0)


@pytest.fixture
def visitor(app):
    """Somebody who has not logged in."""
    return Visitor(app)


@pytest.fixture
def dpo(app):
    """Somebody whose token may do everything."""
    return Visitor(app).log_in()
