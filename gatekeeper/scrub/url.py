"""Scrubs URLs: absolute, protocol-relative or relative. What stays is never re-encoded.

Userinfo, fragment, `;name=value` path parameters and every query parameter that is not on the list go; a path
segment that holds a shape becomes that shape, and so does a shape in the value of a listed parameter. A host
that is an IP address is one too: a referrer may well be a visitor's own machine. Of addresses that are no pages
(`file:`, `data:`, `blob:`, `javascript:`, `mailto:` …) only the scheme stays.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from gatekeeper.scrub.found import Scrubbed, Span, settled, without
from gatekeeper.scrub.search import SHAPES_ONLY, Search
from gatekeeper.scrub.views import mended

DEFAULT_PARAMS = frozenset(
    {
        "utm_source",
        "utm_medium",
        "utm_campaign",
        "utm_term",
        "utm_content",
        "utm_id",
        "utm_source_platform",
        "utm_creative_format",
        "utm_marketing_tactic",
    }
)
"""The campaign parameters of GA4 (https://support.google.com/analytics/answer/10917952); the policy adds."""

_AUTHORITY = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.\-]{0,30}:)?[/\\]{2}([^/\\?#]*)")
_PARAMETER = re.compile("([?&;])([^?&;]*)")
_PATH_PARAMETER = re.compile(r"[;&][^/;&=?]*=[^/;&?]*")
# A question mark, ampersand, semicolon or hash that was encoded with the rest of an address, and what follows.
ENCODED_QUERY = re.compile(
    r"%(?:25){0,3}(?:3[Ff]|26|3[Bb]|23)(?=[^\s\"'<>&]{0,60}?(?:=|%(?:25){0,3}3[Dd]))[^\s\"'<>&]*"
)
_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.\-]{0,40}):")
_PAGES = frozenset({"http", "https", "android-app", "ios-app"})
_BLANK = re.compile(r"about:(?:blank|srcdoc)?", re.IGNORECASE)
_PORT = re.compile(r"\d{1,5}(?:[/?#]|\Z)")
_NUMBERS = frozenset({"tel", "sms", "fax", "callto", "sip", "facetime", "whatsapp", "modem", "data"})
_NAMES = frozenset({"first_name", "last_name", "street", "date_of_birth"})


def scrub_url(url: str, params: frozenset[str] = DEFAULT_PARAMS, search: Search = SHAPES_ONLY) -> Scrubbed:
    """The URL with only the parameters in `params` (compared decoded, letter case counts), and no shape.

    `found` may begin with `scheme` (all but the scheme was dropped), `userinfo`, `query` (parameters were dropped) and
    `fragment`. `search` says what else is looked for.
    """
    return settled(url, lambda text: _scrubbed(text, params, search))


def _scrubbed(url: str, params: frozenset[str], search: Search) -> tuple[Scrubbed, bool]:
    url = mended(url)
    scheme = _SCHEME.match(url)
    if scheme is not None and not _is_page(url, scheme):
        return Scrubbed(scheme.group(), () if scheme.end() == len(url) else ("scheme",)), False
    url, _, fragment = url.partition("#")
    head, mark, query = url.partition("?")
    cut: list[str] = []
    authority = _AUTHORITY.match(head)
    path = 0
    if authority:
        userinfo, at, _ = authority.group(1).rpartition("@")
        path = authority.end()
        if at:
            cut.append("userinfo")
            head = head[: authority.start(1)] + head[authority.start(1) + len(userinfo) + 1 :]
            path -= len(userinfo) + 1
    kept, dropped = _allowed(mark + query, params)
    if ";" in head or "&" in head or "%" in url:
        bare = _PATH_PARAMETER.sub("", head[path:])
        bare = head[:path] + ENCODED_QUERY.sub("", bare)
        dropped = dropped or bare != head
        head = bare
        if "%" in kept:
            shorter = ENCODED_QUERY.sub("", kept)
            dropped = dropped or shorter != kept
            kept = shorter
    if dropped:
        cut.append("query")
    if fragment:
        cut.append("fragment")
    clean = head + kept
    spans = search.spans(clean)
    if not spans:
        return Scrubbed(clean, tuple(cut)), False
    # What stands beside a name in a segment is the site's (`/rose-gold-ring`), beside other shapes it is personal, too.
    wide = [span if span.shape in _NAMES else _segment(clean, span, path, len(head)) for span in spans]
    result = without(clean, wide)
    return Scrubbed(result.text, (*cut, *result.found)), True


def _is_page(url: str, scheme: re.Match[str]) -> bool:
    """Whether what begins like a scheme is that of a page, or a host and its port."""
    name = scheme[1].lower()
    if name in _PAGES or _BLANK.fullmatch(url):
        return True
    return name not in _NUMBERS and _PORT.match(url, scheme.end()) is not None


def _allowed(query: str, params: frozenset[str]) -> tuple[str, bool]:
    """The query with the listed parameters only, and whether others were dropped."""
    kept: list[str] = []
    dropped = False
    for mark, parameter in _PARAMETER.findall(query):
        name = parameter.partition("=")[0]
        if name in params or ("%" in name and unquote(name) in params):
            kept.append((mark if kept else "?") + parameter)
        elif parameter:
            dropped = True
    return "".join(kept), dropped


def _segment(text: str, span: Span, begin: int, end: int) -> Span:
    """A span in the path, widened to the segments it touches."""
    if span.start >= end or span.end <= begin:
        return span
    start = min(span.start, max(begin, text.rfind("/", begin, max(begin, span.start)) + 1))
    stop = text.find("/", span.end, end)
    return Span(start, max(span.end, end if stop < 0 else stop), span.shape)
