"""Ways to look at a text: folded to plain characters, and with one layer of escapes undone.

A view is searched in the place of the text; `starts` leads from its characters back to the original, so that
what is found in a decoded view is replaced where it stands, and everything else stays byte for byte.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import compress
from typing import NamedTuple

from gatekeeper.scrub.found import Span

_SURROGATES = re.compile("[\ud800-\udfff]")
ESCAPE = re.compile(
    r"(?:%[0-9A-Fa-f]{2})+"
    r"|%u[0-9A-Fa-f]{4}"  # JavaScript's old escape()
    r"|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|\\u\{[0-9A-Fa-f]{1,6}\}"
    r"|&#[0-9]{1,7};?|&#[xX][0-9A-Fa-f]{1,6};?|\\[0-3][0-7]{2}"
    r"|&(?:amp|commat|period|lowbar|hyphen|dash|nbsp|plus|num|sol|colon|percnt|bsol);"
)
_NAMED = {
    "&amp;": "&", "&commat;": "@", "&period;": ".", "&lowbar;": "_", "&hyphen;": "-", "&dash;": "-", "&nbsp;": " ",
    "&plus;": "+",
    "&num;": "#", "&sol;": "/", "&colon;": ":", "&percnt;": "%", "&bsol;": "\\",
}  # fmt: skip
_IGNORED = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0}  # Default_Ignorable, beside category Cf
_GONE = "\0"
_ASTRAL_LETTERS = range(0x20000, 0xE0000)  # ideographs and nothing that folds


class View(NamedTuple):
    """`text` as it is searched; `starts[i]` is where its character `i` begins in the original.

    `starts` has one entry more than `text` has characters; `None` stands for the identity.
    """

    text: str
    starts: list[int] | None = None

    def original(self, span: Span) -> Span:
        """The same span in the coordinates of the original."""
        if self.starts is None:
            return span
        return Span(self.starts[span.start], self.starts[span.end], span.shape)


class _Letters(dict[int, int]):
    """Code point -> its letter in lower case without accents, one for one."""

    def __missing__(self, code: int) -> int:
        if code in _ASTRAL_LETTERS:
            return code
        char = chr(code)
        base = unicodedata.normalize("NFD", _BARE.get(char, char))
        if len(base) > 1 and not all("\u0300" <= mark <= "\u036f" for mark in base[1:]):
            base = char
        low = base[0].lower()
        self[code] = letter = ord(low[0] if low else char)
        return letter


# Letters that no normal form takes apart, as they are written without them.
_BARE = dict(zip("ßøØłŁđĐðÐæÆœŒıħĦς", "soOlLdDdDaAoOihHσ", strict=True))
LETTERS = _Letters()
_MARKS = re.compile("[\u0300-\u036f]")


class _Folding(dict[int, int]):
    """Code point -> the plain one it stands for, worked out when first met (at most the assigned ones)."""

    def __missing__(self, code: int) -> int:
        if code in _ASTRAL_LETTERS:
            return code
        self[code] = plain = ord(plain_character(chr(code)))
        return plain


def plain_character(char: str) -> str:
    """One character for one: compatibility forms, digits, dashes and spaces of every script to ASCII."""
    category = unicodedata.category(char)
    if category == "Cs":
        return "\ufffd"
    if category == "Cf" or ord(char) in _IGNORED or "\ufe00" <= char <= "\ufe0f" or char == _GONE:
        return _GONE
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category == "Pd" or char == "\u2212":
        return "-"
    if category == "Zs":
        return " "
    if char in "。｡۔․":
        return "."
    folded = unicodedata.normalize("NFKC", char)
    return folded if len(folded) == 1 else char


_FOLDING = _Folding()
# Letters and marks that stand for themselves, and U+FFFD: most of what words in other scripts are written in.
THEMSELVES = re.compile(
    "[\x01-\x9f\xa1-\xa9\xbb-\u017e\u0180-\u02af\u02e5-\u033f\u0350-\u0373\u0388-\u03cf\u03fa-\u0589\u058b-\u05bd\u05bf-\u05ff"
    "\u0606-\u061b\u061d-\u065f\u066a-\u06d3\u06de-\u06ef\u06fa-\u070e\u0710-\u07bf\u3041-\u3096\u30a1-\u30fa\u3400-\u9fff\uac00-\ud7a3\ufffd]*"
)


def plain(text: str) -> str:
    """The text in lower case and without accents, character by character, so that positions stay."""
    return text.lower() if text.isascii() else text.translate(LETTERS)


def lettered(view: View) -> View:
    """The view as `plain` has it, and without combining marks."""
    text, starts = view
    if text.isascii():
        return View(text.lower(), starts)
    if not _MARKS.search(text):
        return View(text.translate(LETTERS), starts)
    kept = [n for n, char in enumerate(text) if not "\u0300" <= char <= "\u036f"]
    places = [starts[n] for n in kept] if starts else list(kept)
    places.append(starts[-1] if starts else len(text))
    return View("".join(text[n] for n in kept).translate(LETTERS), places)


def mended(text: str) -> str:
    """The text with U+FFFD in the place of surrogates, which no encoding of the text could carry."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def folded(view: View) -> View:
    """Digits, letters, dashes and spaces of any script and width as plain ones; invisible characters gone."""
    text, starts = view
    if THEMSELVES.fullmatch(text):  # fast: 0.4 µs instead of 3.7 of 45 characters
        return view
    text = text.translate(_FOLDING)
    if _GONE not in text:
        return View(text, starts)
    keep = [char != _GONE for char in text]
    kept = list(compress(starts or range(len(text)), keep))
    kept.append(starts[-1] if starts else len(text))
    return View(text.replace(_GONE, ""), kept)


def folded_text(text: str) -> str:
    """The text that `folded` gives, where no place in it is needed."""
    text = text.replace(_GONE, "")
    return text if THEMSELVES.fullmatch(text) else folded(View(text)).text


def unescaped(view: View) -> View | None:
    """One layer of percent, JavaScript and HTML escapes undone; `None` where there is none."""
    text, outer = view
    if "%" not in text and "\\" not in text and "&" not in text:
        return None
    pieces: list[str] = []
    starts: list[int] = []
    done = 0
    for match in ESCAPE.finditer(text):
        begin, end = match.span()
        pieces.append(text[done:begin])
        starts.extend(range(done, begin))
        chars, widths = _characters(match.group())
        pieces.append(chars)
        for width in widths:
            starts.append(begin)
            begin += width
        done = end
    if not pieces:
        return None
    pieces.append(text[done:])
    starts.extend(range(done, len(text) + 1))
    if outer is not None:
        starts = [outer[start] for start in starts]
    return folded(View("".join(pieces), starts))


def _characters(escape: str) -> tuple[str, list[int]]:
    """What an escape stands for, and how many characters of source each character of it takes."""
    if escape in _NAMED:
        return _NAMED[escape], [len(escape)]
    if escape[0] == "%" and escape[1] != "u":
        # Bytes that are no UTF-8 are read as Latin-1, as old sites write their umlauts.
        read = bytes.fromhex(escape.replace("%", "")).decode("utf-8", "surrogateescape")
        widths = [3 if "\udc80" <= char <= "\udcff" else 3 * len(char.encode()) for char in read]
        latin = (chr(ord(char) - 0xDC00) if "\udc80" <= char <= "\udcff" else char for char in read)
        return "".join(latin), widths
    digits = escape.strip("%\\&#;uxX{}")
    base = 16 if escape[1] not in "01234567#" or escape[2] in "xX" else 10 if escape[0] == "&" else 8
    code = int(digits, base)
    return chr(code) if code <= 0x10FFFF else "\ufffd", [len(escape)]
