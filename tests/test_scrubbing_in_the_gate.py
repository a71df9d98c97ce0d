"""What scrubbing does to an event on its way: texts cleaned, identifiers refused, all of it in the decision."""

import orjson
import pytest

from gatekeeper.audit.lines import decision_line
from gatekeeper.errors import EventError
from gatekeeper.fields.names import printable
from tests.builders import DESTINATIONS, decisions, make_gate, make_policy, own_cookie, plan
from tests.laws.encodings import found_in

GRANTED = [("cookie", own_cookie("analytics", "marketing"))]


def sent(data, name="ga4", **keys):
    gate = make_gate(make_policy(destinations={name: DESTINATIONS[name] | keys}))
    made = plan({"event": "search", "data": data}, gate=gate, headers=GRANTED)
    shaped = made.shaped.get(name)
    return decisions(made)[name], orjson.loads(shaped.body) if shaped else None


def test_texts_lose_personal_shapes_and_the_decision_says_so():
    """Title, path, items: replaced by the shape's name."""
    decision, body = sent(
        {
            "session_id": "s_1",
            "page_title": "Order of jane@example.com",
            "page_url": "https://shop.example/u/jane%40example.com/orders?utm_source=x&q=secret#top",
            "items": [{"item_id": "sku1", "item_name": "Gift for +49 1512 3456789"}],
        }
    )
    params = body["params"]
    assert params["page_title"] == "Order of [email]"
    assert params["page_location"] == "https://shop.example/u/[email]/orders?utm_source=x"
    assert params["items"] == [{"item_id": "sku1", "item_name": "Gift for [phone]"}]
    assert decision.scrubbed["page_title"] == ("email",) and decision.scrubbed["items"] == ("phone",)
    assert {"query", "fragment", "email"} <= set(decision.scrubbed["page_url"])


def test_an_identifier_that_is_an_email_address_is_stripped():
    """As `invalid`: a user id is no place for an address."""
    decision, body = sent(
        {"session_id": "s_1", "user_id": "jane@example.com", "order_value": 1}, fields=["session_id", "user_id"]
    )
    assert decision.stripped == {"user_id": "invalid", "order_value": "not_needed"}
    assert b"jane" not in orjson.dumps(body)


def test_an_order_number_survives():
    """False positives cost measurement: EANs, order numbers and slugs stay."""
    decision, body = sent(
        {"session_id": "s_1", "transaction_id": "2026-0004711", "page_url": "/p/usb-c-kabel-2m-4006381333931"}
    )
    assert body["params"]["transaction_id"] == "2026-0004711"
    assert body["params"]["page_location"] == "/p/usb-c-kabel-2m-4006381333931"
    assert decision.scrubbed == {}


def test_a_parameter_the_policy_lists_stays_and_only_there():
    """`url_params` of one destination."""
    data = {"session_id": "s_1", "page_url": "/search?page=2&token=abc"}
    assert sent(data, url_params=["page"])[1]["params"]["page_location"] == "/search?page=2"
    assert sent(data)[1]["params"]["page_location"] == "/search"


def test_an_error_stack_is_cleaned_before_it_reaches_the_error_monitor():
    """Necessary does not mean everything."""
    gate = make_gate()
    event = {
        "event": "error",
        "data": {"error_message": "no user jane@example.com", "error_stack": "at f (app.js:1:2)"},
    }
    made = plan(event, gate=gate)
    body = orjson.loads(made.shaped["errors"].body)
    assert body["exception"]["values"][0]["value"] == "no user [email]"
    assert body["extra"]["stack"] == "at f (app.js:1:2)"


@pytest.mark.parametrize(
    "name",
    ["amFuZUBleGFtcGxlLmNvbQ", "6a616e65406578616d706c65", "a81.20.54.228", "u4915743739351", "jane@example.com"],
)
def test_a_value_in_the_place_of_a_name_is_not_written_down(name):
    """In base64 or hexadecimal, as an address or a number: as the name of a field, and of one inside an item."""
    gate = make_gate()
    data = {"session_id": "s_1", name: 1, "items": [{"item_id": "sku1", name: 2}]}
    made = plan({"event": "search", "data": data}, gate=gate, headers=GRANTED)
    line = decision_line(made, gate.policy).core
    assert found_in(line, name) is None and b"(unprintable name)" in line


@pytest.mark.parametrize("name", ["amFuZUBleGFtcGxlLmNvbQ", "login:81.20.54.228"])
def test_an_event_cannot_be_called_by_somebodys_address(name):
    """Its name goes to every destination and into the log."""
    with pytest.raises(EventError, match="is not an event name"):
        plan({"event": name, "data": {}})


@pytest.mark.parametrize("name", ["checkoutStepFirstTimeVisitor", "transaction_id_of_the_partner", "items.custom_dim"])
def test_a_name_that_is_one_stays(name):
    """Long and mixed as it may be."""
    assert printable(name) == name


JANE = {"email": "jane.doe@example.com", "first_name": "Jane", "last_name": "Doe", "phone": "+49 171 1234987"}


def test_what_an_event_declares_is_nowhere_else_in_it_and_the_decision_says_so():
    """The attack that was found: names in title, path, parameters, items and identifiers, beside their fields."""
    decision, body = sent(
        {
            **JANE,
            "session_id": "s_1",
            "page_title": "Danke, Jane Doe! Ihre Bestellung",
            "page_url": "https://shop.example/kunde/doe-jane/?utm_term=Jane%20Doe&utm_campaign=jane.doe",
            "referrer": "https://mail.example/mail/u/jane.doe/inbox",
            "items": [{"item_id": "sku1", "item_name": "Gravur: fuer Jane Doe"}, {"item_id": "jane", "item_name": "x"}],
        }
    )
    params = body["params"]
    assert params["page_title"] == "Danke, [last_name]! Ihre Bestellung"
    assert params["page_location"] == (
        "https://shop.example/kunde/[last_name]/?utm_term=[last_name]&utm_campaign=[last_name]"
    )
    assert params["items"] == [{"item_id": "sku1", "item_name": "Gravur: fuer [last_name]"}, {"item_name": "x"}]
    assert b"jane" not in orjson.dumps(body).lower()
    assert decision.scrubbed["page_title"] == ("last_name",)
    assert set(decision.scrubbed["items"]) == {"last_name", "first_name"}


def test_an_event_id_that_holds_what_is_declared_is_replaced_by_the_request_id():
    """It goes to every vendor."""
    for event_id in ("jane.doe", "jane.doe@example.com"):
        event = {"event": "search", "event_id": event_id, "data": {**JANE, "session_id": "s_1"}}
        made = plan(event, gate=make_gate(), headers=GRANTED)
        assert made.event.id == "req_test"
        assert not any(b"jane" in shaped.body.lower() for shaped in made.shaped.values())


def test_an_event_that_is_called_by_what_it_declares_goes_nowhere():
    """And its name is not in the log either; an ordinary name that is a word of programs stays."""
    made = plan({"event": "Jane_Doe", "data": {**JANE, "session_id": "s_1"}}, gate=make_gate(), headers=GRANTED)
    assert {one.reason for one in made.decisions} == {"insufficient_data"} and not made.shaped
    assert b"Jane" not in decision_line(made, make_gate().policy).core
    event = {"event": "page_view", "data": {"last_name": "Page", "session_id": "s_1"}}
    assert "ga4" in plan(event, gate=make_gate(), headers=GRANTED).shaped


def test_a_policy_adds_words_that_secrets_follow():
    """`secret_paths`, of events and of calls."""
    table = {"version": "test", "controller": "Shop", "secret_paths": ["einloesen"]}
    gate = make_gate(make_policy(policy=table, destinations={"ga4": DESTINATIONS["ga4"]}))
    event = {"event": "search", "data": {"session_id": "s_1", "page_url": "/einloesen/AB12CD"}}
    (shaped,) = plan(event, gate=gate, headers=GRANTED).shaped.values()
    assert orjson.loads(shaped.body)["params"]["page_location"] == "/einloesen/[secret]"
