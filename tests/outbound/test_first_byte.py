"""A judged request asks before its first byte whether its consent still holds."""

import http.client
from urllib.parse import urlsplit

import httpcore
import pytest

import gatekeeper.outbound
from tests.outbound.clients import CLIENTS
from tests.outbound.test_clients import BODY, MEASUREMENT
from tests.outbound.test_explicit import EXPLICIT


class Asked:
    """A permit that is withdrawn after so many answers; it notes what the vendor had by then."""

    def __init__(self, vendor, answers):
        self._vendor = vendor
        self._answers = answers
        self.begun, self.ended = [], []

    def begin(self):
        self.begun.append(len(self._vendor.received))
        return len(self.begun) <= self._answers

    def end(self):
        self.ended.append(len(self._vendor.received))


def by_http_client(method, url, body=None):
    """A bare connection of the standard library."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    connection.request(method, f"{parts.path}?{parts.query}", body)
    status = connection.getresponse().status
    connection.close()
    return status


def by_httpcore(method, url, body=None):
    """A bare pool."""
    with httpcore.ConnectionPool() as pool:
        return pool.request(method, url, content=body).status


EVERYWHERE = [*CLIENTS.values(), by_http_client, by_httpcore]


@pytest.fixture
def permit(shop, monkeypatch):
    """The permit of every call, withdrawn after `answers` of its answers."""

    def of(answers):
        asked = Asked(shop.sims.ga4, answers)
        monkeypatch.setattr("gatekeeper.outbound.intercept.permit_of", lambda gate, plan: asked)
        return asked

    return of


def ways():
    """Every client, caught everywhere or alone, as `post(url)`."""
    everywhere = [
        pytest.param(lambda url, way=way: way("POST", url, BODY), True, id=way.__name__) for way in EVERYWHERE
    ]
    return everywhere + [pytest.param(way, False, id=f"{way.__name__}-alone") for way in EXPLICIT]


@pytest.mark.parametrize(("post", "everywhere"), ways())
def test_what_is_withdrawn_before_the_first_byte_is_not_sent(shop, permit, post, everywhere):
    """The question at once has a yes, that at the first byte a no: nothing arrives, and the app hears nothing of it."""
    asked = permit(1)
    if not everywhere:
        gatekeeper.outbound.uninstall()
    with shop.visitor("analytics"):
        post(shop.sims.ga4.url + MEASUREMENT)
    assert not shop.sims.ga4.received
    assert (len(asked.begun), len(asked.ended)) == (2, 1)
    assert [line["reason"] for line in shop.lines("outcome")] == ["consent_withdrawn"]


@pytest.mark.parametrize(("post", "everywhere"), ways())
def test_what_holds_is_sent_and_its_slot_given_back(shop, permit, post, everywhere):
    """Asked at once and at the first byte, once each, before the vendor has anything."""
    asked = permit(9)
    if not everywhere:
        gatekeeper.outbound.uninstall()
    with shop.visitor("analytics"):
        post(shop.sims.ga4.url + MEASUREMENT)
    assert len(shop.sims.ga4.received) == 1
    assert asked.begun == [0, 0] and len(asked.ended) == 2
