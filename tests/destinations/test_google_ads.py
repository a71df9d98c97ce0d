"""Google Ads: which upload, what is hashed and what is clear, and what its answers mean."""

import orjson
import pytest

from gatekeeper.errors import ConfigError
from gatekeeper.model import Answer, Fate
from gatekeeper.policy.check import warnings
from gatekeeper.vendors.google import events as google_ads
from tests.builders import EVERY_KIND, HASH, NOW, decisions, make_gate, make_policy, own_cookie, plan

GRANTED = [("cookie", own_cookie("analytics", "marketing"))]
PERSON = {"first_name": "Mary-Jane", "last_name": "O'Connor", "postal_code": "94103-1234", "country": "us"}


def sent(data, *, name="purchase", kind="google_ads", **keys):
    """(decision, URL's last part, the one conversion) for an event with both consents."""
    gate = make_gate(make_policy(destinations={"to": EVERY_KIND[kind] | keys}))
    made = plan({"event": name, "data": data}, gate=gate, headers=GRANTED)
    if "to" not in made.shaped:
        return decisions(made)["to"], None, None
    shaped = made.shaped["to"]
    outgoing = google_ads.assemble(gate.policy.destinations["to"], shaped.head, [shaped.body])
    body = orjson.loads(outgoing.body)
    (conversion,) = next(body[key] for key in ("conversions", "conversionAdjustments", "events") if key in body)
    return decisions(made)["to"], outgoing.url.rpartition("/")[2], conversion


@pytest.mark.parametrize(
    ("data", "name", "upload"),
    [
        pytest.param({"gclid": "g"}, "purchase", "uploadClickConversions", id="gclid"),
        pytest.param({"wbraid": "w"}, "purchase", "uploadClickConversions", id="wbraid"),
        pytest.param(
            {"transaction_id": "T", "email": "a@b.de"}, "purchase", "uploadConversionAdjustments", id="order-and-email"
        ),
        pytest.param(
            {"transaction_id": "T"} | PERSON, "purchase", "uploadConversionAdjustments", id="order-and-person"
        ),
        pytest.param({"email": "a@b.de"}, "generate_lead", "uploadClickConversions", id="lead-by-email"),
        pytest.param({"email": "a@b.de"}, "purchase", None, id="email-alone"),
        pytest.param({"transaction_id": "T", "order_value": 5}, "purchase", None, id="order-alone"),
        pytest.param({"transaction_id": "T", "city": "Berlin"}, "purchase", None, id="half-an-address"),
        pytest.param({}, "purchase", None, id="nothing"),
    ],
)
def test_which_upload_an_event_becomes(data, name, upload):
    """A click id makes a click conversion, an order and a person an enhancement; else there is nothing to upload."""
    decision, url, _ = sent(data, name=name)
    if upload is None:
        assert decision.reason == "insufficient_data"
    else:
        assert url == f"1234567890:{upload}"


def test_ids_are_digits_on_the_wire():
    """A policy may write 123-456-7890 and a resource name."""
    _, url, click = sent({"gclid": "g"}, conversion_action="customers/1/conversionActions/55")
    assert url.startswith("1234567890:")
    assert click["conversionAction"] == "customers/1234567890/conversionActions/55"


def test_identifiers_do_not_go_with_gbraid():
    """Google refuses them together; they are not needed, and the record says so."""
    decision, _, click = sent({"gbraid": "b", "email": "a@b.de", "wbraid": "w"})
    assert (click["gbraid"], "userIdentifiers" in click, "wbraid" in click) == ("b", False, False)
    assert dict(decision.stripped) == {"email_hash": "not_needed", "wbraid": "not_needed"}


def test_an_address_is_sent_whole_or_not_at_all():
    """Names and street hashed, the rest clear; without one of the four that Google matches on, nothing of it."""
    data = {"transaction_id": "T", "email": "a@b.de", "street": "Main 1", "city": "Köln", "state": "NRW"} | PERSON
    decision, _, enhancement = sent(data)
    address = enhancement["userIdentifiers"][1]["addressInfo"]
    clear = {"city": "Köln", "state": "NRW", "countryCode": "US", "postalCode": "94103-1234"}
    assert {key: value for key, value in address.items() if not key.startswith("hashed")} == clear
    assert {"city", "state", "country", "postal_code", "first_name_hash", "street_hash"} <= set(decision.kept)
    decision, _, enhancement = sent(data | {"country": None})
    assert [list(one) for one in enhancement["userIdentifiers"]] == [["hashedEmail"]]
    assert set(decision.stripped) >= {"first_name_hash", "city_hash", "postal_code_hash"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("city_hash", HASH, id="hashed-city"),
        pytest.param("city", "jane@example.com", id="email-as-city"),
        pytest.param("city", "+49 151 23456789", id="phone-as-city"),
        pytest.param("city", "Berlin 🎉", id="emoji"),
        pytest.param("city", "Ber\u202elin", id="right-to-left-override"),
        pytest.param("postal_code", "jane@example.com", id="email-as-postal-code"),
        pytest.param("postal_code", "015123456789", id="phone-as-postal-code"),
        pytest.param("country", "Atlantis", id="no-country"),
        pytest.param("email_hash", HASH + ".ABcDEFGh", id="metas-appendix"),
        pytest.param("order_value", -1, id="negative-value"),
    ],
)
def test_what_google_cannot_take_is_invalid_never_sent_raw(field, value):
    """Clear fields are the dangerous ones: what does not look like a place is dropped."""
    key = {"city": "city_hash", "postal_code": "postal_code_hash", "country": "country_hash"}.get(field, field)
    decision, _, conversion = sent({"transaction_id": "T", "phone": "+4915123456780", "gclid": "g"} | {field: value})
    assert decision.stripped[key] == "invalid"
    assert str(value).strip() not in orjson.dumps(conversion).decode() or field == "order_value"


def test_consent_is_granted_only_where_marketing_is():
    """Both words of Google's consent object follow our one permission."""
    _, _, click = sent({"gclid": "g"})
    assert click["consent"] == {"adUserData": "GRANTED", "adPersonalization": "GRANTED"}
    _, _, event = sent({"gclid": "g"}, kind="data_manager")
    assert event["consent"] == {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}


def test_an_old_order_cannot_be_enhanced():
    """54 days; a click conversion has 90."""
    gate = make_gate(make_policy(destinations={"to": EVERY_KIND["google_ads"]}))
    event = {"event": "purchase", "event_time": NOW - 60 * 86_400, "consent": {"marketing": True}}
    for data, verdict in (({"transaction_id": "T", "email": "a@b.de"}, "insufficient_data"), ({"gclid": "g"}, None)):
        made = plan(event | {"data": data}, gate=gate, trusted=True)
        assert decisions(made)["to"].reason == verdict


def test_a_value_without_currency_does_not_spoil_a_data_manager_batch():
    """Data Manager refuses a request whole, so such an event is never with others."""
    gate = make_gate(make_policy(destinations={"to": EVERY_KIND["data_manager"]}))
    heads = {
        plan({"event": "purchase", "data": {"gclid": "g", "order_value": 1} | extra}, gate=gate, headers=GRANTED)
        .shaped["to"]
        .head
        for extra in ({}, {"currency": "EUR"})
    }
    assert len(heads) == 2


def test_data_manager_gets_the_event_id_where_there_is_no_order():
    """Delivery is at least once: every event has something to be told apart by."""
    made, _, event = sent({"gclid": "g"}, kind="data_manager")
    assert event["transactionId"] == "req_test" and list(made.kept) == ["gclid"]


def failure(*errors):
    """A 200 with a partial failure: (index or None, code) each."""
    return {
        "code": 3,
        "details": [
            {
                "errors": [
                    {
                        "errorCode": {"conversionUploadError": code},
                        "message": "text that must not be repeated",
                        "location": {"fieldPathElements": [{"fieldName": "conversions", "index": n}]},
                    }
                    if n is not None
                    else {"errorCode": {"internalError": code}}
                    for n, code in errors
                ]
            }
        ],
    }


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        pytest.param(200, {"results": [{"gclid": "a"}] * 3}, ["delivered"] * 3, id="all"),
        pytest.param(200, {"requestId": "r"}, ["delivered"] * 3, id="data-manager"),
        pytest.param(
            200,
            {"results": [{"gclid": "a"}, {}, {"gclid": "c"}], "partialFailureError": failure((1, "EXPIRED_EVENT"))},
            ["delivered", "dead", "delivered"],
            id="one-fails",
        ),
        pytest.param(
            200,
            {"partialFailureError": failure((0, "TOO_RECENT_EVENT"), (2, "CLICK_CONVERSION_ALREADY_EXISTS"))},
            ["retry", "delivered", "delivered"],
            id="later-and-there-already",
        ),
        pytest.param(200, {"results": [{}, {}, {}], "partialFailureError": {}}, ["delivered"] * 3, id="empty-error"),
        pytest.param(
            200, {"results": [{}, {"a": 1}, {}], "partialFailureError": {"code": 3}}, ["dead", "delivered", "dead"],
            id="unexplained",
        ),
        pytest.param(
            200, {"partialFailureError": failure((None, "INTERNAL_ERROR"))}, ["retry"] * 3, id="everything-later"
        ),
        pytest.param(200, {"partialFailureError": {"details": "nope"}}, ["dead"] * 3, id="nonsense"),
        pytest.param(401, {"error": {"status": "UNAUTHENTICATED"}}, ["dead"] * 3, id="token"),
        pytest.param(429, {"error": {"status": "RESOURCE_EXHAUSTED"}}, ["retry"] * 3, id="quota"),
        pytest.param(503, b"<html>", ["retry"] * 3, id="down"),
        pytest.param(200, b"{cut off", ["retry"] * 3, id="unreadable"),
    ],
)  # fmt: skip
def test_each_conversion_has_its_own_outcome(status, body, expected):
    """One that Google refuses takes no other with it; no text of Google's is repeated."""
    answer = Answer(status, (), body if isinstance(body, bytes) else orjson.dumps(body))
    outcomes = google_ads.read_answer(answer, 3)
    assert [outcome.fate for outcome in outcomes] == [Fate(word) for word in expected]
    assert all(outcome.why is None or " " not in outcome.why for outcome in outcomes)


def test_the_ads_route_needs_a_developer_token():
    """One sentence with the remedy; Data Manager does without."""
    table = {key: value for key, value in EVERY_KIND["google_ads"].items() if key != "developer_token"}
    with pytest.raises(ConfigError, match="needs a `developer_token`"):
        make_policy(destinations={"to": table})
    to = make_policy(destinations={"to": table | {"route": "data_manager"}}).destinations["to"]
    assert to.endpoint == "https://datamanager.googleapis.com"


def test_check_warns_that_every_event_is_a_conversion():
    """A page view with a click id would be uploaded as one."""
    said = "destinations.to.events: missing; every event is uploaded as a conversion"
    assert any(line.startswith(said) for line in warnings(make_policy(destinations={"to": EVERY_KIND["google_ads"]})))
    named = make_policy(destinations={"to": EVERY_KIND["google_ads"] | {"events": ["purchase"]}})
    assert not any(line.startswith(said) for line in warnings(named))
