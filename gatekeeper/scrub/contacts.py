"""Declared e-mail addresses and phone numbers: as digests, and as digits. Pure. Part of taint.py.

A run of digits is a declared number if seven or more digits of its end are in it, whatever stands between them. A
digest is one of a normal form of the address or number, or a hash that came in its place. One that was cut short is as
good as whole from its first sixteen characters on: no other person's digest begins with those.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

import phonenumbers

from gatekeeper.fields import base64url
from gatekeeper.scrub.found import Span

_SHORTEST: Final = 7  # digits
_DIGITS: Final = re.compile(r"\+?[0-9(](?:[ \t.\-/()_+]{0,3}[0-9]){6,}")
_HEAD: Final = 16  # characters of a digest, in hexadecimal or base64, that are no chance
_HEX: Final = re.compile(rf"(?<![0-9A-Fa-f])[0-9A-Fa-f]{{{_HEAD},}}")
_BASE64: Final = re.compile(rf"[A-Za-z0-9+/_\-]{{{_HEAD},}}")
_BOTH_CASES: Final = re.compile("(?=.*[A-Z]).*[a-z]")
_GIVEN: Final = re.compile(r"([0-9A-Fa-f]{64}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{32})(?:\.[0-9A-Za-z_-]{2,8})?")
_ALGORITHMS: Final = ("md5", "sha1", "sha256")
_GMAIL: Final = ("gmail.com", "googlemail.com")
_Digests: TypeAlias = dict[str, list[tuple[str, str]]]  # first characters -> the digests and their fields


class Contacts:
    """The addresses and numbers of one event; digests are made when a text holds something that may be one."""

    __slots__ = ("_digests", "_emails", "_numbers", "_phones")

    def __init__(self, emails: tuple[str, ...], phones: tuple[str, ...]) -> None:
        self._emails = emails
        self._phones = phones
        self._digests: tuple[_Digests, _Digests] | None = None
        self._numbers: list[tuple[str, str, str]] = []  # digits with country code, digits without, field
        for phone in phones:
            full, national = _number(phone)
            if len(national) >= _SHORTEST and len(set(national)) > 2 and not _GIVEN.fullmatch(phone):
                self._numbers.append((full, national, "phone"))
        for email in emails:
            local = email.partition("@")[0]
            if local.isdecimal() and len(local) >= _SHORTEST:
                self._numbers.append((local, local, "email"))

    @property
    def has_numbers(self) -> bool:
        """Whether a number is looked for; if not, all that is are digests."""
        return bool(self._numbers)

    def find(self, text: str) -> Iterator[Span]:
        """Every digest of them, and every declared number."""
        if self._numbers:
            for match in _DIGITS.finditer(text):
                yield from self._in_digits(match)
        if len(text) < _HEAD or not (self._emails or self._phones):
            return
        for match in _HEX.finditer(text):
            run = match.group().lower()
            for digest, shape in self._made()[0].get(run[:_HEAD], ()):
                yield Span(match.start(), match.start() + _same(run, digest), shape)
        for match in _BASE64.finditer(text):
            if not _BOTH_CASES.match(match.group()):
                continue
            run = match.group().replace("+", "-").replace("/", "_")
            for head, digests in self._made()[1].items():
                at = run.find(head)
                for digest, shape in digests if at >= 0 else ():
                    yield Span(match.start() + at, match.start() + at + _same(run[at:], digest), shape)

    def _in_digits(self, match: re.Match[str]) -> Iterator[Span]:
        written = match.group()
        places = [n for n, char in enumerate(written) if char.isdecimal()]
        digits = "".join(written[n] for n in places)
        for full, national, shape in self._numbers:
            at = digits.find(national[-_SHORTEST:])
            if at < 0:
                continue
            end, size = at + _SHORTEST, _SHORTEST
            while size < len(full) and end - size > 0 and digits[end - size - 1] == full[-size - 1]:
                size += 1
            begin = end - size
            while begin > 0 and digits[begin - 1] == "0" and size >= len(national):
                begin -= 1
            start = places[begin]
            while start > 0 and written[start - 1] in "+(":
                start -= 1
            yield Span(match.start() + start, match.start() + places[end - 1] + 1, shape)

    def _made(self) -> tuple[_Digests, _Digests]:
        if self._digests is None:
            plain: _Digests = {}
            packed: _Digests = {}
            for shape, raw, digest in self._all():
                written = base64url.write(digest)
                for made, whole in ((plain, raw or digest.hex()), (packed, written)):
                    made.setdefault(whole[:_HEAD], []).append((whole, shape))
            self._digests = plain, packed
        return self._digests

    def _all(self) -> Iterator[tuple[str, str, bytes]]:
        """Field, hexadecimal digits where they came as such, and bytes of each digest."""
        for shape, values, forms in (("email", self._emails, _addresses), ("phone", self._phones, _spelled)):
            for value in values:
                given = _GIVEN.fullmatch(value)
                if given is not None:
                    yield shape, given[1].lower(), bytes.fromhex(given[1])
                    continue
                for form in dict.fromkeys(forms(value)):
                    for name in _ALGORITHMS:
                        yield (
                            shape,
                            "",
                            hashlib.new(name, form.encode("utf-8", "replace"), usedforsecurity=False).digest(),
                        )


def _same(run: str, digest: str) -> int:
    """How much of a run is the beginning of a digest."""
    return next(
        (n for n, (one, other) in enumerate(zip(run, digest, strict=False)) if one != other), min(len(run), len(digest))
    )


def _addresses(value: str) -> Iterable[str]:
    """The forms in which an e-mail address is hashed somewhere."""
    low = value.strip().lower()
    for one in (value, value.strip()):
        yield from (one, one.lower(), one.upper())
    local, _, domain = low.rpartition("@")
    plain = local.partition("+")[0]
    yield from (f"{plain}@{domain}", f"{local.replace('.', '')}@{domain}", f"{plain.replace('.', '')}@{domain}")
    if domain in _GMAIL:
        yield from (f"{plain.replace('.', '')}@{other}" for other in _GMAIL)


def _spelled(value: str) -> Iterable[str]:
    """The forms in which a phone number is hashed somewhere."""
    full, national = _number(value)
    yield from (value, value.strip(), "".join(value.split()), "+" + full, full, "00" + full, national, "0" + national)
    yield "".join(char for char in value if char.isdecimal())


def _number(value: str) -> tuple[str, str]:
    """Digits with the country code, as far as there is one, and without; no trunk zeros."""
    digits = "".join(char for char in value if char.isdecimal())
    bare = digits.lstrip("0")
    if value.lstrip().startswith(("+", "00")):
        try:
            number = phonenumbers.parse("+" + bare, None)
        except phonenumbers.NumberParseException:
            return bare, bare
        return bare, str(number.national_number)
    return bare, bare
