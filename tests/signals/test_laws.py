"""Laws of the readers: nothing makes them raise, noise never grants, and noise never silences a refusal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.model import OPTIONAL, Permission, Purpose, Role, Signal, Standing
from gatekeeper.signals import dnt, gpp, parameters, tcf, usprivacy
from gatekeeper.signals.answers import label
from gatekeeper.signals.bits import Bits
from gatekeeper.signals.cookies import READERS, CookieReaders
from gatekeeper.signals.encoding import (
    UnreadableError,
    base64_json,
    json_object,
    plain,
    token,
    unquote,
    when,
)
from gatekeeper.signals.flags import google, rudderstack, segment, shopify, walkeros
from tests.signals.encoders import tc_string, vendor_field, vendor_ranges
from tests.signals.test_reader_cases import FILES, SOURCES

ANY_MAP = {
    reader.SOURCE: {"a": Purpose.ANALYTICS, "m": Purpose.MARKETING, "1": Purpose.ANALYTICS} for reader in READERS
}
READERS_UNMAPPED, READERS_MAPPED = CookieReaders(), CookieReaders(categories=ANY_MAP)
NAMES = [name for reader in READERS for name in (*reader.NAMES, *(f"{p}x1" for p in reader.PREFIXES))]

ONE_WORD_CHOICES = ("allow", "yes", "no", "deny")  # values that are whole choices in some format
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)
SHAPES = st.sampled_from(
    ['{"', "%7B%22", "C", "DBAB", "a:1,", "!a=", "__", "=", "|", "[", "true", "1YN", "%25%32", "\x00"]
)
NOISE = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.tuples(SHAPES, st.binary(max_size=60)).map(lambda parts: parts[0].encode() + parts[1]),
).filter(lambda noise: b";" not in noise and noise.strip(b' \t"').decode("latin-1") not in ONE_WORD_CHOICES)


def granted(signals: Iterable[Signal]) -> set[Purpose]:
    """The purposes some signal grants."""
    return {purpose for signal in signals for purpose in OPTIONAL if signal.says.get(purpose) is Permission.GRANTED}


@given(name=st.sampled_from(NAMES), noise=NOISE)
def test_noise_in_a_cookie_neither_raises_nor_grants(name: str, noise: bytes) -> None:
    """Any bytes under any platform's name, with and without a site map."""
    line = name.encode() + b"=" + noise
    for readers in (READERS_UNMAPPED, READERS_MAPPED):
        assert granted(readers.read([line])) == set()


@given(st.dictionaries(st.sampled_from(NAMES), NOISE, max_size=8))
def test_noise_never_silences_a_refusal(noise: dict[str, bytes]) -> None:
    """Whatever else stands in the header, a refusal and an opt-out are still reported."""
    refused = f"cookieyes-consent=action:yes,analytics:no,advertisement:no; euconsent-v2={tc_string()}".encode()
    line = b"; ".join([refused, b"usprivacy=1YYN", *(name.encode() + b"=" + value for name, value in noise.items())])
    alone, among = READERS_UNMAPPED.read([refused, b"usprivacy=1YYN"]), READERS_UNMAPPED.read([line])
    said = {(signal.source, signal.role, tuple(signal.says.items())) for signal in among}
    assert {(signal.source, signal.role, tuple(signal.says.items())) for signal in alone} <= said


@pytest.mark.parametrize("stem", FILES)
def test_a_refusing_cookie_cut_off_anywhere_does_not_grant(stem: str) -> None:
    """Every prefix of a rejected cookie, and of a partial one for marketing."""
    for kind, forbidden in (("rejected", set(OPTIONAL)), ("partial", {Purpose.MARKETING})):
        case: dict[str, Any] = FILES[stem]["cases"].get(kind, {"cookie": ""})
        site = {name: Purpose(purpose) for name, purpose in case.get("map", {}).items()}
        readers = CookieReaders(categories={SOURCES[stem]: site})
        line = case["cookie"].encode()
        for end in range(len(line)):
            assert not forbidden & granted(readers.read([line[:end]])), end


@given(stem=st.sampled_from(sorted(FILES)), at=st.floats(0, 1), byte=st.binary(min_size=1, max_size=3))
def test_a_damaged_cookie_never_raises(stem: str, at: float, byte: bytes) -> None:
    """A few bytes overwritten anywhere in a well-formed cookie."""
    for case in FILES[stem]["cases"].values():
        line = case["cookie"].encode()
        place = int(at * len(line))
        READERS_MAPPED.read([line[:place] + byte + line[place + len(byte) :]])


@given(st.text() | st.text(alphabet="ABCDEFabcdef0189-_.~=YN%", max_size=120))
def test_no_text_makes_a_string_reader_raise_or_grant_by_noise(text: str) -> None:
    """TCF, GPP and US Privacy take any text; what they cannot read is a signal."""
    signals = [tcf.read(text), *gpp.read(text), usprivacy.read(text)]
    signals += parameters.read({name: [text] for name in parameters.NAMES})
    assert all(signal.standing is not Standing.MALFORMED or not signal.says for signal in signals)


@given(
    purposes=st.sets(st.integers(1, 24)),
    vendors=st.sets(st.integers(1, 900), max_size=40),
    spans=st.lists(
        st.tuples(st.integers(1, 5000), st.integers(0, 300)).map(lambda pair: (pair[0], pair[0] + pair[1])),
        max_size=12,
    ),
)
def test_what_was_encoded_is_what_is_decoded(
    purposes: set[int], vendors: set[int], spans: list[tuple[int, int]]
) -> None:
    """Purposes, a bit field of vendors, ranges of vendors."""
    text = tc_string(purposes=purposes, vendors=vendor_field(vendors), vendor_interests=vendor_ranges(spans))
    tc = tcf.parse(text)
    assert purposes == {number for number in range(1, 25) if number in tc.purpose_consents}
    assert vendors == {number for number in range(1, 901) if number in tc.vendor_consents}
    expected = {number for first, last in spans for number in range(first, last + 1)}
    assert expected == {number for first, last in tc.vendor_li.intervals() for number in range(first, last + 1)}
    assert all(number in tc.vendor_li for number in expected)


@given(
    purposes=st.sets(st.integers(1, 11)),
    more=st.sets(st.integers(1, 11)),
    needs=st.sets(st.integers(1, 11), min_size=1),
)
def test_more_consent_never_allows_less(purposes: set[int], more: set[int], needs: set[int]) -> None:
    """Adding purposes to a string can only turn refusals into grants."""
    vendors = vendor_field([755])
    less = tcf.vendor_permission(tcf.parse(tc_string(purposes=purposes, vendors=vendors)), 755, needs)
    after = tcf.vendor_permission(tcf.parse(tc_string(purposes=purposes | more, vendors=vendors)), 755, needs)
    assert less is not Permission.GRANTED or after is Permission.GRANTED


@given(JSON, st.dictionaries(st.text(max_size=8), JSON, max_size=5))
def test_no_object_makes_a_flag_raise_or_gives_it_a_voice(value: object, inner: dict[str, object]) -> None:
    """Any JSON as the consent of an event; the role stays that of a flag or opt-out."""
    for consent in (value, inner, {"categoryPreferences": inner}, {"deniedConsentIds": value}):
        for read in (google.read_object, segment.read, rudderstack.read, walkeros.read, shopify.read):
            signals = read(consent)
            assert {signal.role for signal in signals} <= {Role.FLAG, Role.OPT_OUT}


@given(st.lists(st.text(max_size=40), max_size=5))
def test_no_query_makes_a_flag_raise(values: list[str]) -> None:
    """Any values of gcs, gcd and npa, any DNT."""
    google.read_query({"gcs": values, "gcd": values, "npa": values})
    dnt.read(values)


@given(JSON | st.text())
def test_dates_and_ids_are_made_of_anything_or_nothing(value: object) -> None:
    """No number is too large, no text too odd."""
    at, evidence, notice = when(value), token(value), label(value)
    assert at is None or 0 < at < 2**33
    assert evidence is None or not set("@.:") & set(evidence)
    assert notice is None or "@" not in notice


@given(st.text() | st.text(alphabet='%0123456789abcdefABCDEF{}":,', max_size=60))
def test_unwrapping_raises_one_error_only(text: str) -> None:
    """Percent signs, JSON, base64, bits: unreadable or read."""
    for unwrap in (plain, unquote, json_object, base64_json, Bits):
        try:
            unwrap(text)
        except UnreadableError as why:
            assert not text or len(text) < 4 or text not in str(why)


@given(st.text(alphabet='%2C3A5BDE7bd"x,:{}[]', max_size=40))
def test_the_quick_unquote_is_the_library_s(text: str) -> None:
    """Replacing the common escapes first gives what decoding them all at once gives."""
    from urllib.parse import unquote_to_bytes

    try:
        expected = unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        return
    assert expected == unquote(text)
