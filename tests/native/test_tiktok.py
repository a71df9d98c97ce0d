"""TikTok's Events API and web pixel through the gate: real requests in, what may be sent out."""

import pytest

from tests.builders import NOW
from tests.native.kit import GRANTED, LONG_GRANTED, call_of, gate_of, planned, request, sent

TRACK = "/open_api/v1.3/event/track/"
NOW_TEXT = "2026-11-23T23:59:50Z"


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


def track(*events, **headers):
    """A call of event/track."""
    return request(TRACK, {"event_source": "web", "event_source_id": "PIXEL", "data": list(events)}, **headers)


GATE_OLD = gate_of("tiktok", pixel_code="A1T8T4UYGVIQA8ORZMX9")
GATE_WEB = gate_of("tiktok", pixel_code="BT24M8TQUU2IQ2BVG9NG")
GATE_NEW = gate_of("tiktok", pixel_code="COQDA8RC77U2TMR44LI0")
NEW = call_of("tiktok-event-track")
GATE = gate_of("tiktok")


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
    assert (at(sent(planned(gate, call, LONG_GRANTED)), path) is not None) is goes


def test_no_secret_stands_in_the_audit_or_in_what_is_printed():
    """Tokens are nobody's business but the vendor's."""
    made = planned(GATE, track(event(), access_token="TTTOKEN"), GRANTED)
    assert "TTTOKEN" not in repr(made) and "TIKTOK-TOKEN" not in repr(made)
