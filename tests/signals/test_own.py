"""Our own cookie and the context token: what is signed is believed, everything else denies."""

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.consent.resolve import resolve
from gatekeeper.model import Permission, Purpose, Standing, Visitor
from gatekeeper.signals import context, own, split_cookies
from tests.builders import NOW, RING, law, make_policy, own_cookie, place


def read(header):
    return own.read(split_cookies([header.encode("latin-1")]), RING.verify)


@pytest.mark.parametrize(
    ("granted", "analytics", "marketing"),
    [((), "denied", "denied"), (("analytics",), "granted", "denied"), (("marketing",), "denied", "granted"),
     (("analytics", "marketing"), "granted", "granted")],
)  # fmt: skip
def test_a_signed_choice_is_read_as_it_was_made(granted, analytics, marketing):
    """With its time, notice and subject."""
    (signal,) = read(own_cookie(*granted, at=NOW, notice="2026 – DE", subject="v_1"))
    assert signal.says == {Purpose.ANALYTICS: Permission(analytics), Purpose.MARKETING: Permission(marketing)}
    assert (signal.at, signal.notice, signal.subject) == (NOW, "2026 – DE", "v_1")


PURPOSES = (Purpose.ANALYTICS, Purpose.MARKETING)
SPOKEN = st.dictionaries(
    st.sampled_from(PURPOSES),
    st.tuples(
        st.sampled_from([Permission.GRANTED, Permission.DENIED]), st.integers(0, 2**43).map(lambda ms: ms / 1000)
    ),
)


@given(SPOKEN, st.text(max_size=40), st.text(max_size=40))
def test_each_purpose_keeps_its_own_word_and_time(said, notice, subject):
    """What was not spoken about stays unspoken, and a change of one purpose does not renew the other."""
    value = own.write(said, notice=notice, subject=subject, sign=RING.sign)
    signals = own.read({own.COOKIE: (value,)}, RING.verify)
    read_back = {p: (word, signal.at) for signal in signals for p, word in signal.says.items()}
    assert read_back == said
    assert {(signal.notice, signal.subject) for signal in signals} == {(notice or None, subject or None)}
    assert all(signal.standing is (Standing.DECIDED if said else Standing.UNDECIDED) for signal in signals)


def first_format(letters, at, notice="v1", subject="v_1"):
    """A cookie as version 1 of the format was written."""
    encoded = [base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode() for text in (notice, subject)]
    message = f"1.{int(at):x}.{letters}.{encoded[0]}.{encoded[1]}"
    key_id, mac = RING.sign(own.LABEL, message.encode())
    return f"{message}.{key_id}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


@pytest.mark.parametrize(
    ("letters", "analytics", "marketing"),
    [("-", "denied", "denied"), ("a", "granted", "denied"), ("m", "denied", "granted"), ("am", "granted", "granted")],
)
def test_format_1_stays_readable(letters, analytics, marketing):
    """Visitors who chose before the new format are not asked again for that."""
    (signal,) = own.read({own.COOKIE: (first_format(letters, NOW),)}, RING.verify)
    assert signal.says == {Purpose.ANALYTICS: Permission(analytics), Purpose.MARKETING: Permission(marketing)}
    assert (signal.at, signal.notice, signal.subject) == (NOW, "v1", "v_1")


def test_formats_beside_each_other_are_both_read_and_the_refusal_wins():
    """As two scopes of one cookie: which the browser sends first says nothing."""
    new = own.write({Purpose.MARKETING: (Permission.GRANTED, NOW)}, notice=None, subject=None, sign=RING.sign)
    for values in ((first_format("-", NOW - 9), new), (new, first_format("-", NOW - 9))):
        signals = own.read({own.COOKIE: values}, RING.verify)
        consent = resolve(signals, place(law()), at=NOW + 1, event_time=NOW + 1, max_age=None)
        assert consent.rulings[Purpose.MARKETING].permission is Permission.DENIED


def test_do_not_sell_leaves_statistics_alone():
    """Format 1 could not say it: what was not spoken about was refused."""
    value = own.write({Purpose.MARKETING: (Permission.DENIED, NOW)}, notice=None, subject=None, sign=RING.sign)
    signals = own.read({own.COOKIE: (value,)}, RING.verify)
    consent = resolve(signals, place(law("opt_out", "opt_out")), at=NOW, event_time=NOW, max_age=None)
    assert consent.rulings[Purpose.ANALYTICS].permission is Permission.GRANTED
    assert consent.rulings[Purpose.MARKETING].permission is Permission.DENIED


def test_the_readable_cookie_is_never_read():
    """It has no signature: who writes it by hand gets nothing for it."""
    said = dict.fromkeys(PURPOSES, (Permission.GRANTED, NOW))
    value = own.readable(said, notice_hash="abcdefghijk")
    assert value == f"2.a+.m+.{int(NOW)}.abcdefgh"
    header = f"{own.READABLE}={value}".encode()
    assert make_policy().readers.read([(b"cookie", header)], verify=RING.verify) == ()


@given(st.integers(0, 10**6), st.integers(0, 255))
def test_any_changed_byte_makes_the_cookie_malformed(position, byte):
    """Or leaves it the same cookie; it never becomes another choice."""
    cookie = own_cookie("analytics")
    start = len(own.COOKIE) + 1
    at = start + position % (len(cookie) - start)
    changed = cookie[:at] + chr(byte) + cookie[at + 1 :]
    if changed == cookie or chr(byte) in ';" \t':
        return
    for signal in read(changed):
        assert signal.standing is Standing.MALFORMED


@given(st.text(max_size=300))
def test_no_text_is_ever_an_exception_or_a_grant(text):
    """A cookie value can be anything."""
    for signal in own.read({own.COOKIE: (text,)}, RING.verify):
        assert signal.standing is Standing.MALFORMED and not signal.says


def test_a_cookie_of_another_installation_is_malformed():
    """Signed, but not by us."""
    from gatekeeper.installation.ring import ephemeral

    assert own.read(split_cookies([own_cookie("analytics").encode()]), ephemeral().verify)[0].standing == "malformed"


def test_cookies_are_split_as_browsers_write_them():
    """Raw JSON, quotes, spaces, duplicates, several lines: nothing hides what comes after."""
    lines = [b'cc={"a":["b"]}; x = 1 ;y="2"; novalue; x=3', b"z=a=b"]
    assert split_cookies(lines) == {"cc": ('{"a":["b"]}',), "x": ("1", "3"), "y": ("2",), "z": ("a=b",)}


def visitor():
    return Visitor(read(own_cookie("analytics")), ("DE", "BE"), ("US", "CA"), "16_17", "v_1")


def test_a_context_token_brings_the_visitor_back():
    """Signals, place and subject, as they were; and when the token was issued."""
    token = context.write(visitor(), at=NOW, sign=RING.sign)
    assert context.read(token, at=NOW + 10, verify=RING.verify) == replace(visitor(), issued=int(NOW))


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda token: token[:-2] + "AA", id="forged"),
        pytest.param(lambda token: "x" + token, id="changed"),
        pytest.param(lambda token: token.partition(".")[0], id="unsigned"),
        pytest.param(lambda token: "", id="empty"),
        pytest.param(lambda token: "A" * 10_000, id="long"),
        pytest.param(lambda token: "é.é.é", id="not-ascii"),
    ],
)
def test_a_bad_token_denies(spoil):
    """Whoever passes one on wanted to be believed."""
    token = context.write(visitor(), at=NOW, sign=RING.sign)
    found = context.read(spoil(token), at=NOW, verify=RING.verify)
    assert [signal.standing for signal in found.signals] == [Standing.MALFORMED]
    assert found.declared is None


@pytest.mark.parametrize("later", [3601, -120])
def test_a_token_expires_and_does_not_come_from_the_future(later):
    """An hour, and a minute for clocks that differ."""
    token = context.write(visitor(), at=NOW, sign=RING.sign)
    assert context.read(token, at=NOW + later, verify=RING.verify).signals[0].standing is Standing.MALFORMED
