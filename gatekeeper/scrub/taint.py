"""What an event declares personal, looked for in everything else that is sent. Pure. Declared values in, spans out.

    declared(pairs)          an event's e-mail, phone, names, street and date of birth, as a `Taint`; `None` for none
    Taint.find(text)         where they stand in a text, URL or identifier, each as a span with the field's name

A declared value is found whatever its letter case, accents and separators, as a whole word, in percent, HTML and
JavaScript escapes, in base64 and hexadecimal, and as a digest of an e-mail address or phone number (MD5, SHA-1,
SHA-256; hexadecimal and base64). What is too common to say anything is not looked for: `taint.toml`, words of fewer
than three letters (two in Han and Hangul), numbers of fewer than seven digits.

Searching costs nothing for events that declare nothing; for others an index is made when the first text is searched.
No value is kept beyond its event: nothing here remembers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from gatekeeper.scrub import packed
from gatekeeper.scrub.contacts import Contacts
from gatekeeper.scrub.found import Span
from gatekeeper.scrub.meter import UNMETERED, Meter
from gatekeeper.scrub.shapes.characters import UNSPACED
from gatekeeper.scrub.spellings import PARTICLES, PLACEHOLDERS, WORDS, dates, name_in, parts_of, spellings
from gatekeeper.scrub.tables import table
from gatekeeper.scrub.views import View, folded, lettered, unescaped

DEPTH: Final = 4
# Name of a field, and its hash's -> what it is called where it was found.
FIELDS: Final = {
    name + ending: name
    for name in ("email", "phone", "first_name", "last_name", "street", "date_of_birth")
    for ending in ("", "_hash")
}

_TABLE: Final = table(__package__, "taint.toml")
_POSTS: Final = frozenset(_TABLE["posts"])
_MACHINERY: Final = frozenset(_TABLE["machinery"])
_KOREAN: Final = frozenset(_TABLE["korean"])

_MARKS: Final = re.compile(r"\[[a-z_]{2,20}\]")
_HOST: Final = re.compile(r"(?:\A|:)//[^/\\\s?#\"'<>]*")
_UNSPACED: Final = re.compile(UNSPACED)
_HAN_OR_HANGUL: Final = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]+")
_HANGUL: Final = re.compile("[\uac00-\ud7af]")
_DATE: Final = re.compile(r"[0-9]+([-./_ ]|\. )[0-9]+\1[0-9]+|[0-9]{8}")
_GAP: Final = 3  # characters between two words of one value
_LONG: Final = 7  # letters of a whole name, or of an address' local part, that are found within a longer word
_EACH: Final = 48  # characters that indexing a value counts as: what it may be hashed as is worked out, too
_FEW: Final = 16
_ENCODED: Final = re.compile(r"[%&\\]")
# Where a digest may stand, or text in base64 as long as the shortest part of one that is looked for: 16 characters in
# hexadecimal, or with a capital; 22 characters of base64 with a capital or digit, in which 16 have room.
LONG_WORD: Final = re.compile(r"[A-Za-z0-9+/_\-]{16}|[%&\\\x00\x80-\U0010ffff]")
MAY_BE_HASHED: Final = re.compile(
    r"[0-9A-Fa-f]{16}|(?<![A-Za-z0-9+/_\-])(?:(?=[a-z0-9+/_\-]*[A-Z])[A-Za-z0-9+/_\-]{16}"
    r"|(?=[a-z+/_\-]*[0-9])[A-Za-z0-9+/_\-]{22})|[%&\\\x00\x80-\U0010ffff]"
)


class _Needle(NamedTuple):
    """A value without its separators. `weak`: one word, which may be another person's, too."""

    shape: str
    weak: bool


class Taint:
    """The personal values that one event declares."""

    __slots__ = ("_contacts", "_glued", "_hashed", "_heads", "_longest", "_needles", "_unspaced", "_values")

    def __init__(self, values: tuple[tuple[str, str], ...]) -> None:
        self._values = values
        self._needles: dict[str, _Needle] | None = None
        self._heads: set[str] = set()
        self._longest = 0
        self._glued: tuple[tuple[str, str], ...] = ()
        self._unspaced: tuple[tuple[str, str], ...] = ()
        self._contacts = Contacts((), ())
        self._hashed = False  # everything that is looked for is a digest

    def __or__(self, other: Taint) -> Taint:
        """The values of both."""
        return self if self._values == other._values else Taint(tuple(dict.fromkeys((*self._values, *other._values))))

    def find(self, text: str, *, machinery: bool = False, meter: Meter = UNMETERED) -> list[Span]:
        """Every declared value in `text`, as its field; spans may overlap.

        `machinery`: the text is a format's own, or a program's, and the words they are made of are not names of people.
        """
        if self._needles is None:
            meter.search(_EACH * len(self._values))
            self._index()
        # A text is gone through once for every few values that may stand inside a word of it.
        meter.search(len(text) * (1 + len(self._glued) // _FEW))
        if self._hashed and (LONG_WORD.search(text) is None or MAY_BE_HASHED.search(text) is None):
            return []  # fast: of a call to Meta with eight products, two fifths
        spans: list[Span] = []
        self._search(folded(View(text)), DEPTH, spans, machinery, meter, clean=True)
        return spans

    def _search(self, view: View, depth: int, spans: list[Span], machinery: bool, meter: Meter, *, clean: bool) -> None:
        text = view.text
        if "[" in text:
            text = _MARKS.sub(lambda mark: "\x1f" * len(mark.group()), text)
        low = lettered(View(text, view.starts))
        spans += [low.original(span) for span in self._words(low.text, machinery, clean)]
        spans += [view.original(span) for span in self._contacts.find(text)]
        if depth == 0:
            return
        for begin, end, inner, readable in packed.words(text):
            found: list[Span] = []
            meter.decode(len(inner))
            self._search(folded(View(inner)), depth - 1, found, machinery, meter, clean=readable)
            if found:
                spans.append(view.original(Span(begin, end, min(found).shape)))
        if _ENCODED.search(text):
            undone = unescaped(View(text, view.starts))
            if undone is not None:
                meter.decode(len(undone.text))
                self._search(undone, depth - 1, spans, machinery, meter, clean=clean)

    def _words(self, text: str, machinery: bool, clean: bool) -> Iterator[Span]:
        needles, heads, longest = self._needles or {}, self._heads, self._longest
        words = [(match.group(), match.start(), match.end()) for match in WORDS.finditer(text)]
        hosts = [match.span() for match in _HOST.finditer(text)] if "//" in text else []
        for n, (word, begin, end) in enumerate(words):
            for glued, shape in self._glued if len(word) > _LONG else ():
                if glued in word:
                    yield Span(begin, end, shape)
            if word[:3] not in heads:
                continue
            joined, last = word, end
            best: Span | None = None
            for m in range(n, len(words)):
                if m > n:
                    if words[m][1] - last > _GAP:
                        break
                    joined += words[m][0]
                    last = words[m][2]
                if len(joined) > longest:
                    break
                needle = needles.get(joined)
                if needle is None or (needle.weak and not (m == n and clean)):
                    continue
                if needle.weak and (
                    (machinery and joined in _MACHINERY) or any(a <= begin and last <= b for a, b in hosts)
                ):
                    continue
                if needle.shape == "date_of_birth" and not _DATE.fullmatch(text, begin, last):
                    continue
                best = Span(begin, last, needle.shape)
            if best is not None:
                yield best
        for value, shape in self._unspaced:
            at = text.find(value)
            while at >= 0:
                if clean and _may_begin(text, at):
                    yield Span(at, at + len(value), shape)
                at = text.find(value, at + 1)

    def _index(self) -> None:
        """Work out what to look for."""
        fields: dict[str, list[str]] = {}
        for shape, value in self._values:
            fields.setdefault(shape, []).append(value)
        needles: dict[str, _Needle] = {}
        glued: dict[str, str] = {}
        unspaced: dict[str, str] = {}

        def add(parts: list[str], shape: str, *, glue: bool = False) -> None:
            """One value of several words; of one word it is weak."""
            joined = "".join(parts)
            if not joined:
                return
            weak = len(parts) == 1
            needles.setdefault(joined, _Needle(shape, weak))
            if glue and len(joined) >= _LONG and joined.isalpha():
                glued.setdefault(joined, shape)
            if not weak and _HAN_OR_HANGUL.fullmatch(joined):
                unspaced.setdefault(joined, shape)

        for shape in ("first_name", "last_name"):
            for value in fields.get(shape, ()):
                for spelled in spellings(value):
                    parts = parts_of(spelled)
                    if not parts or "".join(parts) in PLACEHOLDERS:
                        continue
                    if len(parts) > 1 and sum(map(len, parts)) > 3:
                        add(parts, shape)
                    for part in parts:
                        if _UNSPACED.search(part):
                            if len(part) >= (2 if _HAN_OR_HANGUL.fullmatch(part) else 3):
                                unspaced.setdefault(part, shape)
                        elif len(part) >= 3 and part.isalpha() and part not in PARTICLES:
                            add([part], shape)
        firsts = [
            parts for value in fields.get("first_name", ()) for one in spellings(value) if (parts := name_in(one))
        ]
        lasts = [parts for value in fields.get("last_name", ()) for one in spellings(value) if (parts := name_in(one))]
        for first in firsts[:6]:
            for last in lasts[:6]:
                if sum(map(len, first + last)) >= 4 or _HAN_OR_HANGUL.fullmatch("".join(first + last)):
                    add(first + last, "last_name", glue=True)
                    add(last + first, "last_name", glue=True)
                    add([first[0], *last], "last_name", glue=True)
        for value in fields.get("street", ()):
            for spelled in spellings(value):
                parts = parts_of(spelled)
                letters = [part for part in parts if part.isalpha()]
                if len(parts) > 1 and sum(map(len, letters)) >= 3:
                    add(parts, "street")
                if sum(map(len, letters)) >= 8 or (len(letters) > 1 and sum(map(len, letters)) >= 6):
                    add(["", *letters] if len(letters) == 1 else letters, "street")
        for value in fields.get("date_of_birth", ()):
            for parts in dates(value):
                add(parts, "date_of_birth")
        for value in fields.get("email", ()):
            if value.isalnum() and value.isascii():  # a hash: no spelling of it has an at sign
                continue
            for spelled in spellings(value):
                local, at, domain = spelled.rpartition("@")
                if not at:
                    continue
                add([*parts_of(local), *parts_of(domain)], "email")
                for one in {local, local.partition("+")[0]}:
                    parts = parts_of(one)
                    if one in _POSTS or "".join(parts) in PLACEHOLDERS or sum(map(len, parts)) < 3 or one.isdigit():
                        continue
                    if _UNSPACED.search(one):
                        unspaced.setdefault("".join(parts), "email")
                    add(parts, "email", glue=True)
                    if len(parts) == 2:
                        add(parts[::-1], "email", glue=True)
        phones = fields.get("phone", [])
        self._contacts = Contacts(tuple(fields.get("email", ())), tuple(phones))
        self._glued, self._unspaced = tuple(glued.items()), tuple(unspaced.items())
        self._heads = {needle[:size] for needle in needles for size in (1, 2, 3)}
        self._longest = max(map(len, needles), default=0)
        self._needles = needles
        self._hashed = not (needles or unspaced or self._contacts.has_numbers)


def declared(pairs: Iterable[tuple[str, object]]) -> Taint | None:
    """What pairs of a field's name and its value as it came declare; `None` if nothing. Lists may hold several."""
    values: dict[tuple[str, str], None] = {}
    for name, value in pairs:
        shape = FIELDS.get(name)
        if shape is None:
            continue
        for one in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(one, int) and not isinstance(one, bool):
                one = str(one)
            if not isinstance(one, str):
                continue
            bare = one.strip()
            if 2 <= len(bare) <= 320 or _HAN_OR_HANGUL.fullmatch(bare):
                values[shape, bare] = None
                if shape in ("email", "phone"):
                    values[shape, one] = None  # a sender may have hashed it with the spaces around it
    return Taint(tuple(values)) if values else None


def _may_begin(text: str, at: int) -> bool:
    """Whether a name in a script without spaces may begin there: Hangul has spaces, and family names before it."""
    if not at or not _HANGUL.match(text, at) or not _HANGUL.match(text, at - 1):
        return True
    return text[at - 1] in _KOREAN and (at < 2 or not _HANGUL.match(text, at - 2))
