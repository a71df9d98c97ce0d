"""Meta's Conversions API through the gate: every coat, every personal field, every answer."""

from __future__ import annotations

import hashlib
import json
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.model import Answer, Call, Found
from gatekeeper.testing import meta_event
from gatekeeper.testing.vendor import Report
from gatekeeper.vendors.formats import coding, form
from tests.builders import NOW, make_gate, make_policy
from tests.native.requests import EVERYTHING, answered, body, everything, planned, query, vector

ACCOUNT = "123456789"
HASHED = hashlib.sha256(b"u-77").hexdigest()
EVENT = {
    "event_name": "Purchase",
    "event_time": int(NOW) - 60,
    "event_id": "evt-1",
    "action_source": "website",
    "event_source_url": "https://shop.example/thanks?email=jane%40example.com&utm_source=mail",
    "user_data": {
        "em": ["Jane.Doe@Example.com "],
        "ph": "+1 (415) 555-0100",
        "external_id": "u-77",
        "client_ip_address": "203.0.113.9",
        "client_user_agent": "Mozilla/5.0",
        "fbp": "fb.1.1558571054389.1098115397",
        "madid": "6D92078A-8246-4BA4-AE5B-76104861E7DC",
        "lead_id": 12345678901,
    },
    "custom_data": {
        "value": 12.5, "currency": "eur", "order_id": "T1", "search_string": "jane.doe@example.com", "vip": True,
        "contents": [{"id": "sku1", "quantity": 1, "item_price": "12.5", "note": "for Jane"}], "content_ids": ["sku1"],
    },
}  # fmt: skip


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def changed(*, drop: tuple[str, ...] = (), user: dict | None = None, **keys) -> dict:
    event = {**EVENT, **keys}
    if user is not None:
        event["user_data"] = user
    return {key: value for key, value in event.items() if key not in drop}


def posted(events, *, coat: str = "json", headers=(), token: str = "access_token=OWN", coded: str = "", **top) -> Call:
    """A call with these events in a coat."""
    path = f"/v26.0/{ACCOUNT}/events"
    pairs = [*top.items(), ("data", events if isinstance(events, str) else json.dumps(events))]
    match coat:
        case "json":
            kind, plain = "application/json", json.dumps({**top, "data": events}).encode()
        case "query":
            return Call("POST", path, urlencode([*parse_qsl(token), *pairs]), headers, b"")
        case _:
            kind, plain = form.write(coat, pairs)
    head = (*headers, (b"content-type", kind.encode()), (b"content-encoding", coded.encode()))
    return Call("POST", path, token, head if coded else head[:-1], coding.encode(plain, coded))


def events_of(plan) -> list[dict]:
    """The events that were sent, whatever coat they are in."""
    found = query(plan).get("data") or body(plan)["data"]
    found = json.loads(found) if isinstance(found, str) else found
    return [json.loads(one) if isinstance(one, str) else one for one in found]


def send(call: Call, *granted: str, gate=None, **more):
    return planned(gate or make_gate(), "meta_capi", call, *(granted or EVERYTHING), **more)


COATS = ["json", form.URLENCODED, form.MULTIPART, "query"]


@pytest.mark.parametrize("coat", COATS)
@pytest.mark.parametrize("twice", [False, True], ids=["objects", "texts"])
def test_every_coat_is_taken_off_and_put_back_on(coat, twice):
    """The same events, in the same encoding, without what may not be sent."""
    events = [json.dumps(EVENT), json.dumps(EVENT)] if twice else [EVENT, EVENT]
    made = send(posted(events, coat=coat, test_event_code="TEST123", unheard_of="jane"))
    sent = events_of(made)
    assert len(sent) == 2 and made.header == "sent; elements=2/2"
    assert sent[0]["user_data"] == {
        "em": [sha("jane.doe@example.com")],
        "ph": sha("14155550100"),
        "external_id": HASHED,
        "client_ip_address": "203.0.113.9",
        "client_user_agent": "Mozilla/5.0",
        "fbp": "fb.1.1558571054389.1098115397",
    }
    assert sent[0]["event_source_url"] == "https://shop.example/thanks?utm_source=mail"
    assert sent[0]["custom_data"] == {
        "value": 12.5,
        "currency": "EUR",
        "order_id": "T1",
        "contents": [{"id": "sku1", "quantity": 1, "item_price": 12.5}],
        "content_ids": ["sku1"],
    }
    raw = query(made) if coat == "query" else body(made)
    assert raw["test_event_code"] == "TEST123" and "unheard_of" not in raw
    inner = json.loads(raw["data"]) if isinstance(raw["data"], str) else raw["data"]
    assert isinstance(inner[0], str) is twice
    assert isinstance(raw["data"], str) is (coat != "json")
    for text in (b"jane.doe", b"Jane", b"6D92078A", b"12345678901", b"vip"):
        assert text not in everything(made)


@pytest.mark.parametrize("coded", ["gzip", "deflate", "br"])
def test_the_content_coding_is_the_callers_own(coded):
    """Taken off to look inside, and put back on."""
    made = send(posted([EVENT], coded=coded))
    assert ("Content-Encoding", coded) in made.outgoing.headers
    assert events_of(made)[0]["event_name"] == "Purchase"


@pytest.mark.parametrize("name", ["meta-capi-python-sdk", "meta-capi-json-token-in-body"])
@pytest.mark.parametrize("granted", [(), ("analytics",), EVERYTHING], ids=["silent", "analytics", "everything"])
def test_real_requests_of_sdks(name, granted):
    """With marketing consent each named field goes by its rule; without it nothing goes."""
    made = planned(make_gate(), "meta_capi", vector(name), *granted)
    if granted != EVERYTHING:
        assert made.outgoing is None and made.reason == "no_marketing_consent"
        assert json.loads(made.answer.body)["events_received"] == 1 and made.answer.status == 200
        return
    (event,) = events_of(made)
    report = Report("")
    meta_event.check_event(event, "data[0]", NOW, report)
    assert report.problems == []
    assert "a@b.co" not in everything(made).decode() and "a%40b.co" not in everything(made).decode()
    if name == "meta-capi-python-sdk":
        user = event["user_data"]
        assert user["em"] == ["62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"]
        assert user["external_id"] == [HASHED]
        assert user["fbc"] == "fb.1.1554763741205.AbCdEfGhIjKlMnOpQrStUvWxYz1234567890"
        assert event["data_processing_options"] == ["LDU"]
        assert (event["data_processing_options_country"], event["data_processing_options_state"]) == (1, 1000)
        assert body(made)["partner_agent"] == "gk" and query(made) == {"access_token": "EAATOKEN"}
    else:
        assert body(made)["access_token"] == "EAATOKEN" and query(made) == {}


FIELDS = {
    "em": ("email_hash", "jane@example.com", sha("jane@example.com")),
    "ph": ("phone_hash", "+14155550100", sha("14155550100")),
    "fn": ("first_name_hash", "Mary-Jane", sha("maryjane")),
    "ln": ("last_name_hash", "O'Connor", sha("oconnor")),
    "db": ("date_of_birth_hash", "1997-02-16", sha("19970216")),
    "ge": ("gender_hash", "female", sha("f")),
    "ct": ("city_hash", "São Paulo", sha("sopaulo")),
    "st": ("state_hash", "California", sha("ca")),
    "zp": ("postal_code_hash", "94103-1234", sha("94103")),
    "country": ("country_hash", "United States", sha("us")),
    "external_id": ("external_id_hash", "U 77", sha("u77")),
    "client_ip_address": ("ip", "203.0.113.9", "203.0.113.9"),
    "client_user_agent": ("user_agent", "Mozilla/5.0", "Mozilla/5.0"),
    "fbc": ("fbc", "fb.1.1554763741205.IwAR2F4", "fb.1.1554763741205.IwAR2F4"),
    "fbp": ("fbp", "fb.1.1558571054389.1098115397", "fb.1.1558571054389.1098115397"),
}


@pytest.mark.parametrize("key", FIELDS)
@pytest.mark.parametrize("many", [False, True], ids=["value", "list"])
def test_each_personal_field_goes_hashed_or_clear_as_meta_defines_it(key, many):
    """And only where the allow-list names it."""
    field, raw, normal = FIELDS[key]
    base = {"em": sha("other@example.com"), "external_id": [sha("c1"), sha("c2")]}
    call = posted([changed(user={**base, key: [raw] if many else raw})])
    (event,) = events_of(send(call))
    assert event["user_data"][key] == ([normal] if many else normal)
    destination = {"kind": "meta_capi", "pixel_id": ACCOUNT, "access_token": "t"}
    listed = ["email", "external_id"] if key not in base else ["external_id" if key == "em" else "email"]
    narrow = make_gate(make_policy(destinations={"meta_capi": destination | {"fields": listed}}))
    made = send(call, gate=narrow)
    assert key not in events_of(made)[0]["user_data"]
    assert made.plans[0].decisions[0].stripped[field] == "not_needed"
    assert raw.encode() not in everything(made)


@pytest.mark.parametrize("hashed", [sha("a")[:63], sha("a") + "0", "z" * 64, sha("a").upper()[:40]])
def test_a_supplied_hash_passes_only_if_it_is_one(hashed):
    """Anything else is a raw value, and no e-mail address."""
    made = send(posted([changed(user={"em": hashed, "external_id": sha("c")})]))
    assert "em" not in events_of(made)[0]["user_data"]
    assert hashed.encode() not in everything(made)


@pytest.mark.parametrize("appendix", [".ABcDEFGh", ".Ab"])
def test_the_parameter_builders_appendix_survives(appendix):
    """On hashes, addresses and click ids; the address is judged without it."""
    user = {
        "em": sha("a") + appendix,
        "client_ip_address": f"2001:db8:85a3::8a2e:370:7334{appendix}",
        "fbc": f"fb.1.1554763741205.IwAR2F4{appendix}",
    }
    assert events_of(send(posted([changed(user=user)])))[0]["user_data"] == user
    private = {"em": sha("a"), "client_ip_address": f"192.168.0.7{appendix}"}
    assert "client_ip_address" not in events_of(send(posted([changed(user=private)])))[0]["user_data"]


@pytest.mark.parametrize(
    "user",
    [
        {"ct": "Berlin", "country": "de", "st": "be", "zp": "10115", "ge": "f", "client_user_agent": "Mozilla/5.0"},
        {"db": "1997-02-16", "client_user_agent": "Mozilla/5.0"},
        {"fn": "Jane", "ge": "f"},
        {"em": "not an address", "ge": "f"},
        {"madid": "6D92078A-8246-4BA4-AE5B-76104861E7DC"},
        {},
    ],
)
def test_an_event_that_meta_would_refuse_is_dropped_alone(user):
    """After stripping, the minimum is checked again; the others of the batch go out."""
    made = send(posted([changed(user=user), EVENT]))
    assert [plan.decisions[0].reason for plan in made.plans] == ["insufficient_data", None]
    assert len(events_of(made)) == 1
    alone = send(posted([changed(user=user)]))
    assert alone.outgoing is None and alone.reason == "insufficient_data"


def test_an_event_too_old_for_meta_is_dropped_alone():
    """It would fail the whole request."""
    old = int(NOW) - 8 * 86_400
    batch = [changed(event_time=old), changed(event_time=old, action_source="physical_store"), EVENT]
    made = send(posted(batch), since=30 * 86_400)
    assert made.header == "sent; elements=2/3"


def test_limited_data_use_is_only_ever_made_stricter():
    """What came limited stays so; an opt-out that is not honoured is told; nothing is loosened."""
    policy = make_policy(consent={"gpc": "where_required"}, jurisdiction={"default": "ucpa"})
    gate = make_gate(policy)
    gpc = (("sec-gpc", "1"),)
    (told,) = events_of(send(posted([EVENT]), gate=gate, headers=gpc, address="127.0.0.1"))
    assert told["data_processing_options"] == ["LDU"]
    (same,) = events_of(send(posted([changed(data_processing_options=["LDU"])]), gate=gate, address="127.0.0.1"))
    assert (same["data_processing_options"], same["data_processing_options_state"]) == (["LDU"], 0)
    none = changed(data_processing_options=[], data_processing_options_country=0, data_processing_options_state=0)
    (free,) = events_of(send(posted([none]), gate=gate, address="127.0.0.1"))
    assert "data_processing_options" not in free
    (opted,) = events_of(send(posted([none]), gate=gate, headers=gpc, address="127.0.0.1"))
    assert opted["data_processing_options"] == ["LDU"]


def test_limited_data_use_without_an_address_names_a_state():
    """Meta could not locate the visitor: the state is the visitor's, the caller's, or else the strictest known."""
    there = make_gate(make_policy(), lookup=lambda address: Found("US", "CO"))
    user = {"em": "jane@example.com"}
    limited = changed(user=user, data_processing_options=["LDU"])

    def state(call_event, **more):
        (event,) = events_of(send(posted([call_event]), **more))
        return event["data_processing_options_country"], event["data_processing_options_state"]

    assert state(limited) == (1, 1000)
    assert state(limited, gate=there, address="81.2.69.142") == (1, 1001)
    given = limited | {"data_processing_options_country": 1, "data_processing_options_state": 1003}
    assert state(given) == (1, 1003)
    assert state(limited | {"data_processing_options_country": "jane", "data_processing_options_state": 7}) == (1, 1000)


def test_the_token_is_the_callers_or_else_the_policys():
    """In query, body or header; a proof belongs to the caller's token only."""
    assert query(send(posted([EVENT], token="")))["access_token"] == "META-TOKEN"
    proof = "a" * 64
    assert "appsecret_proof" not in query(send(posted([EVENT], token=f"appsecret_proof={proof}")))
    both = query(send(posted([EVENT], token=f"access_token=OWN&appsecret_proof={proof}")))
    assert both == {"access_token": "OWN", "appsecret_proof": proof}
    bearer = send(posted([EVENT], token="", headers=((b"authorization", b"Bearer OWN"),)))
    assert ("Authorization", "Bearer OWN") in bearer.outgoing.headers and query(bearer) == {}
    in_body = send(posted([EVENT], token="", coat=form.MULTIPART, access_token="OWN"))
    assert body(in_body)["access_token"] == "OWN" and query(in_body) == {}


def test_no_secret_is_in_a_line_or_a_repr():
    """Neither the caller's nor the policy's."""
    gate = make_gate()
    made = send(posted([EVENT], token="access_token=OWNTOKEN"), gate=gate)
    answered(gate, made, Answer(400, (), b'{"error":{"message":"Malformed access token OWNTOKEN","code":190}}'))
    told = repr(made) + json.dumps(gate.recorder.lines)
    assert "OWNTOKEN" not in told and "META-TOKEN" not in told
    assert gate.recorder.lines[-1]["reason"] == "meta_190"


def test_another_pixel_is_not_ours_to_send_to():
    """The account must be the policy's."""
    call = posted([EVENT])
    made = send(Call("POST", "/v26.0/987/events", call.query, call.headers, call.body))
    assert made.outgoing is None and made.reason == "unlisted_destination"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v26.0/123456789/events"),
        ("POST", "/v26.0/123456789/events/../../me"),
        ("POST", "/v26.0/me/adaccounts"),
        ("POST", "/"),
        ("POST", "/v26.0/123456789/events%2f"),
    ],
)
def test_only_the_events_of_a_pixel_are_forwarded(method, path):
    """The batch endpoint and everything else of the Graph API is not."""
    made = send(Call(method, path, "batch=[]", (), b""))
    assert made.outgoing is None and made.reason == "call_unreadable"


def test_app_events_keep_what_meta_needs_of_extinfo():
    """Platform and version; the model, the carrier and the time zone describe a device."""
    device = ["a2", "com.shop", "7.7.1", "771", "10.1.1", "OnePlus6", "en_US", "GMT-1", "TMobile",
              "1920", "1080", "2.00", "2", "128", "8", "USA/New York"]  # fmt: skip
    app = {"advertiser_tracking_enabled": 1, "application_tracking_enabled": 0, "extinfo": device}
    made = send(posted([changed(action_source="app", app_data=app)]))
    (event,) = events_of(made)
    assert event["app_data"] == {
        "advertiser_tracking_enabled": 1,
        "application_tracking_enabled": 0,
        "extinfo": ["a2", "", "", "", "10.1.1", *[""] * 11],
    }
    assert b"OnePlus6" not in everything(made)
    assert "data.app_data.extinfo" in made.plans[0].decisions[0].stripped


def test_numbers_in_answers_are_the_callers_own():
    """Counts and indexes as if nothing had been dropped, and no secret of the policy's in a text."""
    gate = make_gate()
    made = send(posted([changed(user={}), EVENT, EVENT], token=""), gate=gate)
    assert made.header == "sent; elements=2/3"
    good = answered(gate, made, Answer(200, (), b'{"events_received":2,"messages":["data[0]: ok"],"fbtrace_id":"A1"}'))
    assert json.loads(good.body) == {"events_received": 3, "messages": ["data[1]: ok"], "fbtrace_id": "A1"}
    error = {
        "message": "bad data[1] with META-TOKEN",
        "code": 100,
        "error_subcode": 2804003,
        "error_user_msg": "data[1]",
        "secret": "x",
    }
    bad = answered(gate, made, Answer(400, (("Set-Cookie", "a=b"),), json.dumps({"error": error}).encode()))
    told = json.loads(bad.body)["error"]
    assert bad.status == 400 and bad.headers == (("Content-Type", "application/json"),)
    assert told["message"] == "bad data[2] with …" and told["error_user_msg"] == "data[2]" and "secret" not in told
    assert told["error_subcode"] == 2804003
    ends = [line["status"] for line in gate.recorder.lines if "status" in line]
    assert ends == ["delivered", "failed"]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Answer(200, (), b""), 502),
        (Answer(200, (), b"[1]"), 502),
        (Answer(503, (("Retry-After", "7"),), b"<html>"), 503),
        (Answer(500, (), b'{"oops":1}'), 500),
    ],
)
def test_an_answer_that_cannot_be_read_is_an_error_without_a_body(answer, status):
    """Never passed on as it is."""
    gate = make_gate()
    relayed = answered(gate, send(posted([EVENT]), gate=gate), answer)
    assert (relayed.status, relayed.body) == (status, b"")
    assert (("Retry-After", "7") in relayed.headers) == (status == 503)


BROKEN = {
    "empty": b"",
    "no-json": b"{",
    "list": b"[]",
    "duplicate": b'{"data":[],"data":[]}',
    "nan": b'{"data":[{"event_time":NaN}]}',
    "no-data": b'{"events":[]}',
    "data-number": b'{"data":7}',
    "data-of-numbers": b'{"data":[7]}',
    "text-of-nothing": b'{"data":"nothing"}',
    "texts-of-nothing": b'{"data":["nothing"]}',
    "deep": b'{"data":' + b"[" * 200 + b"]" * 200 + b"}",
    "latin-1": b'{"data":[{"event_name":"\xe9"}]}',
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("kind", ["application/json", form.URLENCODED, "multipart/form-data; boundary=x", "", "x/y"])
def test_what_cannot_be_read_is_blocked(name, kind):
    """And answered as Meta answers."""
    headers = ((b"content-type", kind.encode()),)
    made = send(Call("POST", f"/v26.0/{ACCOUNT}/events", "", headers, BROKEN[name]))
    assert made.outgoing is None and made.reason == "call_unreadable"
    assert json.loads(made.answer.body)["events_received"] == 0


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("data=[]&data=[]", b""),
        ("data=[]", b'{"data":[]}'),
        ("", b"--x\r\nContent-Disposition: form-data; name=data; filename=f\r\n\r\n[]\r\n--x--\r\n"),
        ("", b"--x\r\nContent-Disposition: form-data; name=data\r\n\r\n[]"),
    ],
)
def test_events_that_are_there_twice_or_in_a_file_are_blocked(query, text):
    """Two parsers could read two different things."""
    headers = ((b"content-type", b"multipart/form-data; boundary=x"),)
    made = send(Call("POST", f"/v26.0/{ACCOUNT}/events", query, headers, text))
    assert made.outgoing is None and made.reason == "call_unreadable"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["event_name", "event_time", "user_data", "custom_data", "em", "ph", "client_ip_address", "contents", "value",
         "data_processing_options", "data_processing_options_state", "app_data", "extinfo", "event_source_url"]
    ), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(JSON, st.sampled_from(COATS), st.booleans())
def test_no_shape_of_json_makes_the_gate_fail(value, coat, alone):
    """Blocked for a reason that says why, or sent; never an error of the gate's own."""
    events = value if alone else [EVENT, value]
    try:
        call = posted(json.dumps(events) if coat != "json" else events, coat=coat)
    except (ValueError, UnicodeEncodeError):
        return
    made = send(call)  # an event from before the grant has no consent
    assert made.reason in (None, "call_unreadable", "insufficient_data", "no_marketing_consent")


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=200), st.sampled_from(["application/json", form.URLENCODED, "multipart/form-data; boundary=x"])
)
def test_no_bytes_make_the_gate_fail(noise, kind):
    """Whatever stands in the body."""
    made = send(Call("POST", f"/v26.0/{ACCOUNT}/events", "", ((b"content-type", kind.encode()),), noise))
    assert made.outgoing is None and made.reason in ("call_unreadable", "insufficient_data")


def test_the_sdk_takes_our_answer_for_metas():
    """facebook-business itself, its HTTP requests turned into calls."""
    import requests
    from facebook_business.adobjects.serverside.action_source import ActionSource
    from facebook_business.adobjects.serverside.event import Event
    from facebook_business.adobjects.serverside.event_request import EventRequest
    from facebook_business.adobjects.serverside.user_data import UserData
    from facebook_business.api import FacebookAdsApi

    seen = []
    granted: list[str] = ["analytics"]

    class Gate(requests.adapters.BaseAdapter):
        def send(self, request, **options):
            parts = urlsplit(request.url)
            headers = tuple((k.lower().encode(), str(v).encode()) for k, v in request.headers.items())
            text = request.body.encode() if isinstance(request.body, str) else request.body or b""
            made = send(Call(request.method, parts.path, parts.query, headers, text), *granted)
            seen.append(made)
            response = requests.Response()
            response.status_code, response._content = made.answer.status, made.answer.body
            response.headers.update(dict(made.answer.headers))
            return response

        def close(self):
            pass

    api = FacebookAdsApi.init(access_token="EAATOKEN", crash_log=False)
    api._session.requests.mount("https://", Gate())
    user = UserData(email="jane@example.com", client_ip_address="203.0.113.9", client_user_agent="Mozilla/5.0")
    event = Event(event_name="Purchase", event_time=int(NOW) - 5, user_data=user, action_source=ActionSource.WEBSITE)
    for more in ((), ("marketing",)):
        granted += more
        response = EventRequest(pixel_id=ACCOUNT, events=[event, event]).execute()
        assert response.events_received == 2 and response.messages == [] and response.fbtrace_id
    blocked, sent = seen
    assert blocked.outgoing is None and blocked.reason == "no_marketing_consent"
    assert events_of(sent)[0]["user_data"]["em"] == [sha("jane@example.com")]
