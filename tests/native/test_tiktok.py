"""TikTok's Events API and web pixel through the gate: real requests in, what may be sent out."""

import hashlib
import json

import pytest

from gatekeeper.calls import finish_call
from gatekeeper.model import Answer
from tests.builders import HASH, NOW
from tests.native.vendor_calls import (
    GPC,
    GRANTED,
    LIMITED,
    LONG_GRANTED,
    REFUSED,
    call_of,
    gate_of,
    planned,
    posted,
    sent_json,
    sent_text,
)

TRACK = "/open_api/v1.3/event/track/"
NOW_TEXT = "2026-11-23T23:59:50Z"


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def old(**changes):
    """The pixel/track vector, of now."""
    return call_of("tiktok-v1-pixel-track", body=lambda data: data | {"timestamp": NOW_TEXT} | changes)


def web(**changes):
    """The web pixel's vector, of now."""
    return call_of("tiktok-web-pixel", body=lambda data: data | {"timestamp": NOW_TEXT} | changes)


def event(**changes):
    """An event of the API 2.0."""
    return {
        "event": "Purchase", "event_time": int(NOW) - 10, "event_id": "evt-1",
        "user": {"email": " Jo.Doe@Example.com ", "phone": "+1 650 555 1212", "external_id": "C 7", "locale": "en",
                 "ttclid": "E.C.P.abc", "ip": "203.0.113.9", "user_agent": "Mozilla/5.0", "city": "San José",
                 "idfa": "AAAA-BBBB"},
        "properties": {"value": 46, "currency": "USD", "order_id": "T1", "note": "for Jo",
                       "contents": [{"content_id": "1077218", "price": "8", "quantity": 2, "gift_to": "Jo"}]},
        "page": {"url": "https://shop.example/done?mail=jo.doe@example.com&ttclid=E.C.P.x", "referrer": "https://r.example/"},
        **changes,
    }  # fmt: skip


def track(*events, headers=(), **top):
    """A call of event/track."""
    return posted(
        TRACK, {"event_source": "web", "event_source_id": "PIXEL", "data": list(events), **top}, headers=headers
    )


GATE_OLD = gate_of("tiktok", pixel_code="A1T8T4UYGVIQA8ORZMX9")
GATE_WEB = gate_of("tiktok", pixel_code="BT24M8TQUU2IQ2BVG9NG")
GATE_NEW = gate_of("tiktok", pixel_code="COQDA8RC77U2TMR44LI0")
NEW = call_of("tiktok-event-track")
GATE = gate_of("tiktok")


def test_an_event_keeps_what_tiktok_matches_on_hashed_by_its_rules():
    """Raw values in, hashes out; addresses without what nobody asked for; no field that no table has."""
    made = planned(GATE, track(event()), GRANTED)
    body = sent_json(made)
    (sent,) = body["data"]
    assert sent == {
        "event": "Purchase",
        "event_time": int(NOW) - 10,
        "event_id": "evt-1",
        "user": {
            "email": sha("jo.doe@example.com"), "phone": sha("+16505551212"), "external_id": sha("c7"),
            "ttclid": "E.C.P.abc", "ip": "203.0.113.9", "user_agent": "Mozilla/5.0", "city": "sanjos",
        },
        "properties": {
            "value": 46, "currency": "USD", "order_id": "T1",
            "contents": [{"content_id": "1077218", "price": 8, "quantity": 2}],
        },
        "page": {"url": "https://shop.example/done"},
    }  # fmt: skip
    assert body["event_source_id"] == "PIXEL" and body["event_source"] == "web"
    decision = made.plans[0].decisions[0]
    assert {"email_hash", "phone_hash", "city", "ttclid", "page_url", "items"} <= decision.kept.keys()
    assert "city_hash" not in decision.stripped
    assert {"user.idfa": "unknown_field", "language": "purpose", "referrer": "not_needed"}.items() <= (
        decision.stripped.items()
    )


@pytest.mark.parametrize("said", [(), (REFUSED,), (GRANTED, GPC)], ids=["silent", "refused", "gpc"])
@pytest.mark.parametrize(("gate", "call"), [(GATE_OLD, old()), (GATE_WEB, web()), (GATE_NEW, NEW)])
def test_without_permission_nothing_is_sent_and_the_sdk_gets_its_success(said, gate, call):
    """TikTok has no flag for a refusal: denied means not called. Success is code 0 inside a 200."""
    made = planned(gate, call, *said)
    assert made.outgoing is None and made.reason in ("no_marketing_consent", "gpc_opt_out")
    assert made.answer.status == 200 and json.loads(made.answer.body)["code"] == 0


GOES_OLD = {"context.ad.callback", "context.page.url", "context.user.external_id", "context.user.phone_number",
            "context.user.email", "context.ip", "context.user_agent"}  # fmt: skip


def at(data, path):
    for step in path.split("."):
        data = data[int(step)] if step.isdigit() else data.get(step, {})
    return data or None


@pytest.mark.parametrize(
    ("gate", "call", "path", "goes"),
    [
        *((GATE_OLD, old(), path, True) for path in sorted(GOES_OLD)),
        (GATE_OLD, old(), "context.page.referrer", False),
        *(
            (GATE_NEW, NEW, "data.0." + path, True)
            for path in ("user.email", "user.phone", "user.external_id", "user.first_name", "user.zip_code",
                         "user.city", "user.state", "user.country", "user.ttclid", "user.ttp", "user.ip",
                         "user.user_agent", "page.url", "ad.callback", "properties.order_id", "properties.contents")
        ),
        *(
            (GATE_NEW, NEW, "data.0." + path, False)
            for path in ("user.locale", "page.referrer", "properties.description", "properties.query")
        ),
        *(
            (GATE_WEB, web(), "context." + path, True)
            for path in ("ad.callback", "user.email", "user.phone_number", "user.external_id", "user.anonymous_id",
                         "page.url", "userAgent")
        ),
        *(
            (GATE_WEB, web(), "context." + path, False)
            for path in ("user.user_id", "user.device_id", "page.referrer", "session_id", "device.platform",
                         "variation_id", "ad.log_extra")
        ),
    ],
)  # fmt: skip
def test_each_personal_field_of_the_vectors(gate, call, path, goes):
    """With consent: what the default list names goes, everything else is stripped."""
    assert (at(sent_json(planned(gate, call, LONG_GRANTED)), path) is not None) is goes


def test_the_pixels_page_address_loses_its_click_id():
    """`?ttclid=` is lifted out: the id has a place of its own."""
    assert sent_json(planned(GATE_WEB, web(), GRANTED))["context"]["page"] == {"url": "https://shop.example/"}


def test_a_policy_that_names_less_sends_less():
    """The allow-list rules calls as it rules events."""
    gate = gate_of("tiktok", fields=["email", "order_value"])
    (sent,) = sent_json(planned(gate, track(event()), GRANTED))["data"]
    assert sent["user"] == {"email": sha("jo.doe@example.com")} and sent["properties"] == {"value": 46}
    assert "page" not in sent


def test_both_shapes_of_an_event_are_read_in_a_batch():
    """walkerOS puts `context` into event/track: nothing in it escapes the table."""
    mixed = event(context={"user": {"email": "a@b.example", "nickname": "jojo"}, "ip": "203.0.113.9"})
    (sent,) = sent_json(planned(GATE, track(mixed), GRANTED))["data"]
    assert sent["context"] == {"user": {"email": sha("a@b.example")}, "ip": "203.0.113.9"}


def test_the_batch_of_the_old_api():
    """Events under `batch`, the pixel beside them."""
    data = {"pixel_code": "PIXEL", "batch": [event(), event(event_id="evt-2")], "secret": "x"}
    body = sent_json(planned(GATE, posted("/open_api/v1.3/pixel/batch/", data), GRANTED))
    assert body["pixel_code"] == "PIXEL" and body.keys() == {"pixel_code", "batch"}
    assert [one["event_id"] for one in body["batch"]] == ["evt-1", "evt-2"]


def test_an_event_with_nobody_to_match_is_left_out_of_its_batch():
    """Elements are dropped one by one."""
    nobody = event(event_id="evt-2", user={"ip": "203.0.113.9"})
    made = planned(GATE, track(event(), nobody, event(event_id="evt-3")), GRANTED)
    assert [one["event_id"] for one in sent_json(made)["data"]] == ["evt-1", "evt-3"]
    assert [one.decisions[0].reason for one in made.plans] == [None, "insufficient_data", None]
    assert made.header == "sent; elements=2/3"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"user": {"user_agent": "Mozilla/5.0"}}, "nothing is left that TikTok could match a visitor on"),
        ({"event": "jo.doe@example.com"}, "event missing"),
        (
            {"user": {}, "properties": {"email": "jo.doe@example.com"}},
            "nothing is left that TikTok could match a visitor on",
        ),
    ],
)
def test_the_minimum_is_that_of_events(change, why):
    """The same rule as for events of ours."""
    made = planned(GATE, track(event(**change)), GRANTED)
    assert made.reason == "insufficient_data" and made.plans[0].decisions[0].steps[-1].why == why


def test_a_servers_own_user_agent_matches_nobody():
    """The header of a call of the API is a program's: with an address alone there is nobody to match."""
    call = track(event(user={"ip": "203.0.113.9"}), headers=((b"user-agent", b"python-requests/2"),))
    assert planned(GATE, call, GRANTED).reason == "insufficient_data"


@pytest.mark.parametrize("came", [True, "yes", 1, 0])
def test_limited_data_use_is_never_taken_back(came):
    """An incoming flag stays; one that is no truth value counts as set."""
    (sent,) = sent_json(planned(GATE, track(event(limited_data_use=came)), GRANTED))["data"]
    assert sent["limited_data_use"] is True


def test_limited_data_use_is_set_for_a_visitor_who_opted_out():
    """GPC that a policy honours only where it must is still told to the vendor, against the event's own word."""
    for came in ({}, {"limited_data_use": False}):
        made = planned(gate_of("tiktok", LIMITED), track(event(**came)), GPC, address="127.0.0.1")
        assert sent_json(made)["data"][0]["limited_data_use"] is True


def test_a_callers_own_token_goes_on_and_the_policys_is_put_in_where_there_is_none():
    """The token is in no other place, whoever it is from."""
    own = planned(GATE, track(event(), headers=((b"access-token", b"TTTOKEN"),)), GRANTED).outgoing
    assert [value for name, value in own.headers if name == "Access-Token"] == ["TTTOKEN"]
    policys = planned(GATE, track(event()), GRANTED).outgoing
    assert [value for name, value in policys.headers if name == "Access-Token"] == ["TIKTOK-TOKEN"]
    assert "TOKEN" not in policys.url + policys.body.decode()


def test_no_secret_stands_in_the_audit_or_in_what_is_printed():
    """Tokens are nobody's business but the vendor's."""
    made = planned(GATE, track(event(), headers=((b"access-token", b"TTTOKEN"),)), GRANTED)
    assert "TTTOKEN" not in repr(made) and "TIKTOK-TOKEN" not in repr(made)


@pytest.mark.parametrize(
    "call",
    [track(event(), event_source_id="OTHER"), web(), track(event(context={"pixel": {"code": "OTHER"}}))],
    ids=["api", "web", "inside"],
)
def test_a_call_for_another_pixel_is_not_for_us_to_send(call):
    """The gate is no open relay."""
    made = planned(GATE, call, GRANTED)
    assert made.outgoing is None and made.reason == "unlisted_destination"


def test_the_web_pixels_lists_stay_lists():
    """pixel.js sends several events as an array."""
    one = json.loads(web().body)
    call = posted("/api/v2/pixel/act", [one, one | {"event_id": "evt-2"}])
    assert [row["event_id"] for row in sent_json(planned(GATE_WEB, call, GRANTED))] == ["evt-1", "evt-2"]


def test_an_id_that_is_an_address_is_none():
    """A personal shape in an event's id does not pass as mechanics."""
    made = planned(GATE, track(event(event_id="jo.doe@example.com")), GRANTED)
    assert 'example.com"' not in sent_text(made) and "jo.doe@" not in sent_text(made)


ANSWER = {"code": 20001, "message": "Batch.1.user.email is no hash", "request_id": "2026ABC", "data": {}}


def sent_two_of_three():
    nobody = event(user={})
    return planned(GATE, track(event(), nobody, event(event_id="evt-3")), GRANTED)


def test_an_answer_counts_events_as_the_caller_did():
    """Batch.1 of what was sent is Batch.2 of what the caller wrote; its fate is in the audit."""
    made = sent_two_of_three()
    answer = Answer(200, (("Set-Cookie", "ttp=1"),), json.dumps(ANSWER).encode())
    told = finish_call(GATE, made, answer)
    assert told.headers == (("Content-Type", "application/json"),)
    assert json.loads(told.body) == ANSWER | {"message": "Batch.2.user.email is no hash"}
    ends = {line["status"]: line for line in GATE.recorder.lines[-2:]}
    assert ends["failed"]["request_ids"] == [made.plans[2].request_id] and ends["failed"]["reason"] == "tiktok_20001"


def test_failed_events_are_renumbered_too():
    """The list that Events API 1.0 gives for a partly successful batch."""
    rows = [{"order_in_batch": 1, "error_code": 40002, "error_message": "Batch.1 bad"}, {"order_in_batch": 9}]
    body = json.dumps(ANSWER | {"message": "TIKTOK-TOKEN is bad", "data": {"failed_events": rows}}).encode()
    told = json.loads(finish_call(GATE, sent_two_of_three(), Answer(200, (), body)).body)
    assert told["data"] == {
        "failed_events": [{"order_in_batch": 2, "error_code": 40002, "error_message": "Batch.2 bad"}]
    }
    assert told["message"] == "*** is bad"


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Answer(503, (("Retry-After", "7"),), b"<html>"), 503),
        (Answer(200, (), b"<html>"), 502),
        (Answer(200, (), b'{"code":"x"}'), 502),
        (Answer(200, (), b"[1]"), 502),
    ],
)
def test_what_is_no_answer_of_the_api_is_its_status_alone(answer, status):
    """No vendor's page reaches the caller."""
    told = finish_call(GATE, sent_two_of_three(), answer)
    assert told.status == status and told.body == b""
    assert told.headers == ((("Retry-After", "7"),) if status == 503 else ())


def test_a_supplied_hash_passes_and_a_broken_one_does_not():
    """64 hexadecimal digits, nothing else."""
    (sent,) = sent_json(planned(GATE, track(event(user={"email": [HASH.upper(), "abc"], "ttp": "t1"})), GRANTED))[
        "data"
    ]
    assert sent["user"] == {"email": [HASH], "ttp": "t1"}
