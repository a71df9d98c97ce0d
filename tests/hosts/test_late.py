"""A policy that cannot be used stops a server at its start, also where the framework makes the middleware late."""

import logging
import re

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.testclient import TestClient
from uvicorn.lifespan.on import LifespanOn

from gatekeeper import ConfigError, GatekeeperMiddleware
from tests.builders import make_policy

BROKEN = """
[policy]
version = "1"
controller = "Shop"
[destinations.own]
kind = "first_party"
purpos = "analytics"
endpoint = "http://127.0.0.1:9/events"
"""


@pytest.fixture
def broken(tmp_path):
    """A policy file with a fault in line 7."""
    path = tmp_path / "gatekeeper.toml"
    path.write_text(BROKEN)
    return path


def inside(app):
    """An app that has another middleware of its own around the gate."""
    app.add_middleware(lambda app: app)
    return app


FRAMEWORKS = [
    pytest.param(FastAPI, id="fastapi"),
    pytest.param(Starlette, id="starlette"),
    pytest.param(lambda: inside(FastAPI()), id="below-another"),
]


@pytest.mark.parametrize("make", FRAMEWORKS)
@pytest.mark.parametrize("lifespan", ["auto", "on"])
async def test_uvicorn_does_not_start_with_a_policy_that_add_middleware_cannot_use(make, lifespan, broken, caplog):
    """It says the fault, with its line and remedy; the app's own lifespan does not begin."""
    app = make()
    app.add_middleware(GatekeeperMiddleware, config=broken)
    config = uvicorn.Config(app, lifespan=lifespan, log_config=None)
    config.load()
    server = LifespanOn(config)
    with caplog.at_level(logging.INFO):
        await server.startup()
    assert server.should_exit
    assert re.search(r"Gatekeeper does not start:\n\S+:7: destinations\.own\.purpos: unknown key", caplog.text)
    assert "appears unsupported" not in caplog.text and "Traceback" not in caplog.text


@pytest.mark.parametrize("make", FRAMEWORKS)
def test_a_server_that_goes_on_all_the_same_answers_nothing(make, broken):
    """Nor does one that knows no lifespan: the error is raised at each request."""
    app = make()
    app.add_middleware(GatekeeperMiddleware, config=broken)
    for _ in range(2):
        with pytest.raises(ConfigError, match=r":7: destinations\.own\.purpos"):
            TestClient(app).get("/")
    with pytest.raises(ConfigError), TestClient(app):
        pass


def test_the_wrapped_form_raises_where_it_is_written(broken):
    """In a module that the server imports, that is at import."""
    with pytest.raises(ConfigError, match=r"^\S+gatekeeper\.toml:7: "):
        GatekeeperMiddleware(FastAPI(), config=broken)


async def test_a_scope_that_is_being_served_otherwise_does_not_keep_the_error(broken):
    """Only an app at its lifespan makes the middleware late."""
    scope = {"type": "http"}
    with pytest.raises(ConfigError):
        GatekeeperMiddleware(FastAPI(), config=broken)
    assert scope["type"] == "http"


@pytest.mark.parametrize("make", FRAMEWORKS)
def test_a_policy_that_can_be_used_starts_late_as_well(make):
    """The endpoints are answered."""
    app = make()
    app.add_middleware(GatekeeperMiddleware, config=make_policy())
    with TestClient(app) as client:
        assert client.get("/gk/healthz").status_code == 200
