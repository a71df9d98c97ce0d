"""One-time secrets in paths: what stands behind `/reset/`, `/verify/`, `/invite/` … (secret.toml, several languages).

    /password/reset/<this>      /confirm-email/<this>      /callback/code/<this>      /vorname/<this>

The segment goes whatever it looks like, unless it reads like a word of the site: letters in the order of a language
(`/share/facebook`, `/verify/your-email`), numbers of up to three digits (`/verify/2`), names of files. A code of
letters alone that could be a word stays. Between the word and the secret may stand `code`, `key`, `token` and the
like; of several segments that are no words (Django: a user's id and a token) each goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from gatekeeper.scrub.found import Span
from gatekeeper.scrub.tables import table
from gatekeeper.scrub.views import plain

_TABLE: Final = table(__package__, "secret.toml")
_PAIRS: Final = frozenset(first + second for first, row in _TABLE["pairs"].items() for second in row)
_BETWEEN: Final = frozenset(_TABLE["between"])
_FILE: Final = re.compile(rf"\.(?:{'|'.join(_TABLE['files'])})(?::\d+){{0,2}}\Z", re.IGNORECASE)
_SEGMENT: Final = re.compile(r"[^/\\\s?#&\"'<>()\[\]{}|,;]*")
_MARK: Final = re.compile(r"\[[a-z_]{2,20}\]")
_ESCAPED: Final = re.compile("%[0-9A-Fa-f]{2}")
_BREAKS: Final = re.compile(r"[-_.+~ ]+|(?<=[a-z])(?=[A-Z])")
_CROWDED: Final = re.compile("[bcdfghjklmnpqrstvwxz]{5}|[aeiouy]{4}")
_NUMBER: Final = re.compile(r"\d{1,3}|(?:19|20)\d\d")
_NUMBERED: Final = re.compile(r"(?:auth|level|oauth|page|part|phase|step|tier|v|web)\d{1,2}")
_LETTERS: Final = re.compile(r"[^\W\d_]+")
_BEFORE: Final = re.compile(r"[^/\\\s?#&\"'<>()=:]*\Z")  # of a segment, before the word
_BESIDE: Final = re.compile(r"[-_.+~0-9%]+")
_TABLE_BESIDE: Final = frozenset((*_TABLE["beside"], *_TABLE["between"]))
_SITE: Final = frozenset(_TABLE["words"])
_FURTHEST: Final = 40  # characters of a segment that are read before the word
_UMLAUT: Final = re.compile("([aou])e")  # `zuruecksetzen` is written with an umlaut, too, which reads as its letter
_LONGEST: Final = 20  # letters of one word


class Secrets:
    """The words that secrets follow: those of secret.toml, and a policy's own, `more`."""

    __slots__ = ("_begin", "_firsts", "_words", "more")

    def __init__(self, more: Iterable[str] = ()) -> None:
        self.more = frozenset(map(plain, more))
        kinds = {
            spelled: kind
            for kind, words in (("secret", (*_TABLE["secret"], *self.more)), ("name", _TABLE["name"]))
            for word in words
            for spelled in (word, _UMLAUT.sub(r"\1", word))
        }
        self._words = {_bare(word): kind for word, kind in kinds.items()}
        pattern = "|".join(
            re.escape(word).replace(r"\-", "[-_]?") for word in sorted(kinds, key=lambda word: (-len(word), word))
        )
        self._firsts = frozenset(word.partition("-")[0] for word in kinds) | self._words.keys()
        self._begin = re.compile(rf"(?<![^\W\d_])({pattern})(?![^\W\d_])((?:[-_.][^/\s?#]{{0,40}})?)/")

    def suspicious(self, text: str) -> bool:
        """Whether there may be such a path; `find` is only worth its time then."""
        return "/" in text and not self._firsts.isdisjoint(_LETTERS.findall(plain(text)))

    def find(self, text: str) -> Iterator[Span]:
        """Each value behind such a word as `secret` or `name`."""
        if not self.suspicious(text):
            return
        low = plain(text)
        for match in self._begin.finditer(low):
            kind = self._words[_bare(match[1])]
            before = _BEFORE.search(low, max(0, match.start() - _FURTHEST), match.start())
            beside = (before.group() if before else "") + match[2]
            if self._goes_with(beside, kind):
                yield from self._behind(text, match.end(), kind)

    def _goes_with(self, beside: str, kind: str) -> bool:
        """Whether what else is in the segment leaves the word what it is: `/reset-cards/` is something else."""
        parts = [part for part in _BESIDE.split(beside) if part]
        if kind == "name":
            return not parts
        return all(part in _TABLE_BESIDE or part in self._words for part in parts)

    def _behind(self, text: str, begin: int, kind: str) -> Iterator[Span]:
        while True:
            mark = _MARK.match(text, begin)
            if mark is not None:
                if kind == "name":
                    return
                end = mark.end()
            else:
                segment = _SEGMENT.match(text, begin)
                end = begin if segment is None else segment.end()
                value = text[begin:end].rstrip(".:!?")
                if not value or _ESCAPED.search(value):  # what was escaped is looked at when it is undone
                    return
                if _FILE.search(value):
                    return
                low = value.lower()
                if kind == "name":
                    yield Span(begin, begin + len(value), kind)
                    return
                if low not in _BETWEEN and _bare(low) not in self._words:
                    if reads_like_words(value):
                        return
                    yield Span(begin, begin + len(value), kind)
            if text[end : end + 1] != "/":
                return
            begin = end + 1


def reads_like_words(text: str) -> bool:
    """Whether a segment is made of words and small numbers, such as `your-email` or `step-2`."""
    parts = [part for part in _BREAKS.split(text) if part]
    letters = [part for part in parts if part.isalpha()]
    if not parts or (not letters and len(parts) > 1):
        return False
    return all(
        _word(part)
        or part.lower() in _SITE
        or _NUMBERED.fullmatch(part.lower())
        or (_NUMBER.fullmatch(part) and (letters or len(part) < 4))
        for part in parts
    )


def _bare(word: str) -> str:
    return word.replace("-", "").replace("_", "")


def _word(part: str) -> bool:
    if not part.isalpha() or len(part) > _LONGEST:
        return False
    if not part.isascii():
        return True
    if not (part.islower() or part[1:].islower()):
        return len(part) == 1
    low = part.lower()
    if len(low) < 3:
        return part.islower() or len(low) == 1
    return not _CROWDED.search(low) and all(low[n : n + 2] in _PAIRS for n in range(len(low) - 1))


SECRETS: Final = Secrets()
