"""Uploads to the Google Ads API through the gate: real requests in, what may be sent out."""

import json

from gatekeeper.gate.carry import finish_call
from gatekeeper.model import Answer
from tests.builders import HASH
from tests.native.kit import GRANTED, gate_of, planned, request

CLICKS = "/v26/customers/1234:uploadClickConversions"
ADJUSTMENTS = "/v26/customers/1234:uploadConversionAdjustments"
ACTION = "customers/1234/conversionActions/12345"
WHEN = "2026-11-23 23:59:50+00:00"


def click(**changes):
    """A click conversion of now."""
    return {"conversionAction": ACTION, "conversionDateTime": WHEN, "gclid": "EAIaIQ", **changes}


def enhancement(**changes):
    """An enhancement of a conversion."""
    person = [{"hashedEmail": HASH}]
    return {
        "adjustmentType": "ENHANCEMENT",
        "conversionAction": ACTION,
        "orderId": "T1",
        "userIdentifiers": person,
    } | changes


def clicks(*rows, **top):
    """A call that uploads click conversions."""
    return request(CLICKS, {"conversions": list(rows), "partialFailure": True, **top})


def adjustments(*rows):
    """A call that uploads adjustments."""
    return request(ADJUSTMENTS, {"conversionAdjustments": list(rows), "partialFailure": True})


def three(gate):
    """Three conversions, the second of them blocked."""
    denied = click(orderId="b", consent={"adUserData": "DENIED"})
    return planned(gate, clicks(click(orderId="a"), denied, click(orderId="c")), GRANTED)


def test_an_answer_without_a_bottom_is_cut():
    """Nesting cannot exhaust the stack."""
    gate = gate_of()
    deep = b'{"error":' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}"
    assert finish_call(gate, three(gate), Answer(400, (), deep)).status == 400


def test_an_adjustment_has_no_consent_to_send():
    """It is read as a flag; Google's adjustments have no such object, so what came is never passed on."""
    said = {"adUserData": "GRANTED", "adPersonalization": "GRANTED"}
    made = planned(gate_of(), adjustments(enhancement(consent=said, adjustmentDateTime=WHEN)), GRANTED)
    assert made.outgoing is not None, made.plans[0].decisions
    (row,) = json.loads(made.outgoing.body)["conversionAdjustments"]
    assert row.keys() == enhancement(adjustmentDateTime=WHEN).keys()
