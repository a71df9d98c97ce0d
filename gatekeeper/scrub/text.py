"""Scrubs free text. URLs in it keep only the default query parameters."""

from __future__ import annotations

import re

from gatekeeper.scrub.found import Scrubbed, settled, without
from gatekeeper.scrub.search import SHAPES_ONLY, Search
from gatekeeper.scrub.url import ENCODED_QUERY, scrub_url
from gatekeeper.scrub.views import mended

_STOP = r"\s\"'<>`，。、；：！？（）「」『』《》【】“”„’"
# The part of an address that can hold more than the page's address: from its host, its query, or its fragment on.
_ADDRESS = re.compile(
    rf"(?<=:)//[^{_STOP}]+|[?#](?=[A-Za-z0-9_.\-\[\]%$~]{{1,60}}=)[^{_STOP}]+|{ENCODED_QUERY.pattern}"
)
# A document in an address (RFC 2397): only its scheme stays.
_DATA = re.compile(rf"(?<![A-Za-z0-9])(data:)[a-z]{{1,20}}/[a-z0-9.+-]{{1,80}}[;,][^{_STOP}]*", re.IGNORECASE)
_PARTS = re.compile("[?#@;%]")  # without one of these there is nothing in an address but a host and a path
# What follows an address in prose and stack traces, read backwards: `:line:column)`, a full stop, a bracket.
_AFTER = re.compile(r"[)\]}.,;:!?]*(?:\d{1,7}:){0,2}")


def scrub_text(text: str, search: Search = SHAPES_ONLY, *, machinery: bool = False) -> Scrubbed:
    """The text with each shape replaced by its name in brackets, `[email]`; never raises for any `str`.

    `search` says what else is looked for; `machinery` is true of texts that programs write.
    """
    return settled(text, lambda one: _scrubbed(one, search, machinery))


def _scrubbed(text: str, search: Search, machinery: bool) -> tuple[Scrubbed, bool]:
    text = mended(text)
    cut: dict[str, None] = {}
    if "?" in text or "#" in text or "%" in text or "://" in text:
        text = _ADDRESS.sub(lambda match: _address(match.group(), cut), text)
    if "data:" in text:
        text = _DATA.sub(lambda match: _data(match, cut), text)
    spans = search.spans(text, machinery=machinery)
    if not spans:
        return Scrubbed(text, tuple(cut)), False
    result = without(text, spans)
    return Scrubbed(result.text, (*cut, *result.found)), True


def _data(match: re.Match[str], cut: dict[str, None]) -> str:
    cut["scheme"] = None
    return match[1]


def _address(written: str, cut: dict[str, None]) -> str:
    """One address of a text; the punctuation that ends it is the sentence's."""
    if not _PARTS.search(written):
        return written
    after = _AFTER.match(written[::-1])
    size = len(written) - (after.end() if after else 0)
    if written[0] == "%":
        cut["query"] = None
        return written[size:]
    result = scrub_url(written[:size])
    cut.update(dict.fromkeys(result.found))
    return result.text + written[size:]
