"""Secrets without a name: 32 characters and more of letters and digits in no readable order.

Session and reset tokens, MD5 and SHA digests (a digest of an e-mail address is still that person's). What is
readable changes seldom between letters and digits, or upper and lower case; what is random, at every second
or third character. Left alone: UUIDs, slugs, camel case, mangled names, hashes in names of assets
(`app.<hash>.css`), and base64 of plain readable text, which is searched for what it holds instead.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from math import log2

from gatekeeper.scrub.found import Span
from gatekeeper.scrub.packed import readable

_RUN = re.compile(r"[A-Za-z0-9_\-]{32,}")
_UUID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
_BARE_UUID = re.compile(r"[0-9A-Fa-f]{12}[47][0-9A-Fa-f]{3}[89ABab][0-9A-Fa-f]{15}\Z")
_ASSET = re.compile(
    r"\.(?:chunk\.|min\.|bundle\.)?"
    r"(?:[cm]?js|css|map|json|wasm|woff2?|ttf|otf|png|jpe?g|gif|webp|avif|svg|ico|mp4|webm)\b"
)
_CHANGE = re.compile("(?<=[a-z])[A-Z0-9]|(?<=[A-Z])[0-9]|(?<=[0-9])[A-Za-z]")
_MANGLED = re.compile("_{1,3}(?:Z|R)")  # C++ and Rust names in native stack traces
_BREAK = re.compile("[_-]")
_CHANGES = 0.22  # per character
_BITS = 3.0  # Shannon entropy per character
_DIGITS = 3
_PIECE = 5  # mean length between dashes


def find(text: str) -> Iterator[Span]:
    """Each secret as `token`."""
    if len(text) < 32:
        return
    for match in _RUN.finditer(text):
        run = match.group()
        if _ASSET.match(text, match.end()) or _BARE_UUID.match(run) or _MANGLED.match(run):
            continue
        if _random(_UUID.sub("", run)) and not readable(run):
            yield Span(match.start(), match.end(), "token")


def _random(run: str) -> bool:
    size = len(run)
    if size < 32 or sum(char.isdigit() for char in run) < _DIGITS or run.isdigit():
        return False
    if size < _PIECE * (1 + len(_BREAK.findall(run))) or len(_CHANGE.findall(run)) < _CHANGES * size:
        return False
    counts = Counter(run).values()
    return -sum(count / size * log2(count / size) for count in counts) >= _BITS
