"""Hostile texts take time in proportion to their length, not to its square."""

from __future__ import annotations

import gc
import math
from base64 import b64encode
from collections.abc import Callable
from time import process_time

import pytest

from gatekeeper.scrub import lift_click_ids, personal_shape, scrub_text, scrub_url


def nested(times: int) -> str:
    """An address in base64, in base64, …"""
    word = b"jane@example.com"
    for _ in range(times):
        word = b64encode(word)
    return word.decode()


WORDS = r"""
a @ a@ a@b. a@b.co@ 1 1. 12: 4242 +1 +49- 0/ 203.0.113. :: a: 2001:db8: % %25 %2540 %3F %3F= ? ?a= ?a=b& #a=
// :// http://a@ eyJ eyJ. eyJhbGciOi eyJhbGciOiJIUzI1NiJ9. A Aa1 aB3- QEFB MTIz /amFuZUBl
amFuZUBleGFtcGxlLmNvbQ 6a616e65 DE89 DE89370400440532013000 password= password=a token: bearer -----BEGIN
&#64; &# \u0040 \x40 ;a= ) tel tel1 phone: ghp_ sk_live_a1 SG.aaaaaaaaaaaaaaaa. _ - . " "a"@ [ a@[1 v1. a1
utm_source=a& gclid=1& é 中 ٤ ＠ 🎉
"""
SPACED = ["1 ", "4242 ", "1.2.3.4 ", "DE89 ", "tel 1", "bearer a", "-----BEGIN PRIVATE KEY-----", "\n"]
INVISIBLE = ["\0", "\ud800", "\u200b", "\u00ad", "\u202e"]
HOSTILE = [*WORDS.split(), *SPACED, *INVISIBLE, nested(6), nested(4) + " "]
SHORT, LONG = 2_000, 20_000
# Ten times the length may take ten times as long; a hundred times would be quadratic.
LIMIT = 35.0
FLOOR = 0.001  # seconds: below this the clock says nothing


def seconds(scrub: Callable[[str], object], text: str, enough: float = 0.0) -> float:
    """The least processor time of five runs; of fewer, where one took no longer than `enough`.

    Collecting what the whole process left behind is not the text's.
    """
    least = math.inf
    gc.disable()
    try:
        for _ in range(5):
            start = process_time()
            scrub(text)
            least = min(least, process_time() - start)
            if least <= enough:
                break
    finally:
        gc.enable()
    return least


@pytest.mark.parametrize("scrub", [scrub_text, scrub_url, personal_shape, lift_click_ids])
def test_time_grows_with_length_only(scrub: Callable[[str], object]) -> None:
    """Ten times the text takes far less than a hundred times as long, for any repeated piece."""
    slow = {}
    for piece in HOSTILE:
        short, long = (piece * (length // len(piece)) for length in (SHORT, LONG))
        most = LIMIT * max(FLOOR, seconds(scrub, short))
        if (taken := seconds(scrub, long, most)) > most:
            slow[piece[:20]] = round(LIMIT * taken / most)
    assert slow == {}


@pytest.mark.parametrize("piece", ["a@b.co ", "+49 30 23125 001 ", "4242424242424242 ", "%40", "é@ö.de "])
def test_a_megabyte_is_scrubbed(piece: str) -> None:
    """Length alone is no reason to fail."""
    text = piece * (1_000_000 // len(piece))
    assert piece.strip() not in scrub_text(text).text or piece == "%40"
