"""Vendors' own SDKs through `/gk/to/<destination>`: one gate, many products, one vendor that takes anything."""

import time

import pytest

from gatekeeper.model import Answer, Visitor
from gatekeeper.signals.context import write as write_token
from gatekeeper.vendors.formats import coding
from tests.answering import answering
from tests.builders import said
from tests.native.sdks import JANE, SDKS
from tests.running import running


class Products:
    """A running sidecar, and what arrived at the vendor."""

    def __init__(self, up, arrived):
        self.up = up
        self.arrived = arrived

    def token(self, *granted):
        """What an app passes on for a visitor who chose so a minute ago."""
        given = {purpose: purpose in granted for purpose in ("analytics", "marketing")}
        now = time.time()
        visitor = Visitor((said(source="own", at=now - 60, **given),))
        return write_token(visitor, at=now, sign=self.up.runtime.gate.keys.sign)

    def reasons(self, first):
        """Why each call since the log's line `first` was not sent."""
        lines = [line for line in self.up.lines()[first:] if line["kind"] == "decision"]
        return [delivery.get("reason") for line in lines for delivery in line["deliveries"]]


@pytest.fixture(scope="module")
def products(tmp_path_factory):
    """Each SDK's product as a destination of the sidecar; the middleware's endpoint is the same."""
    arrived = []

    def taken(call):
        arrived.append(call)
        return Answer(200, (("Content-Type", "text/plain"), ("Set-Cookie", "theirs=1")), b"taken")

    with answering(taken) as url:

        def tables(sims):
            speaking = {"kind": "first_party", "endpoint": url}
            found = {name: speaking | {"speaks": product} for name, (product, _, _, _) in SDKS.items()}
            return found | {"sentry": {"kind": "sentry", "purpose": "analytics", "endpoint": url}}

        with running("sidecar", tmp_path_factory.mktemp("gate"), destinations=tables) as up:
            yield Products(up, arrived)


@pytest.mark.parametrize("sdk", SDKS)
def test_an_sdk_is_content_and_only_what_may_be_sent_arrives(sdk, products):
    """First for a visitor who refused, then for one who agreed; every call is in the log before it is answered."""
    _, _, use, count = SDKS[sdk]
    unhappy: list[object] = []
    products.arrived.clear()
    before = len(products.up.lines())
    use(f"{products.up.url}/gk/to/{sdk}", products.token(), unhappy)
    assert products.arrived == [] and unhappy == []
    reasons = products.reasons(before)
    assert len(reasons) >= count and set(reasons) == {"no_analytics_consent"}
    use(f"{products.up.url}/gk/to/{sdk}", products.token("analytics", "marketing"), unhappy)
    assert products.arrived and unhappy == []
    for call in products.arrived:
        coded = dict(call.headers).get(b"content-encoding", b"").decode()
        everything = b"\n".join((call.path.encode(), call.query.encode(), repr(call.headers).encode(),
                                 coding.decode(call.body, coded, 1_000_000)))  # fmt: skip
        for value in (JANE, "jane", "203.0.113.9", "gatekeeper_context"):
            assert value.encode() not in everything
