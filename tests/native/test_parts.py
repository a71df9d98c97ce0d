"""The parts that formats are put together from: times, answers without secrets, what an event needs."""

import json

import pytest

from gatekeeper.gate.carry import finish_call
from gatekeeper.model import Answer
from gatekeeper.vendors.dialect import Leaf
from gatekeeper.vendors.formats import replies, times
from gatekeeper.vendors.formats.parts import Needs
from tests.native.kit import LONG_GRANTED, call_of, gate_of, planned

PIXEL = "COQDA8RC77U2TMR44LI0"
SAID = "Invalid value at conversions[0].gclid"


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        pytest.param(1_795_478_400, 1_795_478_400.0, id="seconds"),
        pytest.param(1_795_478_400.5, 1_795_478_400.5, id="with a fraction"),
        pytest.param("1795478400", 1_795_478_400.0, id="digits"),
        pytest.param(1_795_478_400_500, 1_795_478_400.5, id="milliseconds"),
        pytest.param("1795478400500", 1_795_478_400.5, id="digits of milliseconds"),
        pytest.param(1_795_478_400_500_000, 1_795_478_400.5, id="microseconds"),
        pytest.param("2026-11-24T00:00:00Z", 1_795_478_400.0, id="rfc 3339"),
        *[pytest.param(bad, None, id=repr(bad)) for bad in (True, None, "soon", "²", 12, "1" * 17, [], 1e300)],
    ],
)
def test_a_time_is_told_by_its_size_or_is_none(moment, seconds):
    """Seconds, milliseconds and microseconds, as numbers or digits, and RFC 3339."""
    assert times.seconds(moment) == seconds


@pytest.mark.parametrize("bad", ["²", "٣" * 10, "", "-5", "1" * 17, None, True])
def test_digits_are_ascii_digits_everywhere(bad):
    """A superscript is a digit to Python, and would be an error in the middle of a call."""
    assert times.microseconds(bad) is None and times.whole_seconds(bad) is None


def test_an_empty_secret_masks_nothing():
    """Replacing the empty text would put the mask between all letters."""
    assert replies.masked(SAID, ("", "tok")) == SAID
    assert replies.masked("a tok here", ("", "tok"), "***") == "a *** here"


@pytest.mark.parametrize(
    ("kind", "account", "key", "vector", "body"),
    [
        (
            "google_ads",
            {"customer_id": "1234"},
            "developer_token",
            "gads-uploadConversionAdjustments",
            {"error": {"message": "{}"}},
        ),
        (
            "tiktok",
            {"pixel_code": PIXEL},
            "access_token",
            "tiktok-event-track",
            {"code": 40002, "message": "{}"},
        ),
    ],
    ids=["google_ads", "tiktok"],
)
def test_answers_are_masked_by_one_rule(kind, account, key, vector, body):
    """A secret of the policy never comes out in the vendor's words."""
    secret = "TOK"
    gate = gate_of(kind, **account, **{key: secret})
    made = planned(gate, call_of(vector), LONG_GRANTED)
    assert made.outgoing is not None, made.plans[0].decisions
    answer = Answer(400, (), json.dumps(body).replace("{}", f"{SAID} {secret}").encode())
    told = finish_call(gate, made, answer)
    assert told is not None and f"{SAID} ***" in told.body.decode()


def test_needs_name_what_is_missing():
    """Alternatives with "or", entries with commas; a group as a whole; names below a dot; what else a vendor needs."""
    needs = Needs(("a", ("b", "c."), "d"), (("e", "f"), ("g",)), more=lambda leaves, shaping: shaping.to.name)
    (one,) = planned(gate_of("tiktok", pixel_code=PIXEL), call_of("tiktok-event-track"), LONG_GRANTED).kept
    assert one is not None

    def missing(*names: str) -> str | None:
        return needs.missing([Leaf(name, "", None) for name in names], one.shaping)

    assert missing("d") == "a, b or c. missing"
    assert missing("a", "b", "d", "e") == "nothing is left to match it by"
    assert missing("a", "c.x", "d", "e", "f") == missing("a", "b", "d", "g") == "it"  # what else is missing, asked last
