"""TikTok: what is clear, limited data use, the minimum, and errors inside a 200."""

import orjson
import pytest

from gatekeeper.model import Answer, Fate
from gatekeeper.vendors.tiktok import events as tiktok
from tests.builders import EVERY_KIND, HASH, decisions, make_gate, make_policy, own_cookie, plan

GRANTED = [("cookie", own_cookie("analytics", "marketing"))]


def sent(data, *, name="purchase", headers=GRANTED, gate=None, **caller):
    """(decision, the one event) with both consents."""
    gate = gate or make_gate(make_policy(destinations={"to": EVERY_KIND["tiktok"]}))
    made = plan({"event": name, "data": data}, gate=gate, headers=headers, **caller)
    if "to" not in made.shaped:
        return decisions(made)["to"], None
    shaped = made.shaped["to"]
    outgoing = tiktok.assemble(gate.policy.destinations["to"], shaped.head, [shaped.body])
    (event,) = orjson.loads(outgoing.body)["data"]
    return decisions(made)["to"], event


def test_places_are_clear_and_named_so():
    """City, state and country in clear, the postal code hashed."""
    decision, event = sent({"ttclid": "c", "city": "São Paulo", "state": "SP", "country": "Brazil", "postal_code": "1"})
    assert {key: event["user"][key] for key in ("city", "state", "country")} == {
        "city": "sopaulo", "state": "sp", "country": "br",
    }  # fmt: skip
    assert list(decision.kept) == ["ttclid", "city", "state", "country", "postal_code_hash"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("city_hash", HASH, id="hashed-city"),
        pytest.param("city", "jane@example.com", id="email-as-city"),
        pytest.param("state", "0151 2345678", id="phone-as-state"),
        pytest.param("email", "jane@@example.com", id="two-ats"),
        pytest.param("phone", "0151 2345678", id="no-country-code"),
        pytest.param("page_url", "/relative", id="no-host"),
        pytest.param("email_hash", HASH + ".ABcDEFGh", id="metas-appendix"),
    ],
)
def test_what_tiktok_cannot_take_is_invalid(field, value):
    """Dropped and named, never sent as it is."""
    key = {"city": "city_hash", "state": "state_hash", "email": "email_hash", "phone": "phone_hash"}.get(field, field)
    decision, event = sent({"ttclid": "c", field: value})
    assert decision.stripped == {key: "invalid"}
    assert list(event["user"]) == ["ttclid"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param({"ttp": "p"}, None, id="cookie"),
        pytest.param({"email": "a@b.de"}, None, id="email"),
        pytest.param({"ip": "203.0.113.9", "user_agent": "Mozilla"}, None, id="address-and-browser"),
        pytest.param({"ip": "203.0.113.9"}, "insufficient_data", id="address-alone"),
        pytest.param({"first_name": "Jane", "city": "Berlin"}, "insufficient_data", id="name-and-city"),
        pytest.param({"order_value": 1}, "insufficient_data", id="no-user"),
    ],
)
def test_the_minimum(data, reason):
    """Something TikTok matches a visitor on."""
    assert sent(data)[0].reason == reason


@pytest.mark.parametrize(
    ("law", "headers", "gpc", "limited"),
    [
        pytest.param("ccpa", [], "everywhere", False, id="nobody-opted-out"),
        pytest.param("gdpr", GRANTED, "everywhere", False, id="granted"),
        pytest.param("vcdpa", [("sec-gpc", "1")], "where_required", True, id="gpc-that-does-not-block"),
    ],
)
def test_limited_data_use_is_never_looser_than_what_the_visitor_said(law, headers, gpc, limited):
    """An opt-out that does not block still limits."""
    policy = make_policy(destinations={"to": EVERY_KIND["tiktok"]}, jurisdiction={"default": law}, consent={"gpc": gpc})
    decision, event = sent({"ttclid": "c"}, headers=headers, gate=make_gate(policy), address="127.0.0.1")
    assert decision.reason is None
    assert event["limited_data_use"] is limited


def test_a_purchase_without_currency_is_never_in_one_request_with_others():
    """TikTok names currency and value as required for it."""
    gate = make_gate(make_policy(destinations={"to": EVERY_KIND["tiktok"]}))
    heads = {
        plan({"event": "purchase", "data": {"ttclid": "c", "order_value": 1} | more}, gate=gate, headers=GRANTED)
        .shaped["to"]
        .head
        for more in ({}, {"currency": "EUR"})
    }
    assert len(heads) == 2


def test_standard_events_have_tiktoks_names():
    """`Purchase` since 2024; an own event keeps its name."""
    assert [sent({"ttclid": "c"}, name=name)[1]["event"] for name in ("purchase", "generate_lead", "my_event")] == [
        "Purchase", "Lead", "my_event",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        pytest.param(200, {"code": 0, "message": "OK"}, ["delivered"] * 3, id="ok"),
        pytest.param(200, {"code": 40100, "message": "Too many"}, ["retry"] * 3, id="rate"),
        pytest.param(200, {"code": 50000, "message": "System error"}, ["retry"] * 3, id="their-fault"),
        pytest.param(200, {"code": 40105, "message": "token"}, ["dead"] * 3, id="token"),
        pytest.param(
            200, {"code": 40002, "message": "Batch.1.properties.value: no"}, ["retry", "dead", "retry"], id="bad-event"
        ),
        pytest.param(200, {"code": 40002, "message": "event_source"}, ["dead"] * 3, id="bad-request"),
        pytest.param(
            200, {"code": 20001, "message": "Batch.2.user: no"}, ["delivered", "delivered", "dead"], id="partial"
        ),
        pytest.param(200, {"code": 20001, "message": "some"}, ["delivered"] * 3, id="partial-unnamed"),
        pytest.param(200, {"code": "x"}, ["dead"] * 3, id="odd-code"),
        pytest.param(200, b"<html>", ["retry"] * 3, id="unreadable"),
        pytest.param(502, b"<html>", ["retry"] * 3, id="down"),
    ],
)
def test_errors_inside_a_200_are_read(status, body, expected):
    """One bad event takes no other with it; nothing of TikTok's text is repeated."""
    answer = Answer(status, (), body if isinstance(body, bytes) else orjson.dumps(body))
    outcomes = tiktok.read_answer(answer, 3)
    assert [outcome.fate for outcome in outcomes] == [Fate(word) for word in expected]
    assert all(outcome.why is None or " " not in outcome.why for outcome in outcomes)


def test_one_bad_event_alone_is_dead():
    """There are no others to try again."""
    body = orjson.dumps({"code": 40002, "message": "Batch.0.user: no"})
    assert tiktok.read_answer(Answer(200, (), body), 1)[0].fate is Fate.DEAD
