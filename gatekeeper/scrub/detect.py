"""Finds every shape in a text, in whatever coat it stands. Pure and linear.

    the text, folded ──> shapes
        │  └─ words in base64 or hex ──> decoded, and the same again
        └─ one layer of escapes undone ──> and the same again

Each turn of the screw costs one of `DEPTH`; each decoded text is no longer than its carrier. Most texts are
turned away before all that by `looked_for`.
"""

from __future__ import annotations

import re
from functools import partial

from gatekeeper.scrub import packed
from gatekeeper.scrub.found import Span, name_of
from gatekeeper.scrub.meter import UNMETERED, Meter
from gatekeeper.scrub.plain import is_plain
from gatekeeper.scrub.shapes import SHAPES, Shapes, email, home, jwt, key, token
from gatekeeper.scrub.shapes.characters import LABEL_ANY, LOCAL_ANY
from gatekeeper.scrub.shapes.digits import ENOUGH
from gatekeeper.scrub.shapes.secret import SECRETS, Secrets
from gatekeeper.scrub.views import ESCAPE, View, folded, folded_text, unescaped

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
    rf'@(?<=(?:{LOCAL_ANY}|")@)@*(?:\[[0-9A-Fa-f:.]{{3}}|{LABEL_ANY}++\.{LABEL_ANY})|[(\[{{_] ?[Aa][Tt]'
    rf"|[0-9](?:[^0-9]*[0-9]){{6}}|[A-Za-z0-9+/_.\-]{{8}}|{ESCAPE.pattern}"
)


def find(text: str, secrets: Secrets = SECRETS, meter: Meter = UNMETERED, *, shapes: Shapes = SHAPES) -> list[Span]:
    """Every shape in `text`; spans may overlap. `secrets` are the words of paths that secrets follow.

    `shapes` are those that are looked for in the text itself; in what it holds in another coat, all are.
    Raises what `meter` raises where the request has no characters left.
    """
    meter.search(len(text))
    view = View(text) if text.isascii() and "\0" not in text else folded(View(text))
    return looked_for(view, DEPTH, secrets, meter, clean=True, shapes=shapes)


def looked_for(
    view: View, depth: int, secrets: Secrets, meter: Meter, *, clean: bool, shapes: Shapes = SHAPES
) -> list[Span]:
    """The same as `layers`, without looking for what has no sign in the folded text."""
    text = view.text
    # fast: an order's number takes 1 µs instead of 13
    if is_plain(text) or (len(text) <= _SHORT and _WORD.fullmatch(text) and not _is_packed(text)):
        return []
    if not has_sign(text, secrets) and not (len(text) >= 32 and token.find in shapes and _LONG.search(text)):
        if not _is_packed(text):
            return []
        shapes = ()  # fast: with the signs above, a click id of 61 characters takes 33 µs instead of 55
    return layers(view, depth, secrets, meter, clean=clean, shapes=shapes)


def has_sign(text: str, secrets: Secrets = SECRETS) -> bool:
    """Whether a folded text may hold a shape as it stands, but for a token, or in an escape or in hexadecimal."""
    return bool(
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
        or jwt.suspicious(text)
    )


def _is_packed(text: str) -> bool:
    """Whether a word of it may be base64 of an address or a number."""
    return _CAPITAL.search(text) is not None and packed.suspicious(text)


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
    if not clean and MAY_HOLD.search(folded_text(text)) is None:
        return None
    spans = looked_for(folded(View(text)), depth, secrets, meter, clean=clean)
    return name_of(spans) if spans else None
