"""The demo as `gatekeeper demo` starts it, without the walk."""

import httpx
import pytest

from gatekeeper.demo.stage import stage


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    """Shop, gate and simulators on loopback."""
    with stage(tmp_path_factory.mktemp("demo")) as running:
        yield running


@pytest.fixture
def browser(up):
    """A client with cookies of its own, as a browser has, of a visitor in Germany."""
    with httpx.Client(trust_env=False, base_url=up.shop) as client:
        client.post("/demo/visitor", json={"place": "DE", "gpc": False}).raise_for_status()
        yield client
