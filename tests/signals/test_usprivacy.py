"""The US Privacy string: the shared vectors, and what becomes of it as a signal."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import pytest

from gatekeeper.model import Permission, Purpose, Role, Signal, Standing
from gatekeeper.signals import parameters, usprivacy
from gatekeeper.signals.cookies import CookieReaders
from gatekeeper.signals.encoding import UnreadableError
from tests.signals.reading import opted_out, vectors

ALL = vectors("usprivacy")
STRINGS = [vector for vector in ALL if isinstance(vector["input"], str)]
CARRIED = [vector for vector in ALL if isinstance(vector["input"], dict)]


@pytest.mark.parametrize("vector", STRINGS, ids=[vector["name"] for vector in STRINGS])
def test_a_string_of_the_vectors_is_decoded(vector: dict[str, Any]) -> None:
    """Four characters, or none of it."""
    expect = vector["expect"]
    if not expect["ok"]:
        with pytest.raises(UnreadableError):
            usprivacy.parse(vector["input"])
        return
    string = usprivacy.parse(vector["input"])
    assert expect == {"ok": True, "ccpa_applies": string.ccpa_applies} | {
        name: getattr(string, name) for name in ("version", "notice", "opt_out_sale", "lspa")
    }


def carried(vector: dict[str, Any]) -> tuple[Signal, ...]:
    """The signals of a cookie or query."""
    if "cookie" in vector["input"]:
        return CookieReaders().read([vector["input"]["cookie"].encode()])
    return parameters.read(parse_qs(vector["input"]["query"]))


@pytest.mark.parametrize("vector", CARRIED, ids=[vector["name"] for vector in CARRIED])
def test_a_string_is_found_in_its_carrier(vector: dict[str, Any]) -> None:
    """Cookies, their variants, parameters; of two the opt-out counts; broken is never "did not opt out"."""
    expect, signals = vector["expect"], carried(vector)
    assert expect.get("opt_out_sale", False) is opted_out(signals)
    decided = [signal for signal in signals if signal.standing is Standing.DECIDED]
    assert expect["ok"] == bool(decided)


def test_an_opt_out_denies_marketing_only() -> None:
    """Sale is marketing's business, not analytics'."""
    signal = usprivacy.read("1YYN")
    assert (
        signal.role,
        signal.denies_as,
        signal.says,
    ) == (Role.OPT_OUT, "sale_opt_out", {Purpose.MARKETING: Permission.DENIED})


@pytest.mark.parametrize("value", ["1YNN", "1---", "1N--"])
def test_no_opt_out_says_nothing(value: str) -> None:
    """Not having opted out is no consent."""
    assert (usprivacy.read(value).standing, usprivacy.read(value).says) == (Standing.DECIDED, {})


def test_the_json_wrapper_is_read() -> None:
    """Some platforms store an object around the string."""
    assert opted_out([usprivacy.read("%7B%22uspString%22%3A%221YYN%22%2C%22version%22%3A1%7D")])


@pytest.mark.parametrize("value", ["1yyn", "2YYN", "{}", '{"uspString":1}', "1YYN1YYN", "\udcff", "１YYN"])
def test_anything_else_is_malformed(value: str) -> None:
    """Unreadable, never an exception."""
    assert Standing.MALFORMED is usprivacy.read(value).standing


def test_an_emptied_cookie_is_as_if_absent() -> None:
    """Platforms clear a cookie by emptying it."""
    assert Standing.UNDECIDED is usprivacy.read(" ").standing
