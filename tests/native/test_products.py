"""What is particular to one analytics product."""

import base64
import gzip
import json
from urllib.parse import parse_qs

import pytest

from gatekeeper.gate import Caller
from gatekeeper.model import Answer
from tests.native.calling import (
    answered,
    everything,
    gate_of,
    plan,
    request,
    sent,
    sent_pairs,
    stamp,
    stripped,
    visitor,
)

ME = visitor("analytics")
ALL = visitor("analytics", "marketing")


def base64_of(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


# Plausible


def test_plausible_takes_the_scripts_short_keys_as_text():
    """The browser script posts text/plain with one-letter keys."""
    body = {"n": "pageview", "u": "https://shop.example/?token=abc", "d": "shop.example", "r": None, "v": 12, "h": 1}
    made = plan(gate_of("plausible"), request("/api/event", body, content_type="text/plain"), ME)
    assert sent(made) == {"n": "pageview", "u": "https://shop.example/", "d": "shop.example", "v": 12, "h": 1}
    assert ("Content-Type", "text/plain") in made.outgoing.headers


def test_properties_of_the_sites_own_go_as_far_as_the_policy_names_them():
    """`props.plan` is a field of the policy's own; `props.note` is nobody's."""
    from tests.builders import make_gate, make_policy

    policy = make_policy(
        fields={"plan": {"purposes": ["analytics"], "type": "text"}},
        destinations={
            "it": {
                "kind": "first_party", "speaks": "plausible", "endpoint": "http://127.0.0.1:9",
                "fields": ["page_url", "plan"],
            }
        },
    )  # fmt: skip
    body = {
        "name": "Signup", "url": "https://shop.example/", "domain": "shop.example",
        "props": {"plan": "gold, for jane@example.com", "note": "x"},
    }  # fmt: skip
    made = plan(make_gate(policy), request("/api/event", body), ME)
    assert sent(made)["props"] == {"plan": "gold, for [email]"}
    assert stripped(made) == [{"props.note": "unknown_field"}]


# PostHog


@pytest.mark.parametrize("path", ["/e/", "/e", "/capture/", "/i/v0/e/", "/track/", "/batch/", "/engage/"])
def test_posthog_takes_single_events_lists_and_batches(path):
    """The same event in each of the three shapes."""
    event = {"event": "seen", "distinct_id": "a", "properties": {"$ip": "203.0.113.9", "$lib": "web"}}
    left = {"event": "seen", "distinct_id": "a", "properties": {"$lib": "web"}}
    for shape in (lambda one: one, lambda one: [one], lambda one: {"batch": [one]}):
        assert sent(plan(gate_of("posthog"), request(path, shape(event)), ME)) == shape(left)


def test_posthog_js_compresses_without_saying_so():
    """`compression=gzip-js`: gzip under text/plain, and the same again outward."""
    body = gzip.compress(
        json.dumps({"event": "$pageview", "distinct_id": "a", "properties": {"$ip": "1.2.3.4"}}).encode()
    )
    call = request("/e/?compression=gzip-js&ip=1", body, content_type="text/plain")
    made = plan(gate_of("posthog"), call, ME)
    assert made.outgoing.body[:2] == b"\x1f\x8b"
    assert sent(made) == {"event": "$pageview", "distinct_id": "a"}
    assert sent_pairs(made) == {"compression": "gzip-js"}


def test_a_content_encoding_is_put_back_on():
    """posthog-python's way: the body is compressed and says so."""
    body = gzip.compress(json.dumps({"event": "x", "distinct_id": "a"}).encode())
    made = plan(
        gate_of("posthog"), request("/batch/", body, content_encoding="gzip", content_type="application/json"), ME
    )
    assert ("Content-Encoding", "gzip") in made.outgoing.headers
    assert sent(made) == {"event": "x", "distinct_id": "a"}


@pytest.mark.parametrize("path", ["/flags/?v=2", "/decide/?v=3"])
def test_posthog_feature_flags_without_consent_are_none(path):
    """Evaluating them tells PostHog of the person; the SDK gets its shape with nothing in it."""
    made = plan(gate_of("posthog"), request(path, {"token": "phc", "distinct_id": "a"}))
    assert made.outgoing is None
    status, body = answered(made.answer)
    assert status == 200
    assert (body["flags"], body["featureFlags"], body["errorsWhileComputingFlags"]) == ({}, {}, False)


def test_posthog_feature_flags_with_consent_are_posthogs_own():
    """The answer is what the call was made for; what is known of the person stays here."""
    person = {
        "token": "phc",
        "distinct_id": "a",
        "person_properties": {"email": "jane@example.com"},
        "$anon_distinct_id": "b",
    }
    made = plan(gate_of("posthog"), request("/flags/?v=2", person), ME)
    assert sent(made) == {"token": "phc", "distinct_id": "a", "$anon_distinct_id": "b"}
    theirs = Answer(200, (("Set-Cookie", "a=b"),), b'{"flags":{"new-shop":{"enabled":true}}}')
    assert answered(made.dialect.relayed(theirs, made.native, made.kept)) == (
        200,
        {"flags": {"new-shop": {"enabled": True}}},
    )


@pytest.mark.parametrize("garbage", [b"<html>", b"[1]", b"", b"\xff"])
def test_posthog_flags_that_nobody_can_read_are_none(garbage):
    """An SDK that expects an object gets one."""
    made = plan(gate_of("posthog"), request("/flags/", {"token": "phc", "distinct_id": "a"}), ME)
    assert answered(made.dialect.relayed(Answer(200, (), garbage), made.native, made.kept))[1]["flags"] == {}


def test_posthog_recordings_are_never_sent():
    """A screen is more than any list of fields can say."""
    made = plan(gate_of("posthog"), request("/s/?compression=gzip-js", b"\x1f\x8bnobody reads this"), ALL)
    assert made.outgoing is None and answered(made.answer) == (200, {"status": "Ok"})


def test_posthog_autocapture_says_what_happened_and_not_what_was_read():
    """Elements and their texts are no fields."""
    event = {
        "event": "$autocapture",
        "distinct_id": "a",
        "properties": {
            "$event_type": "click",
            "$elements": [{"tag_name": "a", "$el_text": "Jane's orders", "attr__href": "/u/jane"}],
            "$el_text": "Jane's orders",
            "$set": {"email": "jane@example.com"},
            "$set_once": {"$initial_referrer": "https://x.example/"},
            "$current_url": "https://shop.example/account?email=jane@example.com",
        },
    }
    made = plan(gate_of("posthog"), request("/e/", event), ALL)
    assert sent(made) == {
        "event": "$autocapture", "distinct_id": "a", "properties": {"$current_url": "https://shop.example/account"},
    }  # fmt: skip


def test_an_identifier_that_holds_an_address_is_no_identifier():
    """Sites that identify people by their e-mail: nothing is left to count."""
    made = plan(gate_of("posthog"), request("/e/", {"event": "seen", "distinct_id": "jane@example.com"}), ALL)
    assert made.outgoing is None and made.reason == "insufficient_data"


def test_posthog_experiments_keep_their_flag():
    """Which flag answered what; of properties named by the flag, nothing."""
    properties = {"$feature_flag": "new-shop", "$feature_flag_response": "test", "$feature/new-shop": "jane"}
    made = plan(
        gate_of("posthog"),
        request("/e/", {"event": "$feature_flag_called", "distinct_id": "a", "properties": properties}),
        ME,
    )
    assert sent(made)["properties"] == {"$feature_flag": "new-shop", "$feature_flag_response": "test"}


@pytest.mark.parametrize("name", ["jane@example.com", "+49 151 23456789", "x" * 200, "kauf\n"])
def test_a_name_that_is_none_stands_in_no_audit_line(name):
    """Event names come from outside, too; an event without one is none of PostHog's."""
    made = plan(gate_of("posthog"), request("/e/", {"event": name, "distinct_id": "a"}), ME)
    assert [one.event.name for one in made.plans] == ["unnamed"]
    assert made.outgoing is None or name not in everything(made.outgoing)


# Segment and RudderStack


def consent(**preferences: bool) -> dict[str, object]:
    return {"consent": {"categoryPreferences": preferences}}


def test_a_messages_own_consent_only_narrows():
    """Analytics refused in the message beats the cookie; granted in the message is nothing without it."""
    refused = {
        "type": "track",
        "event": "seen",
        "anonymousId": "a",
        "context": consent(Analytics=False, Advertising=False),
    }
    granted = {
        "type": "track",
        "event": "seen",
        "anonymousId": "a",
        "context": consent(Analytics=True, Advertising=True),
    }
    gate = gate_of("segment")
    assert plan(gate, request("/v1/track", refused), ME).reason == "no_analytics_consent"
    assert plan(gate, request("/v1/track", granted)).reason == "no_analytics_consent"


def test_a_messages_own_consent_goes_on_stricter():
    """Marketing was not granted: nothing that might be advertising is on, in no message of the batch."""
    message = {
        "type": "track",
        "event": "seen",
        "anonymousId": "a",
        "context": {
            **consent(Analytics=True, Advertising=True, Targeting=True, **{"Our Partners": True}),
            "consentManagement": {"allowedConsentIds": ["C0002", "C0004", "ours"], "deniedConsentIds": ["C0005"]},
        },
        "integrations": {"All": True, "Facebook Pixel": False, "jane@example.com": False},
    }
    made = plan(gate_of("segment"), request("/v1/batch", {"batch": [message]}), ME)
    (left,) = sent(made)["batch"]
    assert left["context"] == {
        "consent": {
            "categoryPreferences": {"Analytics": True, "Advertising": False, "Targeting": False, "Our Partners": False}
        },
        "consentManagement": {"allowedConsentIds": ["C0002"], "deniedConsentIds": ["C0005"]},
    }
    assert left["integrations"] == {"Facebook Pixel": False}


def test_a_messages_own_consent_goes_on_as_it_is_where_all_is_granted():
    """No stricter than the visitor was, no looser than the message."""
    message = {"type": "page", "anonymousId": "a", "context": consent(Analytics=True, Advertising=True)}
    made = plan(gate_of("segment"), request("/v1/page", message), ALL)
    assert sent(made)["context"] == consent(Analytics=True, Advertising=True)


def test_a_batchs_own_consent_holds_for_messages_without_one():
    """Segment puts the batch's context into each message; it narrows, and goes on stricter, as a message's own."""
    gate = gate_of("segment")
    message = {"type": "page", "anonymousId": "a"}
    refused = {"batch": [message], "context": consent(Analytics=False, Advertising=False)}
    assert plan(gate, request("/v1/batch", refused), ALL).reason == "no_analytics_consent"
    own = {**message, "context": consent(Analytics=True, Advertising=False)}
    body = {"batch": [message, own], "context": consent(Analytics=True, Advertising=True)}
    made = plan(gate, request("/v1/batch", body), ME)
    assert sent(made)["context"] == consent(Analytics=True, Advertising=False)
    assert len(sent(made)["batch"]) == 2


@pytest.mark.parametrize(
    "context",
    [
        {"consent": {"categoryPreferences": [{"Advertising": True}]}},
        {"consent": {"categoryPreferences": "Advertising"}},
        {"consent": [{"categoryPreferences": {"Advertising": True}}]},
        {"consentManagement": {"allowedConsentIds": "C0004"}},
        {"consentManagement": {"allowedConsentIds": [["C0004"], {"a": "C0004"}]}},
        {"consentManagement": [{"allowedConsentIds": ["C0004"]}]},
    ],
)
def test_consent_objects_of_other_shapes_say_nothing_onward(context):
    """Denied where they cannot be read; never repeated."""
    made = plan(gate_of("segment"), request("/v1/page", {"type": "page", "anonymousId": "a", "context": context}), ME)
    assert made.outgoing is None or "C0004" not in everything(made.outgoing)
    assert made.reason != "internal_error"


def test_traits_go_only_as_hashes_and_only_for_marketing():
    """A raw address never; the purpose of the destination decides over the hash."""
    hashed = "a" * 64
    message = {
        "type": "identify",
        "userId": "u-1",
        "traits": {"email": "jane@example.com", "email_hash": hashed, "plan": "x"},
    }
    made = plan(gate_of("segment"), request("/v1/identify", message), ALL)
    assert sent(made) == {"type": "identify", "userId": "u-1"}
    gate = gate_of("segment", purpose="marketing", fields=["email", "page_url"])
    message = {"type": "page", "anonymousId": "a", "traits": {"email_hash": hashed}, "properties": {"url": "/x"}}
    made = plan(gate, request("/v1/page", message), ALL)
    assert made.reason == "insufficient_data", "neither id has a place under marketing"


def test_the_write_key_goes_to_segment_and_nowhere_else():
    """In the body, or as HTTP Basic; the policy's own only where the caller has none."""
    message = {"type": "page", "anonymousId": "a"}
    gate = gate_of("segment", api_key="POLICY-KEY")
    assert sent(plan(gate, request("/v1/page", message), ME))["writeKey"] == "POLICY-KEY"
    assert sent(plan(gate, request("/v1/page", {**message, "writeKey": "WK"}), ME))["writeKey"] == "WK"
    made = plan(gate, request("/v1/page", message, authorization="Basic V0s6"), ME)
    assert ("Authorization", "Basic V0s6") in made.outgoing.headers and "writeKey" not in sent(made)
    assert "WK" not in repr(made) and "V0s6" not in repr(made) and "POLICY-KEY" not in repr(made)


def test_segments_campaign_is_what_the_url_may_say_too():
    """utm parameters stay in URLs; the same words stay here, and nothing that is more than a word."""
    campaign = {"name": "Spring sale", "source": "newsletter", "content": "for jane@example.com", "term": "jane doe"}
    message = {
        "type": "page",
        "anonymousId": "a",
        "context": {"campaign": campaign, "userAgent": "M", "ip": "203.0.113.9"},
    }
    made = plan(gate_of("segment"), request("/v1/page", message), ME)
    assert sent(made)["context"] == {"campaign": {"name": "Spring sale", "source": "newsletter"}}
    gate = gate_of("segment", fields=["client_id", "user_agent"])
    assert sent(plan(gate, request("/v1/page", message), ME))["context"]["userAgent"] == "M"


def test_a_key_that_is_none_is_not_sent():
    """Whatever stands in its place must be a key; the policy's own is used then."""
    message = {"type": "page", "anonymousId": "a"}
    for key in ("jane@example.com", "Jane Doe", 7, "x" * 2000, ""):
        made = plan(gate_of("segment", api_key="OURS"), request("/v1/batch", {"writeKey": key, "batch": [message]}), ME)
        assert sent(made)["writeKey"] == "OURS"


def test_rudderstack_answers_in_its_own_way():
    """Text, status 200; the pixel is a pixel."""
    gate = gate_of("rudderstack")
    assert answered(plan(gate, request("/v1/batch", {"batch": [{"type": "page"}]})).answer) == (200, b"ok")
    assert answered(plan(gate, request("/beacon/v1/batch", {"batch": [{"type": "page"}]})).answer) == (200, b"ok")
    pixel = request("/pixel/v1/page?writeKey=WK&anonymousId=a&type=page&context.ip=203.0.113.9", method="GET")
    assert plan(gate, pixel).answer.body[:6] == b"GIF89a"
    assert sent_pairs(plan(gate, pixel, ME)) == {"writeKey": "WK", "anonymousId": "a", "type": "page"}


def test_segments_own_metrics_are_not_sent():
    """They say which integrations a page runs, and nothing that the site asked for."""
    made = plan(gate_of("segment"), request("/v1/m", {"series": [{"type": "Counter"}]}), ALL)
    assert made.outgoing is None and answered(made.answer) == (200, {"success": True})


# Mixpanel


@pytest.mark.parametrize("write", [json.dumps, base64_of], ids=["json", "base64"])
@pytest.mark.parametrize("place", ["form", "query"])
def test_mixpanel_takes_a_form_or_a_query(write, place):
    """And answers 1, or JSON where it was asked to."""
    from urllib.parse import quote

    event = {
        "event": "seen",
        "properties": {"distinct_id": "a", "token": "T", "ip": "203.0.113.9", "$email": "j@x.example"},
    }
    left = {"event": "seen", "properties": {"distinct_id": "a", "token": "T"}}
    data = quote(write(event), safe="")
    if place == "form":
        call = request("/track?ip=1", f"data={data}&verbose=1&ip=1", content_type="application/x-www-form-urlencoded")
    else:
        call = request(f"/track?data={data}&verbose=1&ip=1", method="GET")
    made = plan(gate_of("mixpanel"), call, ME)
    pairs = parse_qs(made.outgoing.body.decode()) if place == "form" else {k: [v] for k, v in sent_pairs(made).items()}
    text = pairs["data"][0]
    assert json.loads(text if write is json.dumps else base64.b64decode(text)) == left
    assert pairs.keys() == {"data", "verbose"}
    assert answered(plan(gate_of("mixpanel"), call).answer) == (200, {"status": 1, "error": None})
    plain = request("/track", f"data={data}", content_type="application/x-www-form-urlencoded")
    assert answered(plan(gate_of("mixpanel"), plain).answer) == (200, b"1")


def test_mixpanel_profiles_need_something_that_is_left():
    """A person's name and address are not; an update of nothing is not sent."""
    update = [{"$token": "T", "$distinct_id": "a", "$set": {"$email": "j@x.example", "$first_name": "Jane"}}]
    made = plan(gate_of("mixpanel"), request("/engage", update), ALL)
    assert made.outgoing is None and made.reason == "insufficient_data"


def test_mixpanels_import_says_how_many():
    """Dropped events count as imported: the SDK must not send them again."""
    rows = [{"event": "a", "properties": {"distinct_id": "x", "time": 1_795_000_000}}] * 3
    assert answered(plan(gate_of("mixpanel"), request("/import?strict=1", rows)).answer) == (
        200,
        {"code": 200, "num_records_imported": 3, "status": "OK"},
    )


def test_mixpanels_groups_are_not_sent():
    """What is known of a company says who works there."""
    update = [{"$token": "T", "$group_key": "company", "$group_id": "Acme", "$set": {"revenue": 1}}]
    made = plan(gate_of("mixpanel"), request("/groups", update), ALL)
    assert made.outgoing is None and answered(made.answer) == (200, b"1")


# Amplitude


def test_amplitudes_session_stays_a_number():
    """It is the time the session began."""
    rows = [
        {"event_type": "a", "device_id": "d", "session_id": 1795473775600},
        {"event_type": "a", "device_id": "d", "session_id": -1},
    ]
    made = plan(gate_of("amplitude"), request("/2/httpapi", {"api_key": "K", "events": rows}), ME)
    assert [one["session_id"] for one in sent(made)["events"]] == [1795473775600, -1]


# Snowplow


def schema(name: str) -> str:
    return f"iglu:com.snowplowanalytics.snowplow/{name}/jsonschema/1-0-0"


def read_base64(text: str) -> object:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


@pytest.mark.parametrize("written", ["base64", "plain"])
def test_snowplow_contexts_are_read_inside(written):
    """One of three contexts has something left; the e-mail goes nowhere."""
    contexts = {
        "schema": schema("contexts"),
        "data": [
            {"schema": "iglu:com.acme/user/jsonschema/1-0-0", "data": {"email": "jane@example.com"}},
            {"schema": schema("client_session"), "data": {"sessionId": "s-1", "userId": "d-1", "firstEventId": "x"}},
            {"schema": schema("web_page"), "data": {"id": "6e0bd1b2-0000-4000-8000-000000000001"}},
        ],
    }
    event = {"e": "pv", "p": "web", "tv": "js-3.1.0", "url": "https://shop.example/"}
    event |= {"cx": base64_of(contexts)} if written == "base64" else {"co": json.dumps(contexts)}
    made = plan(
        gate_of("snowplow"), request("/com.snowplowanalytics.snowplow/tp2", {"schema": "x y", "data": [event]}), ME
    )
    (left,) = sent(made)["data"]
    assert read_base64(left.pop("cx")) == {
        "schema": schema("contexts"),
        "data": [{"schema": schema("client_session"), "data": {"sessionId": "s-1", "userId": "d-1"}}],
    }
    assert left == {"e": "pv", "p": "web", "tv": "js-3.1.0", "url": "https://shop.example/"}


def test_a_snowplow_event_that_describes_nothing_any_more_is_not_sent():
    """A bad row helps nobody; a link click keeps its link."""

    def event(name: str, data: dict[str, str]) -> dict[str, str]:
        inner = {"schema": schema("unstruct_event"), "data": {"schema": schema(name), "data": data}}
        return {"e": "ue", "p": "web", "tv": "js-3.1.0", "ue_px": base64_of(inner)}

    rows = [event("form", {"name": "Jane"}), event("link_click", {"targetUrl": "https://x.example/?email=a@b.example"})]
    made = plan(gate_of("snowplow"), request("/com.acme/tp2", {"schema": schema("payload_data"), "data": rows}), ME)
    assert [one.decisions[0].reason for one in made.plans] == ["insufficient_data", None]
    (left,) = sent(made)["data"]
    assert read_base64(left["ue_px"])["data"] == {
        "schema": schema("link_click"),
        "data": {"targetUrl": "https://x.example/"},
    }


def test_snowplows_values_are_text():
    """Its schema takes nothing else."""
    row = {"e": "se", "p": "srv", "tv": "py-1.1.0", "se_ca": "shop", "se_ac": "buy", "se_va": "12.50", "tr_tt": 3}
    made = plan(gate_of("snowplow"), request("/com.acme/tp2", {"schema": schema("payload_data"), "data": [row]}), ME)
    (left,) = sent(made)["data"]
    assert (left["se_va"], left["tr_tt"]) == ("12.5", "3")


def test_snowplow_is_asked_to_stay_anonymous():
    """Else the collector writes down the gate's address and makes up a cookie for every visitor."""
    made = plan(gate_of("snowplow"), request("/i?e=pv&p=web&tv=js-3.1.0", method="GET", cookie="sp=1"), ME)
    assert ("SP-Anonymous", "*") in made.outgoing.headers
    assert "Cookie" not in dict(made.outgoing.headers)


# Matomo


def test_matomo_takes_a_form():
    """sendBeacon posts the pairs."""
    call = request("/matomo.php", "idsite=1&rec=1&url=https%3A%2F%2Fshop.example%2F&cip=203.0.113.9&dimension1=Jane")
    made = plan(gate_of("matomo"), call, ME)
    assert made.outgoing.body == b"idsite=1&rec=1&url=https%3A%2F%2Fshop.example%2F"
    assert ("Content-Type", "application/x-www-form-urlencoded") in made.outgoing.headers
    assert made.outgoing.url == "http://127.0.0.1:9/matomo.php"
    assert plan(gate_of("matomo"), call).answer.body[:6] == b"GIF89a"


def test_matomos_order_keeps_its_items():
    """JSON in a pair: names and prices of goods, category by category."""
    items = json.dumps([["SKU1", "Shirt", ["Men", "Shirts"], 20, 2], ["SKU2", "Hat", "Hats", 5.5, 1]])
    from urllib.parse import quote

    call = request(f"/matomo.php?idsite=1&rec=1&idgoal=0&ec_id=A1&revenue=45.5&ec_items={quote(items)}", method="GET")
    made = plan(gate_of("matomo"), call, ME)
    assert json.loads(sent_pairs(made)["ec_items"]) == [["SKU1", "Shirt", "", 20, 2], ["SKU2", "Hat", "Hats", 5.5, 1]]
    assert made.plans[0].event.name == "purchase"


def test_umamis_identify_needs_something_of_the_person():
    """Properties are stripped; the person's own number goes where the policy lists it."""
    website = "0f2a1c6e-0000-4000-8000-000000000001"
    body = {
        "type": "identify",
        "payload": {"website": website, "url": "/", "id": "u-77", "data": {"email": "a@b.example"}},
    }
    made = plan(gate_of("umami"), request("/api/send", body), ALL)
    assert made.outgoing is None and made.reason == "insufficient_data"
    made = plan(gate_of("umami", fields=["user_id"]), request("/api/send", body), ALL)
    assert sent(made) == {"type": "identify", "payload": {"website": website, "id": "u-77"}}


def test_an_endpoint_may_have_a_path():
    """A Matomo at example.com/stats."""
    gate = gate_of("matomo", endpoint="http://127.0.0.1:9/stats", headers={"X-Proxy": "ours"})
    made = plan(gate, request("/matomo.php?idsite=1&rec=1", method="GET"), ME)
    assert made.outgoing.url == "http://127.0.0.1:9/stats/matomo.php?idsite=1&rec=1"
    assert ("X-Proxy", "ours") in made.outgoing.headers


def test_an_event_can_be_routed_by_its_name():
    """`events` of a destination holds for calls, by the canonical name."""
    gate = gate_of("posthog", events=["page_view"])
    rows = [{"event": "$pageview", "distinct_id": "a"}, {"event": "seen", "distinct_id": "a"}]
    made = plan(gate, request("/batch/", {"batch": rows}), ME)
    assert [one["event"] for one in sent(made)["batch"]] == ["$pageview"]
    assert made.plans[1].decisions[0].reason == "event_not_routed"


def test_a_marked_event_is_not_whose_headers_it_came_with():
    """GPC and cookies of the request by which a server carries a batch are another visitor's; a browser's narrow it."""
    rows = [{"event": "seen", "distinct_id": "a", "gatekeeper_context": stamp("analytics", "marketing")}]
    gate = gate_of("posthog", purpose="marketing", fields=["page_url"])
    call = request("/batch/", {"batch": rows, "distinct_id": "x"}, sec_gpc="1")
    assert not plan(gate, call, Caller(relayed=True)).plans[0].consent.gpc_detected
    assert plan(gate, call).reason == "gpc_opt_out"


def test_a_network_in_the_place_of_an_address_where_the_policy_says_so():
    """In the event, and of the visitor's own browser; the audit lists it as derived."""
    call = request("/matomo.php?idsite=1&rec=1&cip=203.0.113.9", method="GET")
    browser = Caller(ME.headers, address="198.51.100.77")
    made = plan(gate_of("matomo", truncate_ip=True), call, browser)
    assert sent_pairs(made)["cip"] == "203.0.113.0"
    assert ("X-Forwarded-For", "198.51.100.0") in made.outgoing.headers
    (decision,) = made.plans[0].decisions
    assert decision.derived == ("ip_truncated",) and "ip" not in decision.kept and decision.stripped["ip"] == "purpose"
    for blocked in (plan(gate_of("matomo"), call, browser), plan(gate_of("matomo", truncate_ip=True), call)):
        assert blocked.outgoing is None or "203.0.113" not in everything(blocked.outgoing)


def test_what_the_head_says_is_not_said_of_a_marked_event():
    """Address, browser and page of whoever carries the batch."""
    gate = gate_of("posthog", truncate_ip=True, fields=["client_id", "user_agent", "referrer"])
    rows = [{"event": "seen", "distinct_id": "a", "gatekeeper_context": stamp("analytics")}]
    call = request("/batch/", {"batch": rows}, user_agent="Mozilla", referer="https://shop.example/")
    carrier = Caller(ME.headers, address="198.51.100.77")
    made = plan(gate, call, carrier)
    assert {"User-Agent", "Referer", "X-Forwarded-For"} & dict(made.outgoing.headers).keys() == set()
    both = plan(
        gate,
        request("/batch/", {"batch": [*rows, {"event": "mine", "distinct_id": "b"}]}, user_agent="Mozilla"),
        carrier,
    )
    assert len(sent(both)["batch"]) == 2 and "User-Agent" not in dict(both.outgoing.headers)
    mine = plan(
        gate, request("/batch/", {"batch": [{"event": "mine", "distinct_id": "b"}]}, user_agent="Mozilla"), carrier
    )
    assert dict(mine.outgoing.headers)["User-Agent"] == "Mozilla"
    assert dict(mine.outgoing.headers)["X-Forwarded-For"] == "198.51.100.0"
