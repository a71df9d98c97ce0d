"""The token of a notice: what it says, whose it is, how long it holds, and what spoils it."""

import base64

import pytest

from gatekeeper.consent.token import HELD, LABEL, LIFETIME, MAX, Claims, held_since, name_for, read, visitor, write
from tests.builders import NOW, RING

CLAIMS = Claims("d1", NOW, "sha256-x", "en", ("analytics",), ("gdpr",), "v1", visitor("v_1"))


def readable(token, at=NOW):
    return read(token, at=at, verify=RING.verify)


def token(claims=CLAIMS):
    return write(claims, RING.sign)


def test_what_was_written_is_read():
    """A version, claims, the key's id and a signature, without padding."""
    version, _, key, _ = token().split(".")
    assert readable(token()) == CLAIMS and (version, key) == ("1", "s1") and "=" not in token()


@pytest.mark.parametrize(
    ("after", "holds"),
    [(0, True), (-60, True), (-60.5, False), (LIFETIME, True), (LIFETIME + 1, False), (LIFETIME - 1, True)],
)
def test_a_token_holds_for_a_day_and_another_workers_clock_may_be_a_minute_ahead(after, holds):
    """To the second."""
    assert (readable(token(), at=NOW + after) == CLAIMS) is holds


def signed(payload, label=LABEL):
    """A token of any payload, with a signature of ours."""
    body = base64.urlsafe_b64encode(payload).rstrip(b"=")
    key, mac = RING.sign(label, body)
    return f"1.{body.decode()}.{key}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


GOOD = token()
BODY = GOOD.split(".")[1]


@pytest.mark.parametrize(
    "spoiled",
    [
        "", "1", "1...", GOOD[:-4], "2" + GOOD[1:], GOOD + ".x", GOOD.replace(".s1.", ".s2."),
        GOOD.replace(BODY, BODY[:-2] + ("A" if BODY[-2] != "A" else "B") + BODY[-1]), "1.é.s1.AA", "1.AA.s1.é",
        signed(b"[]"), signed(b"no json"), signed(b'["d","later","n","en",[],[],"v","-"]'),
        GOOD.rpartition(".")[0] + ".A", "1." + "A" * MAX + ".s1.AA", signed(b"[]", "consent-cookie"),
    ],
)  # fmt: skip
def test_what_is_not_ours_says_nothing(spoiled):
    """Whatever is wrong with it."""
    assert readable(spoiled) is None


def test_a_token_over_the_bound_is_not_read():
    """However well it is signed."""
    room = (MAX - len(signed(b'["", %d,"n","en",[],[],"v","-"]' % NOW))) * 3 // 4
    long = signed(b'["%s",%d,"n","en",[],[],"v","-"]' % (b"d" * (room + 9), NOW))
    fits = signed(b'["%s",%d,"n","en",[],[],"v","-"]' % (b"d" * (room - 9), NOW))
    assert len(long) > MAX >= len(fits) and readable(long) is None and readable(fits) is not None


def test_a_token_of_another_use_of_the_same_key_is_not_ours():
    """The label is part of the signature."""
    assert readable(signed(b'["d",%d,"n","en",[],[],"v","-"]' % NOW)) is not None
    assert readable(signed(b'["d",%d,"n","en",[],[],"v","-"]' % NOW, "context")) is None


@pytest.mark.parametrize(
    ("issued", "expected"),
    [(NOW, NOW), (NOW - 60, NOW - 60), (NOW - HELD, NOW - HELD), (NOW - HELD - 9, NOW - HELD), (NOW + 30, NOW)],
)
def test_events_are_held_since_the_notice_was_shown_and_for_half_an_hour_at_most(issued, expected):
    """Never after they arrived."""
    shown = token(Claims("d1", issued, "n", "en", (), (), "v", "-"))
    assert held_since(shown, at=NOW, verify=RING.verify) == expected


@pytest.mark.parametrize("broken", [None, "", GOOD[:-4]])
def test_without_a_token_nothing_was_held(broken):
    """Nor with one that is not ours."""
    assert held_since(broken, at=NOW, verify=RING.verify) is None


def test_a_visitor_is_named_by_a_digest_and_nobody_by_a_dash():
    """Two have two; no name can be read from it."""
    assert visitor(None) == "-"
    assert visitor("v_1") == "708a6c2796c96ee21e91c796428e5828" != visitor("v_2")


def test_a_name_comes_from_the_showing_alone():
    """Each answer to one showing has the same; another showing another; the key decides both."""
    one = name_for(CLAIMS, RING.sign)
    again = Claims("d1", NOW + 5, "n2", "de", (), (), "v2", "-")
    assert one.startswith("v_") and len(one) == 26 and name_for(again, RING.sign) == one
    assert name_for(Claims("d2", *[getattr(CLAIMS, n) for n in Claims.__struct_fields__[1:]]), RING.sign) != one
    uses = []
    name_for(CLAIMS, lambda label, message: (uses.append((label, message)), ("k", b"m" * 32))[1])
    assert uses == [("notice-visitor", b"d1")]
