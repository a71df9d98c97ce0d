"""How each vendor's own SDK is used: pointed at a URL, it tracks one thing that is full of what must not be sent.

Each function takes the URL, the visitor's context token, and a list for whatever the SDK complains of.
"""

from __future__ import annotations

from collections.abc import Callable

import requests

from gatekeeper.model import Answer

JANE = "jane.doe@example.com"
URL = f"https://shop.example/thanks?email={JANE}"


def posthog(url: str, token: str, unhappy: list[object]) -> None:
    from posthog import Posthog

    client = Posthog(
        "phc_key", host=url, flush_at=1, max_retries=0, on_error=lambda error, items: unhappy.append(error)
    )
    client.capture(
        "bought", distinct_id="u-1",
        properties={"$current_url": URL, "note": JANE, "$set": {"email": JANE}, "gatekeeper_context": token},
    )  # fmt: skip
    client.shutdown()


def segment(url: str, token: str, unhappy: list[object]) -> None:
    from segment.analytics.client import Client

    client = Client("WK", host=url, max_retries=0, on_error=lambda error, items: unhappy.append(error))
    client.track(
        "u-1", "bought", {"url": URL, "note": JANE},
        context={"ip": "203.0.113.9", "traits": {"email": JANE}, "gatekeeper_context": token},
    )  # fmt: skip
    client.shutdown()


def rudderstack(url: str, token: str, unhappy: list[object]) -> None:
    from rudderstack.analytics.client import Client

    client = Client("WK", host=url, max_retries=0, on_error=lambda error, items: unhappy.append(error))
    client.track(
        "u-1", "bought", {"url": URL, "note": JANE},
        context={"ip": "203.0.113.9", "traits": {"email": JANE}, "gatekeeper_context": token},
    )  # fmt: skip
    client.flush()
    client.join()


def snowplow(method: str) -> Callable[[str, str, list[object]], None]:
    def run(url: str, token: str, unhappy: list[object]) -> None:
        from snowplow_tracker import Emitter, PageView, StructuredEvent, Subject, Tracker

        session = requests.Session()
        session.headers["Gatekeeper-Context"] = token
        emitter = Emitter(
            url, method=method, batch_size=1, session=session,
            on_failure=lambda count, failed: unhappy.append(failed),
            custom_retry_codes=dict.fromkeys(range(300, 600), False),
        )  # fmt: skip
        subject = Subject().set_user_id(JANE).set_ip_address("203.0.113.9").set_domain_user_id("dd-1")
        tracker = Tracker(namespace="cf", emitters=emitter, app_id="shop", subject=subject)
        tracker.track(PageView(page_url=URL, page_title="Thanks"))
        tracker.track(StructuredEvent(category="shop", action="bought", label=JANE))
        tracker.flush()

    return run


def mixpanel(url: str, token: str, unhappy: list[object]) -> None:
    from mixpanel import Consumer, Mixpanel, MixpanelException

    consumer = Consumer(events_url=f"{url}/track", people_url=f"{url}/engage", retry_limit=0)
    client = Mixpanel("TOK", consumer=consumer)
    try:
        client.track(
            "u-1", "bought", {"$current_url": URL, "note": JANE, "ip": "203.0.113.9", "gatekeeper_context": token}
        )
        client.people_set("u-1", {"$email": JANE, "gatekeeper_context": token})
    except MixpanelException as error:
        unhappy.append(error)


def amplitude(url: str, token: str, unhappy: list[object]) -> None:
    from amplitude import Amplitude, BaseEvent, Config

    def told(event: object, code: int, message: str | None = None) -> None:
        if code != 200:
            unhappy.append((code, message))

    client = Amplitude(
        "KEY",
        Config(
            server_url=f"{url}/2/httpapi",
            flush_queue_size=1,
            callback=told,
            flush_max_retries=1,
            flush_interval_millis=50,
        ),
    )
    properties = {"value": 12.5, "note": JANE, "gatekeeper_context": token}
    client.track(BaseEvent("bought", user_id="u-1", device_id="d-1", ip="203.0.113.9", event_properties=properties,
                           user_properties={"email": JANE}))  # fmt: skip
    for future in client.flush():
        if future is not None:
            future.result(10)
    client.shutdown()


def umami(url: str, token: str, unhappy: list[object]) -> None:
    import umami as client

    client.set_url_base(url)
    client.set_website_id("0f2a1c6e-0000-4000-8000-000000000001")
    client.set_hostname("shop.example")
    data = {"note": JANE, "gatekeeper_context": token}
    client.new_event("bought", url=URL, title="Thanks", custom_data=data, ip_address="203.0.113.9", id=JANE)


def sentry(url: str, token: str, unhappy: list[object]) -> None:
    import sentry_sdk

    client = sentry_sdk.Client(
        dsn=url.replace("://", "://public@") + "/42", default_integrations=False, auto_session_tracking=False,
        send_client_reports=False, release="shop@1.2.3", server_name="janes-macbook",
    )  # fmt: skip
    scope = sentry_sdk.Scope()
    scope.set_user({"email": JANE, "ip_address": "203.0.113.9"})
    scope.set_context("gatekeeper_context", {"token": token})
    scope.add_attachment(bytes=JANE.encode(), filename="jane.txt")
    client.capture_event({"message": f"payment of {JANE} failed", "level": "error"}, scope=scope)
    client.flush(10)
    if not client.transport.is_healthy():
        unhappy.append("the transport is unhealthy")
    unhappy += client.transport._disabled_until  # noqa: SLF001  # of the SDK: what a 429 would have set
    client.close(10)


# Per SDK: what the destination speaks, what the vendor answers, how it is used, how many calls it makes.
OK = Answer(200, (("Content-Type", "application/json"),), b'{"status":"Ok"}')
SDKS = {
    "posthog": ("posthog", OK, posthog, 1),
    "segment": ("segment", Answer(200, (), b'{"success":true}'), segment, 1),
    "rudderstack": ("rudderstack", Answer(200, (), b"OK"), rudderstack, 1),
    "snowplow-post": ("snowplow", Answer(200, (), b"ok"), snowplow("post"), 2),
    "snowplow-get": ("snowplow", Answer(200, (("Content-Type", "image/gif"),), b"GIF89a"), snowplow("get"), 2),
    "mixpanel": ("mixpanel", Answer(200, (), b'{"status":1,"error":null}'), mixpanel, 2),
    "amplitude": ("amplitude", Answer(200, (), b'{"code":200}'), amplitude, 1),
    "umami": ("umami", Answer(200, (), b'{"cache":"x","sessionId":"y","visitId":"z"}'), umami, 1),
    "sentry": ("sentry", Answer(200, (), b'{"id":"x"}'), sentry, 1),
}
