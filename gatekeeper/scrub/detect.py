"""Finds every shape in a text, in whatever coat it stands. Pure and linear.

    the text, folded ──> shapes
        │  └─ words in base64 or hex ──> decoded, and the same again
        └─ one layer of escapes undone ──> and the same again

Each turn of the screw costs one of `DEPTH`; each decoded text is no longer than its carrier. Most texts are
turned away before all that by `_ordinary`.
"""

from __future__ import annotations

import re
from functools import partial

from gatekeeper.scrub import packed
from gatekeeper.scrub.found import Span
from gatekeeper.scrub.shapes import SHAPES
from gatekeeper.scrub.views import View, folded, unescaped

DEPTH = 4

# Shapes that are looked for even where the rest of a decoded word is no text: too exact to be met by chance.
_EXACT = frozenset({"email", "card", "iban", "jwt"})

# Digits: seven near each other, four numbers with dots, a long hexadecimal run, or a run with letters between.
_DIGITS = re.compile(
    r"\d(?:(?:[ \t.\-/()_+]{0,3}\d){6}|\d{0,2}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{11}|(?:[A-Za-z_\-]{1,12}\d){3})"
)
# Capitals inside a word: base64 of an at sign or of digits, and vendors' prefixes.
_CAPITALS = re.compile(r"[A-P](?:(?<=[A-Za-z0-9+/_\-].)|(?<=[MNO])[DTjz])")
_LONG = re.compile(r"[A-Za-z0-9_\-]{32}")
_KEYS = re.compile(
    r"[sr]k[_-]|gh[oprsu]_|github_pat|xox|npm_|hf_|shp|do[opr]_v|whsec|pypi-|glpat|-----B|EAA|SG\.|ya29"
)
_NAMES = re.compile("bearer|basic|pass|pwd|secret|key|token|authorization", re.IGNORECASE)


def find(text: str) -> list[Span]:
    """Every shape in `text`; spans may overlap."""
    if _ordinary(text):
        return []
    return _layers(folded(View(text)), DEPTH, clean=True)


def _ordinary(text: str) -> bool:
    """Whether a look is enough to say that there is nothing. Never true of a text that holds a shape."""
    return (
        text.isascii()
        and "@" not in text
        and "%" not in text
        and "\\" not in text
        and "&" not in text
        and "\0" not in text
        and not _DIGITS.search(text)
        and not _CAPITALS.search(text)
        and text.count(":") < 2
        and (len(text) < 32 or not _LONG.search(text))
        and not _NAMES.search(text)
        and not _KEYS.search(text)
    )


def _layers(view: View, depth: int, *, clean: bool) -> list[Span]:
    spans = [
        view.original(span)
        for find_shape in SHAPES
        for span in find_shape(view.text)
        if clean or span.shape in _EXACT
    ]
    if depth == 0:
        return spans
    spans += map(view.original, packed.find(view.text, partial(_held, depth - 1)))
    inner = unescaped(view)
    if inner is not None:
        spans += _layers(inner, depth - 1, clean=clean)
    return spans


def _held(depth: int, text: str, clean: bool) -> str | None:
    """The first shape in a decoded word."""
    if clean and _ordinary(text):
        return None
    spans = _layers(folded(View(text)), depth, clean=clean)
    return min(spans).shape if spans else None
