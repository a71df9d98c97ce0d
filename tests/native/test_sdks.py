"""Vendors' own SDKs, pointed at the gate: content whatever was decided, and nothing but what may be sent arrives."""

import json
import logging
import time
from urllib.parse import urlsplit

import pytest

from gatekeeper.model import Answer, Outgoing
from gatekeeper.vendors.formats import coding
from gatekeeper.vendors.sentry import envelope
from tests.builders import NOW, make_gate, make_policy
from tests.native.kit import gate_of, readable, stamp
from tests.native.listening import listening
from tests.native.sdks import JANE, SDKS


def gate_for(product: str):
    """A gate that knows the time, since SDKs put today's on their events; Sentry's is asked for consent, too."""
    gate = gate_of(product, **({"purpose": "analytics"} if product == "sentry" else {}))
    began = time.time()
    gate.clock = lambda: NOW + time.time() - began
    return gate


@pytest.fixture(autouse=True)
def _quiet_sdks(caplog):
    """Nothing an SDK logs may be an error."""
    caplog.set_level(logging.WARNING)
    yield
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("sdk", SDKS)
def test_with_consent_the_event_arrives_filtered_and_the_sdk_is_content(sdk):
    """Nothing personal, no mark; one call, no retry, no error."""
    product, answer, use, count = SDKS[sdk]
    unhappy: list[object] = []
    with listening(gate_for(product), lambda outgoing: answer) as here:
        use(here.url, stamp("analytics", "marketing"), unhappy)
    assert unhappy == []
    assert len(here.calls) == count
    assert here.sent, here.reasons
    for outgoing in here.sent:
        out = readable(outgoing)
        for value in (JANE, "jane", "203.0.113.9", "gatekeeper_context"):
            assert value not in out


@pytest.mark.parametrize("sdk", SDKS)
def test_without_consent_nothing_arrives_and_the_sdk_is_content(sdk):
    """It believes the vendor took everything: one call, no retry, no error."""
    product, answer, use, count = SDKS[sdk]
    unhappy: list[object] = []
    with listening(gate_for(product), lambda outgoing: answer) as here:
        use(here.url, stamp(), unhappy)
    assert unhappy == []
    assert len(here.calls) == count
    assert here.sent == []
    assert set(here.reasons) == {"no_analytics_consent"}


def test_posthogs_flags_are_the_vendors_with_consent_and_none_without():
    """The one call whose answer an app waits for."""
    from posthog import Posthog

    flags = {
        "flags": {"new-shop": {"key": "new-shop", "enabled": True, "variant": None, "reason": None, "metadata": None}}
    }

    def ask(granted: str) -> object:
        answer = Answer(200, (("Content-Type", "application/json"),), json.dumps(flags).encode())
        with listening(gate_for("posthog"), lambda outgoing: answer) as here:
            client = Posthog("phc_key", host=here.url, max_retries=0, send=False)
            properties = {"email": JANE, "gatekeeper_context": stamp(granted)}
            found = client.evaluate_flags("u-1", person_properties=properties).is_enabled("new-shop")
            client.shutdown()
            assert all(JANE not in readable(outgoing) for outgoing in here.sent)
        return found

    assert ask("analytics") is True
    assert not ask("marketing")


@pytest.mark.parametrize("granted", [("analytics",), ()], ids=["granted", "denied"])
def test_mixpanels_import_and_groups_do_not_raise(granted):
    """Both ask for a verbose answer, and read an `error` in it."""
    from mixpanel import Consumer, Mixpanel

    said = Answer(200, (("Content-Type", "application/json"),), b'{"status":1,"error":null}')
    with listening(gate_for("mixpanel"), lambda outgoing: said) as here:
        paths = {f"{name}_url": f"{here.url}/{path}" for name, path in MIXPANEL.items()}
        client = Mixpanel("TOK", consumer=Consumer(**paths, retry_limit=0))
        token = stamp(*granted)
        client.import_data("secret", "u-1", "Sign-up – completed", NOW, {"note": JANE, "gatekeeper_context": token})
        client.group_set("company", "Acme", {"owner": JANE})
    assert len(here.calls) == 2
    assert [path_of(outgoing) for outgoing in here.sent] == (["/import"] if granted else [])
    assert all(JANE not in readable(outgoing) for outgoing in here.sent)


MIXPANEL = {"events": "track", "people": "engage", "import": "import", "groups": "groups"}


def path_of(outgoing: Outgoing) -> str:
    """The path of a request."""
    return urlsplit(outgoing.url).path


def test_posthog_with_a_key_for_definitions_is_quiet():
    """It asks for the definitions of flags at its start, and logs an error for any answer that it cannot read."""
    from posthog import Posthog

    with listening(gate_for("posthog"), lambda outgoing: Answer(200, (), b'{"flags":{}}')) as here:
        client = Posthog("phc_key", host=here.url, secret_key="phs_key", max_retries=0, send=False)
        client.load_feature_flags()
        assert client.feature_flags == []
        client.shutdown()
    assert here.sent == [] and {call.path for call in here.calls} >= {"/flags/definitions"}


@pytest.mark.parametrize("product", ["segment", "rudderstack", "posthog"])
def test_without_speaks_the_sdk_is_content_and_the_record_names_the_product(product):
    """Nothing is sent; the operator learns what to set."""
    gate = make_gate(make_policy(destinations={"it": {"kind": "first_party", "endpoint": "http://127.0.0.1:9"}}))
    unhappy: list[object] = []
    with listening(gate, lambda outgoing: Answer(200)) as here:
        SDKS[product][2](here.url, stamp("analytics"), unhappy)
    assert (unhappy, here.sent, here.reasons) == ([], [], ["call_unreadable"])
    whys = [step.why for one in here.plans for plan in one.plans for step in plan.decisions[0].steps]
    assert any(product in why and "`speaks`" in why for why in whys)


def test_a_real_exception_keeps_its_frames_and_loses_its_variables():
    """What an error monitor is for arrives: where it happened, of what type; not what the variables held."""
    import sentry_sdk

    def pay(email: str) -> None:
        raise ValueError(f"no such customer: {email}")

    with listening(gate_of("sentry"), lambda outgoing: Answer(200)) as here:
        client = sentry_sdk.Client(
            dsn=here.url.replace("://", "://public@") + "/42", default_integrations=False, release="shop@1.2.3"
        )
        scope = sentry_sdk.Scope()
        scope.add_breadcrumb({"category": "auth", "message": f"{JANE} signed in"})
        try:
            pay(JANE)
        except ValueError as error:
            event, hint = sentry_sdk.utils.event_from_exception(error, client_options=client.options)
            client.capture_event(event, hint, scope=scope)
        client.close(10)
    ((kind, payload),) = [(item.header["type"], json.loads(item.payload)) for item in items_of(here.sent[0])]
    (value,) = payload["exception"]["values"]
    frames = value["stacktrace"]["frames"]
    assert (kind, value["type"], value["value"]) == ("event", "ValueError", "no such customer: [email]")
    assert frames[-1]["function"] == "pay" and "raise ValueError" in frames[-1]["context_line"]
    assert all("vars" not in frame for frame in frames)
    assert payload["release"] == "shop@1.2.3" and "breadcrumbs" not in payload
    assert JANE not in json.dumps(payload)


def items_of(outgoing: Outgoing) -> tuple[envelope.Item, ...]:
    """The items of an envelope, out of whatever compression the SDK chose."""
    return envelope.read(coding.decode(outgoing.body, dict(outgoing.headers).get("Content-Encoding", ""), 1_000_000))[1]
