"""JSON Web Tokens: base64url pieces joined by dots, the first of them a JSON object with an `alg` member.

RFC 7515 and 7516: `alg` is the one member that every header has. The letters that `"alg"` becomes in base64,
in each of its three alignments, are looked for, which needs no decoding.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator

from gatekeeper.scrub.found import Span

_RUN = re.compile(r"[A-Za-z0-9_\-.]{20,}")
_PARTS = 5  # a JWE has five, a JWS three
_PAYLOAD = 2  # characters that have to follow the header


def _in_base64(plain: bytes) -> Iterator[str]:
    """The characters that stand for `plain` alone, in each alignment."""
    for shift in range(3):
        written = b64encode(b"\0" * shift + plain).decode().rstrip("=")
        whole = (shift + len(plain)) * 8 // 6
        yield written[-(-shift * 8 // 6) : whole]


ALG = re.compile("|".join(_in_base64(b'"alg"')))
_OPENING = re.compile("eyJ|ewo|eyA|ewk|ew0")  # {" and { with white space after it


def suspicious(text: str) -> bool:
    """Whether there may be a header of a token."""
    return "." in text and ALG.search(text) is not None


def find(text: str) -> Iterator[Span]:
    """Each token as `jwt`, from its header to its last part."""
    if not suspicious(text):
        return
    for run in _RUN.finditer(text):
        taken = run.start()
        for alg in ALG.finditer(text, run.start(), run.end()):
            dot = text.find(".", alg.end(), run.end())
            if alg.start() < taken or dot < 0:
                continue
            piece = max(taken, text.rfind(".", taken, alg.start()) + 1)
            opening = _OPENING.search(text, piece, alg.start())
            end = _end(text, dot, run.end())
            if end - dot > _PAYLOAD:
                yield Span(opening.start() if opening else piece, end, "jwt")
                taken = end


def _end(text: str, dot: int, limit: int) -> int:
    """Where the last of the parts after `dot` ends; only the first of them may be empty (RFC 7516, 7.1)."""
    for part in range(_PARTS - 1):
        following = text.find(".", dot + 1, limit)
        if following < 0:
            return limit
        if following == dot + 1 and part:
            return dot
        dot = following
    return dot
