"""Finds every shape in a text, in whatever coat it stands. Pure and linear.

    the text, folded ──> shapes
        │  └─ words in base64 or hex ──> decoded, and the same again
        └─ one layer of escapes undone ──> and the same again

Each turn of the screw costs one of `DEPTH`; each decoded text is no longer than its carrier. Most texts are
turned away before all that by `ordinary`.
"""

from __future__ import annotations

import re
from functools import partial

from gatekeeper.scrub import packed
from gatekeeper.scrub.found import Span, name_of
from gatekeeper.scrub.meter import UNMETERED, Meter
from gatekeeper.scrub.plain import is_plain
from gatekeeper.scrub.shapes import SHAPES, Shapes, email, home, key
from gatekeeper.scrub.shapes.digits import ENOUGH
from gatekeeper.scrub.shapes.secret import SECRETS, Secrets
from gatekeeper.scrub.views import View, folded, unescaped

DEPTH = 4

# Shapes that are looked for even where the rest of a decoded word is no text: too exact to be met by chance.
_EXACT = frozenset({"email", "card", "iban", "jwt"})

_ENTITY = re.compile("&(?:#|[a-z]{2,6};)")
_FOUR_DIGITS = re.compile(r"[0-9](?:[^0-9]*[0-9]){3}")
_FOUR_NUMBERS = re.compile(r"[0-9](?:\.[0-9]{1,3}){3}")
_HEX = re.compile("[2-7][0-9A-Fa-f]{11}")  # ASCII text in hexadecimal begins so
_CAPITAL = re.compile(r"[A-P](?<=[A-Za-z0-9+/_\-].)")  # inside a word: a mark of base64
# A word this short, with fewer than seven digits, can hold an address in base64 and nothing else: every other shape has
# a sign that is missing here, seven digits, or more characters.
_SHORT = 11
_WORD = re.compile(r"(?!(?:[^0-9]*[0-9]){7})[A-Za-z0-9_\-]*")
_LONG = re.compile(r"[A-Za-z0-9_\-]{32}")

# What a word that is no readable text may hold is exact: an address, a card, an IBAN, a JWT, or a word or an escape of
# them. Each has one of these signs, once the text is folded.
MAY_HOLD = re.compile(
    r"@[^\ufffd\x00-\x20@]|[(\[{] ?[Aa][Tt] ?[)\]}]|_[Aa][Tt]_|[0-9](?:[^0-9]*[0-9]){6}|[A-Za-z0-9+/_.\-]{8}"
    r"|%[0-9A-Fa-fu]|\\[0-9ux]|&[#a-z]"
)


def find(text: str, secrets: Secrets = SECRETS, meter: Meter = UNMETERED, *, shapes: Shapes = SHAPES) -> list[Span]:
    """Every shape in `text`; spans may overlap. `secrets` are the words of paths that secrets follow.

    `shapes` are those that are looked for in the text itself; in what it holds in another coat, all are.
    Raises what `meter` raises where the request has no characters left.
    """
    meter.search(len(text))
    view = View(text) if text.isascii() and "\0" not in text else folded(View(text))
    return [] if ordinary(view.text, secrets) else layers(view, DEPTH, secrets, meter, clean=True, shapes=shapes)


def ordinary(text: str, secrets: Secrets = SECRETS) -> bool:
    """Whether one look says that there is nothing. Never true of a folded text that holds a shape."""
    if len(text) <= _SHORT and _WORD.fullmatch(text):
        return len(text) < packed.SHORTEST or not (_CAPITAL.search(text) and packed.suspicious(text))
    # fast: an order's number takes 1 µs instead of 13
    return is_plain(text) or not (
        "@" in text
        or "%" in text
        or "\\" in text
        or ("&" in text and _ENTITY.search(text))
        or (("_" in text or "(" in text or "[" in text or "{" in text) and email.written_out(text))
        or text.count(":") > 1
        or (_FOUR_DIGITS.search(text) and _numbers(text))
        or key.suspicious(text)
        or secrets.suspicious(text)
        or home.suspicious(text)
        or (len(text) >= 32 and _LONG.search(text))
        or (_CAPITAL.search(text) and packed.suspicious(text))
    )


def _numbers(text: str) -> bool:
    """Whether there are digits enough for a card, phone number, IBAN, address or a word in hexadecimal."""
    return bool(ENOUGH.search(text) or _FOUR_NUMBERS.search(text) or (len(text) >= 12 and _HEX.search(text)))


def layers(
    view: View, depth: int, secrets: Secrets, meter: Meter, *, clean: bool, shapes: Shapes = SHAPES
) -> list[Span]:
    """What personal shapes one view of a text holds, and those below it, by the places in the text itself."""
    spans = [
        view.original(span) for find_shape in shapes for span in find_shape(view.text) if clean or span.shape in _EXACT
    ]
    if clean:
        spans += map(view.original, secrets.find(view.text))
    if depth == 0:
        return spans
    spans += map(view.original, packed.find(view.text, partial(_held, depth - 1, secrets, meter)))
    inner = unescaped(view)
    if inner is not None:
        meter.decode(len(inner.text))
        spans += layers(inner, depth - 1, secrets, meter, clean=clean)
    return spans


def _held(depth: int, secrets: Secrets, meter: Meter, text: str, clean: bool) -> str | None:
    """The most exact shape in a decoded word."""
    meter.decode(len(text))
    view = folded(View(text))
    # fast: with the tokens that an identifier may hold, a click id takes 57 µs instead of 87
    if (not clean and MAY_HOLD.search(view.text) is None) or ordinary(view.text, secrets):
        return None
    spans = layers(view, depth, secrets, meter, clean=clean)
    return name_of(spans) if spans else None
