"""The Cookie header, split as browsers write it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.signals.header import header_values, split_cookies


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([b"a=1; b=2"], {"a": ("1",), "b": ("2",)}, id="two"),
        pytest.param([b"a=1; a=2"], {"a": ("1", "2")}, id="duplicates-kept-in-order"),
        pytest.param([b"a=1", b"a=2; b=3"], {"a": ("1", "2"), "b": ("3",)}, id="several-lines"),
        pytest.param([b"a=1;b=2;\t c = 3 "], {"a": ("1",), "b": ("2",), "c": ("3",)}, id="odd-blanks"),
        pytest.param([b'a="x|y"; b=""; c="'], {"a": ("x|y",), "b": ("",), "c": ('"',)}, id="quotes"),
        pytest.param([b"a=b=c=="], {"a": ("b=c==",)}, id="first-equals-separates"),
        pytest.param([b"a; =b; c=1;;"], {"c": ("1",)}, id="nameless"),
        pytest.param(
            [b'cc_cookie={"categories":["a","b"]}; z=1'],
            {"cc_cookie": ('{"categories":["a","b"]}',), "z": ("1",)},
            id="raw-json-loses-nobody",
        ),
        pytest.param([b"p=permit 1,2,3; q=1"], {"p": ("permit 1,2,3",), "q": ("1",)}, id="blanks-and-commas-inside"),
        pytest.param([b"a=\xff\xfe; b=\xc3\xa9"], {"a": ("\udcff\udcfe",), "b": ("é",)}, id="invalid-utf-8"),
        pytest.param([], {}, id="none"),
    ],
)
def test_a_header_is_split_without_losing_anything(lines: list[bytes], expected: dict[str, tuple[str, ...]]) -> None:
    """Order, duplicates, quotes, and values that the standard library gives up on."""
    assert expected == split_cookies(lines)


def test_every_value_of_a_header_is_found() -> None:
    """Two fields of one name stay two."""
    headers = [(b"cookie", b"a=1"), (b"dnt", b"1"), (b"cookie", b"b=2")]
    expected = (b"a=1", b"b=2")
    assert expected == header_values(headers, b"cookie")


@given(st.lists(st.binary()))
def test_no_bytes_make_it_raise(lines: list[bytes]) -> None:
    """Whatever a client sends."""
    split_cookies(lines)
