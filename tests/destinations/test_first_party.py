"""The operator's own analytics: canonical names, a truncated address if asked for, hashes only as hashes."""

import orjson
import pytest

from tests.builders import DESTINATIONS, HASH, decisions, make_gate, make_policy, own_cookie, plan

ANALYTICS = [("cookie", own_cookie("analytics", "marketing"))]


def sent(data, **keys):
    caller = {"address": keys.pop("address")} if "address" in keys else {}
    gate = make_gate(make_policy(destinations={"own": DESTINATIONS["own"] | keys}))
    made = plan({"event": "page_view", "data": data}, gate=gate, headers=ANALYTICS, **caller)
    return decisions(made)["own"], orjson.loads(made.shaped["own"].body)["data"]


@pytest.mark.parametrize(("address", "cut"), [("198.51.100.77", "198.51.100.0"), ("2001:db8:1:2:3::4", "2001:db8:1::")])
def test_an_address_goes_out_cut_to_its_network_only_if_the_policy_asks(address, cut):
    """As a derived field; the whole address is in no byte."""
    decision, data = sent({"page_url": "/x"}, truncate_ip=True, address=address)
    assert (data["ip_truncated"], decision.derived) == (cut, ("ip_truncated",))
    _, without = sent({"page_url": "/x"}, address=address)
    assert "ip_truncated" not in without and "ip" not in without


def test_personal_fields_pass_only_as_hashes_that_came_in_as_hashes():
    """There is no vendor rule to normalise by: a raw value is invalid here."""
    keys = {"purpose": "marketing", "fields": ["email", "phone", "page_url"]}
    decision, data = sent({"email": HASH, "phone": "+49 30 1234567", "page_url": "/x"}, **keys)
    assert data == {"email_hash": HASH, "page_url": "/x"}
    assert decision.stripped == {"phone_hash": "invalid"}
