"""A Django project behind proxies, on uvicorn with its `proxy_headers` on and off, and by WSGI."""

from __future__ import annotations

import httpx
import pytest
from django.core.asgi import get_asgi_application
from django.test import Client

from gatekeeper.audit.read import find
from tests.running import by_uvicorn
from tests.shells.test_proxies import BERLIN, WAYS
from tests.storage.builders import wait

UNDECLARED = [way for way in WAYS if not way.values[1]]


def how(shop, request_id):
    """By what the place of a tracked event was known."""
    wait(lambda: find(shop.runtime.policy.audit_folder, request_id))
    (record,) = find(shop.runtime.policy.audit_folder, request_id)
    return record["jurisdiction"]["how"]


@pytest.mark.parametrize(("mode", "server", "headers", "expected"), UNDECLARED)
def test_a_visitor_of_a_django_view_is_where_the_declared_way_ends(shop, mode, server, headers, expected):
    """The same answers as of the middleware; this project declares no proxies."""
    assert server == {}
    options = {"proxy_headers": "on" in mode, "forwarded_allow_ips": mode.get("on"), "lifespan": "off"}
    with by_uvicorn(get_asgi_application(), **options) as at:
        answer = httpx.get(f"http://{at}/track", headers=headers, trust_env=False)
        assert how(shop, answer.text) == expected


def test_a_wsgi_environment_says_the_same(shop):
    """REMOTE_ADDR and HTTP_X_FORWARDED_FOR."""
    client = Client()
    for remote, headers, expected in (
        ("127.0.0.1", {}, "local"),
        ("127.0.0.1", {"X-Forwarded-For": BERLIN}, "unknown"),
        (BERLIN, {"X-Forwarded-For": BERLIN}, "address"),
        (BERLIN, {}, "address"),
        (BERLIN, {"Via": "1.1 x"}, "unknown"),
    ):
        assert how(shop, client.get("/track", headers=headers, REMOTE_ADDR=remote).content.decode()) == expected
