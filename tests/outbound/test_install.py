"""`install()` catches all clients, or none and says why: half of them would let calls pass unseen."""

import aiohttp
import httpx
import pytest
import requests
import urllib3

import gatekeeper.outbound
from gatekeeper.errors import ConfigError

PATCHED = [
    (httpx.Client, "_send_single_request"),
    (requests.Session, "get_adapter"),
    (urllib3.HTTPConnectionPool, "urlopen"),
    (aiohttp.ClientSession, "_request"),
]


@pytest.fixture
def bare():
    """Nothing is caught, before and after."""
    gatekeeper.outbound.uninstall()
    before = [getattr(*one) for one in PATCHED]
    yield lambda: [getattr(*one) for one in PATCHED] == before
    gatekeeper.outbound.uninstall()


@pytest.mark.parametrize(
    ("owner", "name"),
    [(aiohttp.ClientSession, "_request"), (requests.Session, "get_adapter")],
    ids=["aiohttp", "requests"],
)
def test_a_client_that_cannot_be_caught_stops_the_start(bare, monkeypatch, owner, name):
    """The version is named, everything is as it was, and a later call says so again."""
    with monkeypatch.context() as patched:
        if owner is aiohttp.ClientSession:

            async def old(self, method, url):
                """As before 3.12: no middlewares."""

            patched.setattr(owner, name, old)
        else:
            patched.delattr(owner, name)
        for _ in range(2):
            with pytest.raises(ConfigError, match=r"(aiohttp|requests).* \d+\.\d+.* cannot be caught|aiohttp: 3"):
                gatekeeper.outbound.install()
            assert gatekeeper.outbound._on == []  # noqa: SLF001  # it has no other window
    assert bare()
    assert "httpx" in gatekeeper.outbound.install() and not bare()


def test_a_django_project_does_not_start_with_clients_that_cannot_be_caught(bare, monkeypatch):
    """An ImproperlyConfigured with the sentence; nothing is caught by halves."""
    from django.core.exceptions import ImproperlyConfigured

    from gatekeeper.django import apps

    monkeypatch.delattr(requests.Session, "get_adapter")
    with pytest.raises(ImproperlyConfigured, match=r"requests \d+.* cannot be caught"):
        apps._install()  # noqa: SLF001  # Django calls it in ready(), once a process
    monkeypatch.undo()
    assert bare()
