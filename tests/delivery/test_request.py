"""What a vendor gets, byte by byte, and what is never sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.delivery.request import write
from gatekeeper.errors import DeliveryError
from gatekeeper.model import Outgoing

OURS = b"Accept: */*\r\nUser-Agent: gatekeeper\r\nHost: v.example\r\n"


def written(method="GET", url="https://v.example/", headers=(), body=b""):
    return write(Outgoing(method, url, tuple(headers), body))[1]


def test_a_post_is_written_as_it_always_was():
    """Names in the usual case, ours behind what was given, the length last."""
    got = written("POST", "https://v.example/a?b=c", [("content-type", "application/json"), ("X-API-key", "k")], b"{}")
    head = b"POST /a?b=c HTTP/1.1\r\nContent-Type: application/json\r\nX-Api-Key: k\r\n" + OURS
    assert got == head + b"Content-Length: 2\r\n\r\n{}"


@pytest.mark.parametrize(
    ("method", "body", "end"),
    [
        ("GET", b"", b"\r\n"),
        ("HEAD", b"", b"\r\n"),
        ("GET", b"a", b"Content-Length: 1\r\n\r\na"),
        ("POST", b"", b"Content-Length: 0\r\n\r\n"),
        ("DELETE", b"", b"Content-Length: 0\r\n\r\n"),
    ],
)
def test_only_what_has_or_may_have_a_body_has_a_length(method, body, end):
    """A length of 0 on a GET makes some servers suspicious, a POST without one others."""
    assert written(method, body=body) == method.encode() + b" / HTTP/1.1\r\n" + OURS + end


def test_given_headers_stand_for_ours():
    """Each of the three."""
    given = [("USER-AGENT", "Mine/1"), ("accept", "text/plain"), ("host", "other.example")]
    got = written(headers=given)
    assert got == b"GET / HTTP/1.1\r\nUser-Agent: Mine/1\r\nAccept: text/plain\r\nHost: other.example\r\n\r\n"


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://v.example", "/"),
        ("https://v.example?a=/b", "/?a=/b"),
        ("https://v.example/?", "/?"),
        ("https://v.example/a/../b/./c//d", "/a/../b/./c//d"),
        ("https://v.example/%2F%2f%zz?%", "/%2F%2f%zz?%"),
        ("https://v.example/a#b?c", "/a"),
        ("https://v.example/ä b\"<>`{}'\\^|", "/%C3%A4%20b%22%3C%3E%60%7B%7D'\\^|"),
        ("https://v.example/?ä b\"<>`{}'\\^|", "/?%C3%A4%20b%22%3C%3E`{}%27\\^|"),
        ("https://v.example/?a=b?c@d:e!$&()*+,;=[]~", "/?a=b?c@d:e!$&()*+,;=[]~"),
    ],
)
def test_targets_go_out_as_they_are_but_for_what_no_url_may_hold(url, target):
    """Signed ones stay valid."""
    assert written(url=url).split(b" ")[1] == target.encode()


@pytest.mark.parametrize(
    ("start", "host", "port", "name"),
    [
        ("https://v.example", "v.example", 443, "v.example"),
        ("HTTPS://V.example:443", "v.example", 443, "v.example"),
        ("http://v.example", "v.example", 80, "v.example"),
        ("http://v.example:443", "v.example", 443, "v.example:443"),
        ("https://v.example:8443", "v.example", 8443, "v.example:8443"),
        ("http://[2001:db8::1]:81", "2001:db8::1", 81, "[2001:db8::1]:81"),
        ("http://bücher.example", "xn--bcher-kva.example", 80, "xn--bcher-kva.example"),
    ],
)
def test_origins(start, host, port, name):
    """The Host header names the port only where it is not the usual one."""
    origin, raw = write(Outgoing("GET", start + "/x", (), b""))
    assert (origin.host, origin.port, origin.tls) == (host, port, start[:5].lower() == "https")
    assert f"\r\nHost: {name}\r\n".encode() in raw


def test_user_and_password_of_a_url_become_a_header():
    """And stand nowhere else."""
    raw = written(url="https://me:pa%20ss@v.example/")
    assert b"\r\nAuthorization: Basic bWU6cGEgc3M=\r\n" in raw and b"Host: v.example\r\n" in raw and b"@" not in raw


REFUSED = {
    "line break in the path": {"url": "https://v.example/a\r\nX: b"},
    "line feed in the query": {"url": "https://v.example/?a\nb"},
    "tab in the path": {"url": "https://v.example/a\tb"},
    "NUL in the path": {"url": "https://v.example/\0"},
    "line break in the host": {"url": "https://v.exa\r\nmple/"},
    "space in the host": {"url": "https://v.exa mple/"},
    "line break in the fragment": {"url": "https://v.example/#\r\n"},
    "no host": {"url": "https:///a"},
    "no such port": {"url": "https://v.example:99999/"},
    "another protocol": {"url": "ftp://v.example/"},
    "half a character in the path": {"url": "https://v.example/\ud800"},
    "line break in a value": {"headers": [("X", "a\r\nB: c")]},
    "line feed in a value": {"headers": [("X", "a\nb")]},
    "NUL in a value": {"headers": [("X", "a\0b")]},
    "half a character in a value": {"headers": [("X", "\udc80")]},
    "line break in a name": {"headers": [("X\r\nY", "a")]},
    "colon in a name": {"headers": [("X:", "a")]},
    "no name": {"headers": [("", "a")]},
    "space in a name": {"headers": [("X ", "a")]},
    "a length of its own": {"headers": [("content-length", "0")]},
    "chunks": {"headers": [("Transfer-Encoding", "chunked")]},
    "space in the method": {"method": "GET / HTTP/1.1\r\nX:"},
    "no method": {"method": ""},
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_could_be_read_as_another_request_is_refused(name):
    """As our own fault, without a word of it in the error."""
    with pytest.raises(DeliveryError) as raised:
        written(**REFUSED[name])
    assert str(raised.value) == "internal_error" and raised.value.__cause__ is None


@given(
    method=st.text(),
    rest=st.text(),
    headers=st.lists(st.tuples(st.one_of(st.sampled_from(["X-A", "Accept"]), st.text()), st.text()), max_size=3),
    body=st.binary(max_size=9),
)
def test_whatever_is_given_there_is_one_request_or_none(method, rest, headers, body):
    """As many lines as headers and ours, a target without a space."""
    try:
        raw = written(method, "https://v.example/" + rest, headers, body)
    except DeliveryError:
        return
    head, _, after = raw.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    assert after == body and b"\n" not in head.replace(b"\r\n", b"") and b"\r" not in head.replace(b"\r\n", b"")
    assert first.count(b" ") == 2 and first.endswith(b" HTTP/1.1")
    given_names = [name.lower() for name, _ in headers]
    ours = [name for name in ("accept", "user-agent", "host") if name not in given_names]
    names = [line.partition(b":")[0].decode().lower() for line in lines]
    assert names == [*given_names, *ours, *(["content-length"] if body or method not in ("GET", "HEAD") else [])]
