"""Sentry's envelopes: items judged one by one, opaque ones dropped, lengths written anew."""

import gzip
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.vendors.dialect import Unreadable
from gatekeeper.vendors.sentry import envelope

ID = "c3b2ccb58a6d4b8bbed052456523139c"
ERROR = {"event_id": ID, "exception": {"values": [{"type": "ValueError", "value": "bad"}]}}


def event(**more: object) -> tuple[dict[str, object], bytes]:
    return {"type": "event"}, json.dumps({**ERROR, **more}).encode()


def items(made) -> list[tuple[str, bytes]]:
    """Type and payload of each item that goes out; reading it proves the lengths."""
    body = made.outgoing.body
    _, found = envelope.read(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)
    assert all(item.header["length"] == len(item.payload) for item in found)
    return [(item.header["type"], item.payload) for item in found]


HEADERS = st.dictionaries(st.text(max_size=8), st.text(max_size=8) | st.integers(0, 9), max_size=3)


@settings(deadline=None)
@given(HEADERS, st.lists(st.tuples(HEADERS.map(lambda one: one | {"type": "x"}), st.binary(max_size=40)), max_size=5))
def test_what_is_written_is_read_again(header, rows):
    """Payloads with line feeds, empty ones, any bytes."""
    read_header, found = envelope.read(envelope.write(header, rows))
    assert read_header == header
    assert [item.payload for item in found] == [payload for _, payload in rows]


@settings(deadline=None)
@given(
    st.binary(max_size=200)
    | st.from_regex(rb'\{\}\n(\{"type":"[a-z]{1,5}"(,"length":[0-9]{1,3})?\}\n.{0,9}\n?){0,4}', fullmatch=True)
)
def test_any_bytes_are_an_envelope_or_are_not(body):
    """Nothing but Unreadable is ever raised."""
    try:
        envelope.read(body)
    except Unreadable as error:
        assert error.why
