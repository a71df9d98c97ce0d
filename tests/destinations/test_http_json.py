"""Any JSON endpoint: names from the policy, hashes by the common rules, a purpose that must be given."""

import orjson
import pytest

from gatekeeper.errors import ConfigError
from gatekeeper.vendors import http_json
from gatekeeper.vendors.formats import normalise
from tests.builders import HASH, decisions, make_gate, make_policy, own_cookie, plan

GRANTED = [("cookie", own_cookie("analytics", "marketing"))]
TABLE = {"kind": "http_json", "purpose": "marketing", "endpoint": "http://127.0.0.1:9/in", "headers": {"X-Key": "k"}}


def sent(data, **keys):
    """(decision, request, its JSON) with both consents."""
    gate = make_gate(make_policy(destinations={"to": TABLE | keys}))
    made = plan({"event": "purchase", "data": data}, gate=gate, headers=GRANTED)
    shaped = made.shaped["to"]
    outgoing = http_json.assemble(gate.policy.destinations["to"], shaped.head, [shaped.body])
    return decisions(made)["to"], outgoing, orjson.loads(outgoing.body)


def test_fields_and_the_envelope_have_the_names_the_policy_gives():
    """One flat object; what is not renamed keeps its name."""
    _, outgoing, body = sent({"page_url": "/x", "order_value": 5}, rename={"page_url": "url", "event": "type"})
    assert body.pop("event_time") > 0
    assert body == {"type": "purchase", "event_id": "req_test", "url": "/x", "order_value": 5}
    assert ("X-Key", "k") in outgoing.headers and outgoing.url == "http://127.0.0.1:9/in"


def test_personal_data_goes_out_as_hashes():
    """Renamed under either of its names; a hash passes, Meta's appendix does not."""
    fields = {"fields": ["email", "phone", "street"], "rename": {"email": "mail"}}
    decision, _, body = sent({"email": " Jane@Example.com", "phone": "+49 151 23456780", "street": "Main 1"}, **fields)
    assert body["mail"] == normalise.sha256("jane@example.com")
    assert body["phone_hash"] == normalise.sha256("+4915123456780")
    assert list(decision.kept) == ["email_hash", "phone_hash", "street_hash"]
    decision, _, body = sent({"email_hash": HASH, "phone_hash": HASH + ".ABcDEFGh"}, **fields)
    assert body["mail"] == HASH and decision.stripped == {"phone_hash": "invalid"}


def test_batches_are_lists_where_the_policy_says_so():
    """One object per request, or up to 100 under `events`."""
    assert make_policy(destinations={"to": TABLE}).destinations["to"].kind.batch_events == 1
    to = make_policy(destinations={"to": TABLE | {"batch": True}}).destinations["to"]
    assert to.kind.batch_events == http_json.BATCH
    assert orjson.loads(http_json.assemble(to, b"", [b'{"a":1}', b'{"a":2}']).body) == {"events": [{"a": 1}, {"a": 2}]}


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        pytest.param({"purpose": None}, "purpose: missing; say what it is for", id="no-purpose"),
        pytest.param({"rename": {"page_ur": "url"}}, 'did you mean "page_url"', id="unknown-field"),
        pytest.param({"rename": {"page_url": "event"}}, '"event" cannot be a new name', id="the-envelopes-name"),
        pytest.param({"rename": {"page_url": "u", "currency": "u"}}, '"u" cannot be a new name', id="twice"),
        pytest.param({"rename": {"page_url": "currency"}}, '"currency" is a field that is sent', id="another-field"),
        pytest.param({"rename": {"page_url": ""}}, "cannot be a new name", id="empty"),
    ],
)
def test_a_name_never_stands_for_two_things(keys, sentence):
    """Found when the policy is loaded, with the remedy."""
    with pytest.raises(ConfigError, match=sentence):
        make_policy(destinations={"to": {key: value for key, value in (TABLE | keys).items() if value is not None}})


@pytest.mark.parametrize(
    ("purpose", "basis"),
    [("necessary", "legitimate_interest"), ("analytics", "consent"), ("marketing", "consent")],
)
def test_the_legal_basis_follows_the_purpose(purpose, basis):
    """Unless the policy names another."""
    to = make_policy(destinations={"to": TABLE | {"purpose": purpose}}).destinations["to"]
    assert (to.purpose, to.legal_basis) == (purpose, basis)
