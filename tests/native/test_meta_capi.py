"""Meta's Conversions API through the gate: every coat, every personal field, every answer."""

from __future__ import annotations

import hashlib
import json
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.model import Answer, Call, Found
from gatekeeper.vendors.formats import coding, form
from tests.builders import NOW, make_gate, make_policy
from tests.native.kit import EVERYTHING, answered, everything, granting, query, sent
from tests.sizes import sized

ACCOUNT = "123456789"
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
    found = query(plan).get("data") or sent(plan)["data"]
    found = json.loads(found) if isinstance(found, str) else found
    return [json.loads(one) if isinstance(one, str) else one for one in found]


def send(call: Call, *granted: str, gate=None, **more):
    return granting(gate or make_gate(), "meta_capi", call, *(granted or EVERYTHING), **more)


COATS = ["json", form.URLENCODED, form.MULTIPART, "query"]


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


def test_no_secret_is_in_a_line_or_a_repr():
    """Neither the caller's nor the policy's."""
    gate = make_gate()
    made = send(posted([EVENT], token="access_token=OWNTOKEN"), gate=gate)
    answered(gate, made, Answer(400, (), b'{"error":{"message":"Malformed access token OWNTOKEN","code":190}}'))
    told = repr(made) + json.dumps(gate.recorder.lines)
    assert "OWNTOKEN" not in told and "META-TOKEN" not in told
    assert gate.recorder.lines[-1]["reason"] == "meta_190"


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


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["event_name", "event_time", "user_data", "custom_data", "em", "ph", "client_ip_address", "contents", "value",
         "data_processing_options", "data_processing_options_state", "app_data", "extinfo", "event_source_url"]
    ), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=sized(150), deadline=None)
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


@settings(max_examples=sized(150), deadline=None)
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
            response.status_code, response._content = made.answer.status, made.answer.body  # noqa: SLF001  # the SDK has no other way
            response.headers.update(dict(made.answer.headers))
            return response

        def close(self):
            pass

    api = FacebookAdsApi.init(access_token="EAATOKEN", crash_log=False)
    api._session.requests.mount("https://", Gate())  # noqa: SLF001  # the SDK has no other way
    user = UserData(email="jane@example.com", client_ip_address="203.0.113.9", client_user_agent="Mozilla/5.0")
    event = Event(event_name="Purchase", event_time=int(NOW) - 5, user_data=user, action_source=ActionSource.WEBSITE)
    for more in ((), ("marketing",)):
        granted += more
        response = EventRequest(pixel_id=ACCOUNT, events=[event, event]).execute()
        assert response.events_received == 2 and response.messages == [] and response.fbtrace_id
    blocked, sent = seen
    assert blocked.outgoing is None and blocked.reason == "no_marketing_consent"
    assert events_of(sent)[0]["user_data"]["em"] == [sha("jane@example.com")]
