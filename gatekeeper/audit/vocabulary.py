"""Names in a line's head. Pure. A name in; itself, or its number among the names that stand in the removable tail.

What is hashed cannot be taken back, so a name stands there only if it says nothing of a person:

    known    it is in the policy, in the catalogue, or in a dialect's table
    plain    letters, digits and `_ . : / -`, read like words, and hold no personal shape

Ids are plain characters, too: what has long numbers, mixes digits and letters, or cannot be spoken is none of these.
It costs a name nothing to be taken for an id: it stands in the tail then, and goes when the subjects go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from gatekeeper.fields import CATALOGUE, Catalogue
from gatekeeper.fields.names import UNPRINTABLE
from gatekeeper.memory import Compiled
from gatekeeper.scrub.detect import find
from gatekeeper.scrub.remembered import Remembered
from gatekeeper.vendors import NATIVE
from gatekeeper.vendors.hosts import KNOWN

MARK: Final = "~"  # begins a number in a name's place; in no plain identifier
GONE: Final = "(a name that was removed)"
MOST: Final = 64  # names in one tail; what is over is told as one
_OURS: Final = (UNPRINTABLE, "unnamed", "call")
_MORE: Final = "…"
_LONGEST: Final = 256  # characters of a name there
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.:/-]{1,100}")
_WORDS: Final = re.compile(r"[A-Za-z0-9]+")
# Not counted as numbers: days of this century as notices are named after them, and the numbers of versions.
_DATED: Final = re.compile(
    r"(?<![0-9A-Za-z])20[23]\d(?:[-_.]?(?:0[1-9]|1[0-2])(?:[-_.]?(?:0[1-9]|[12]\d|3[01]))?)?(?![0-9A-Za-z])"
)
_DIGITS: Final = re.compile(r"\d+")
_LONGEST_NUMBER: Final = 3
_MOST_DIGITS: Final = 6
_LONGEST_WORD: Final = 32
_VOWELS: Final = frozenset("aeiouy")
_WORD: Final = re.compile(r"[A-Za-z]*[0-9]{0,3}|[0-9]+[A-Za-z]*")  # letters and digits are not mixed
_HEXADECIMAL: Final = re.compile(r"(?=.*\d)[0-9A-Fa-f]{6,}|[0-9A-Fa-f]{8,}")
_PARTS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")  # of a word: camelCase, and HTMLCode
_TINY: Final = frozenset("ad as at by do fb ga go id if in ip is it me my no of off on or to tv ui up us".split())
_SPOKEN: Final = 5  # letters; a shorter word may be an abbreviation
# Words of sites and shops: a word of pairs of letters that neither these nor the names we know have is no word.
_EVERYDAY: Final = """
    abandoned accepted account activated adjusted affiliate agreement answered appointment approved archive article
    assigned attribute auction authorised autoplay availability balance basket beginning behaviour benefit billing
    blocked bookmark booking branch breadcrumb broadcast brochure budget bundle button callback campaign cancel
    carousel cashback catalogue challenge changed checkbox checkout chosen clicked closed collapsed comment community
    compare completed composer concluded confirmation connected consumer contacted contest converted cookie copied
    coupon created credit customer dashboard deactivated declined default delayed deleted delivery deposit detail
    disabled dismissed displayed document donation downgrade download draft duplicate edited enabled engaged enquiry
    entered estimate exchange expanded expired explore export extended facebook failed favourite feature feedback
    filter finished followed forgotten form forum frequency friend gallery generated gift guest guide helpdesk hidden
    highlight homepage hover identify impression imported inbox influencer inquiry installed instruction interaction
    invite invoice joined journey keyboard keyword language launch layout lead learning legal level library lightbox
    liked linked listing loaded location lookup loyalty magazine mailing market matched measure member menu merchant
    message method milestone mobile modal module monthly navigation network newsletter notification objective offer
    onboarding opened optional ordered outbound overlay overview package paused payment personal picture pinned
    placed playback player podcast popup portfolio preview pricing privacy processed product profile progress
    promotion prompt published purchase qualified quantity question queued quiz quote rating reached reaction reading
    rebook receipt recipe recommended recovery redeemed referral refund registered rejected reminder removed renewed
    reopened replay reply reported request reserve reset response restart restored result resumed returned reviewed
    reward saved scanned scheduled screen scroll search segment selected session setting share shipping shopping
    signup skipped slide social solution sorted sponsor started status stepped sticker stock stopped store stream
    student submitted subscription success suggested summary support survey switch synced tapped target teaser
    template terms testimonial ticket timeout toggle tooltip topup tracking trailer transfer trial triggered trusted
    tutorial typed unlocked unsubscribed updated upgrade uploaded upsell usage validated value variant verified
    video viewed vip visible visitor voice voucher waitlist wallet warranty watched webinar website weekly welcome
    whitepaper widget wishlist withdrawn workshop yearly zoom
""".split()


def _pairs(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word[n : n + 2] for word in words for n in range(len(word) - 1))


_FOUND_PLAIN: Final = Remembered[str](longest=100)


def plain(name: str) -> bool:
    """Whether a name is a plain identifier: it may stand in a head though it is not known."""
    if name in _FOUND_PLAIN:
        return True
    if not _is_plain(name):
        return False
    _FOUND_PLAIN.add(name, name)
    return True


def _is_plain(name: str) -> bool:
    if not _PLAIN.fullmatch(name):
        return False
    text = _DATED.sub("", name)
    numbers = _DIGITS.findall(text)
    if sum(map(len, numbers)) > _MOST_DIGITS or any(len(number) > _LONGEST_NUMBER for number in numbers):
        return False
    return all(map(_is_word, _WORDS.findall(text))) and not find(text)


def _is_word(word: str) -> bool:
    """Whether letters and digits read like a word: random ones do not, however they are written."""
    if len(word) > _LONGEST_WORD or not _WORD.fullmatch(word) or _HEXADECIMAL.fullmatch(word):
        return False
    parts = _PARTS.findall(word)
    if len(parts) > 1 and any(len(part) < 3 and part.lower() not in _TINY for part in parts):
        return False  # camelCase has words for parts
    spoken = _spoken()
    return all(_pairs([part.lower()]) <= spoken for part in parts if len(part) >= _SPOKEN or len(parts) > 1)


@cache
def _spoken() -> frozenset[str]:
    """Pairs of letters that the words we know have."""
    known = (part.lower() for name in (*NATIVE, *CATALOGUE.by_name, *KNOWN) for part in _PARTS.findall(name))
    return _pairs([*_EVERYDAY, *(word for word in known if len(word) >= _SPOKEN and not _VOWELS.isdisjoint(word))])


def vocabulary(policy: Iterable[str], catalogue: Catalogue) -> frozenset[str]:
    """The names that are known where a policy rules: its own, those of fields, of tracking hosts, and of dialects."""
    items = {f"items.{key}" for row in catalogue.by_key.values() for key in row.keys}
    return _packaged().union(name for name in (*policy, *catalogue.by_name, *items) if not name.startswith(MARK))


@cache
def _packaged() -> frozenset[str]:
    """The names that every policy's vocabulary has."""
    hosts = (name for name in KNOWN if not name.startswith("."))
    own = (*_OURS, *hosts, *NATIVE, *map(dotted, NATIVE))
    return frozenset(name for name in own if not name.startswith(MARK))


def dotted(name: str) -> str:
    """A native name as the audit writes it: `custom_data.items.0.id` for `custom_data[items][0][id]`."""
    return name.replace("[", ".").replace("]", "").replace(":", ".")


class Names:
    """The names of one line: called with a name, gives what stands in the head for it, and keeps those that may not.

    `plain` is a memory of names that may, for one vocabulary.
    """

    __slots__ = ("_known", "_numbers", "_plain")

    def __init__(
        self, known: frozenset[str], before: Sequence[str] = (), plain: Compiled[tuple[str, ...], bool] | None = None
    ) -> None:
        self._known = known
        self._plain: Compiled[tuple[str, ...], bool] = Compiled() if plain is None else plain
        self._numbers = {name: n for n, name in enumerate(before)}

    @classmethod
    def all(cls) -> Names:
        """Where no name has to go: each is given as it is."""
        return _All(frozenset())

    def __call__(self, name: str) -> str:
        """The name itself where it may stand in a head, its number where it may not."""
        if name in self._known or plain(name):
            return name
        name = name[:_LONGEST]
        number = self._numbers.get(name)
        if number is None:
            if len(self._numbers) >= MOST - 1:
                name = _MORE
            number = self._numbers.setdefault(name, len(self._numbers))
        return f"{MARK}{number}"

    def _are_plain(self, names: tuple[str, ...]) -> bool:
        """Whether all of these, each there once, may stand in a head; that they may is remembered."""
        if names in self._plain:
            return True
        if len(set(names)) != len(names) or not all(name in self._known or plain(name) for name in names):
            return False
        return self._plain.keep(names, True)

    def each(self, names: Sequence[str]) -> Sequence[str]:
        """The same of several, each once."""
        if self._known.issuperset(names):
            return names
        return list(names if self._are_plain(tuple(names)) else dict.fromkeys(map(self, names)))

    def keys(self, by_name: Mapping[str, str]) -> Mapping[str, str]:
        """The same of what stands under names."""
        if self._known.issuperset(by_name) or self._are_plain(tuple(by_name)):
            return by_name
        return {self(name): value for name, value in by_name.items()}

    @property
    def removable(self) -> tuple[str, ...]:
        """What stands in the tail."""
        return tuple(self._numbers)


class _All(Names):
    """Names outside of a log."""

    __slots__ = ()

    def __call__(self, name: str) -> str:
        """The name itself, unchanged."""
        return name


def put_back(record: dict[str, Any]) -> dict[str, Any]:
    """A record with its names in the places of their numbers; `GONE` where they were removed."""
    kept = record.get("names", ())

    def back(value: Any) -> Any:
        if isinstance(value, str):
            return _name(value, kept) if value[:1] == MARK else value
        if isinstance(value, dict):
            return {back(key): back(inner) for key, inner in value.items()}
        return [back(inner) for inner in value] if isinstance(value, list) else value

    ours = ("policy", "names", "subjects")
    return {key: value if key in ours else back(value) for key, value in record.items() if key != "names"}


def _name(mark: str, kept: Sequence[str]) -> str:
    number = mark[1:]
    if not number.isdecimal() or not number.isascii():
        return mark
    return kept[int(number)] if int(number) < len(kept) else GONE
