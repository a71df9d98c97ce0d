"""Texts at the edges of what the scrubber looks for, and what it makes of them, as digests.

    python -m tests.scrub.edges > tests/scrub/edges.txt     what it makes of them now
    python -m tests.scrub.edges 17                          the texts of digest 17, with what it makes of each

Each text is a value of the labelled set, or one that an event declares, or a row of pieces. Half of them were changed
in one place: a character left out, doubled, or another; the end cut off; a second value behind it. So each rule is met
from both sides. What is right is for the tables of the other tests to say: this one says that nothing else changed.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from hashlib import blake2b
from itertools import islice
from typing import Final

from gatekeeper.fields import CATALOGUE
from gatekeeper.scrub import DEFAULT_PARAMS, Scrubbed, lift_click_ids, personal_shape, scrub_text, scrub_url
from gatekeeper.scrub.fields import search_of
from gatekeeper.scrub.search import Search
from gatekeeper.scrub.spellings import spellings as written
from gatekeeper.scrub.taint import declared
from tests.laws.people import URLS, WRAPS, person, spellings
from tests.scrub.declared_rates import ROUTES, codes
from tests.scrub.scrub_rates import ordinary, positives

EACH: Final = 12  # texts of one digest
_PARAMS: Final = DEFAULT_PARAMS | {"q", "page"}
_SEED: Final = 20261130
_SIGNS: Final = "0479aeEzZ.,-_/\\@+()=%&;:?#[]{}\"' \t\n|é中٤ß\u200b\u0301\ufffd\0"
_BETWEEN: Final = ("", " ", ", ", "/", "-", ".", "&", "=", ": ", "\n", "%20", "@", "_", '"')
_PIECES: Final = (
    "@ . : / // ? # & ; = + % %25 %40 %2540 %3F %3D \\u0040 \\x40 \\100 &#64; &#x40; &amp; &commat; \" ' ( ) [ ] "
    "a b.co jane example.com jane@example.com 例子.公司 анна@пример.рф _at_ [at] (dot) 7 12 007 4242 4242424242424242 "
    "+49 030 00 2125550123 212-555-0123 203.0.113.9 2001:db8::1 1.2.3.4 v DE89 DE89370400440532013000 "
    "eyJhbGciOiJIUzI1NiJ9 eyJzdWIiOiI3In0 sk_live_ ghp_ a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6 amFuZUBleGFtcGxlLmNvbQ "
    "6a616e65406578616d706c652e636f6d tel phone ip token= password= bearer https:// http: mailto: utm_source= gclid= "
    "q= page=2 [email] [phone] /reset/ /invite/ /home/ /Users/ C:\\Users\\ .html .js Jane Doe 1990-03-07"
).split()
_SECRETS: Final = (
    "reset", "invite/Ab3x9", "vorname/Jane", "vorname-code/Jane", "magic_link/7", "verify-your-email",
    "share/p/Cx91LaQ", "home/jane", "Users/jane/x.py", "reset/[secret]/x9k2p1", "code", "x9k2p1",
)  # fmt: skip
# Names and addresses as people of several countries have them: particles, umlauts, two names, no spaces.
_PEOPLE: Final = (
    {"first_name": "Jane", "last_name": "Doe", "street": "Musterstraße 12", "date_of_birth": "1990-03-07"},
    {"first_name": "Anna-Lena", "last_name": "von der Heide", "street": "Am Markt 3a", "date_of_birth": "7.3.1990"},
    {"first_name": "José", "last_name": "Müller", "email": "jose.mueller+shop@gmail.com", "phone": "0171 1234987"},
    {"first_name": "김민수", "last_name": "김", "email": "minsu@example.co.kr", "phone": "+82 10-1234-5678"},
    {"first_name": "伟", "last_name": "王", "email": "王小明@例子.公司", "street": "北京路 12 号"},
    {"first_name": "太郎", "last_name": "佐藤", "date_of_birth": "19900307", "phone": "0081 90 1234 5678"},
    {"first_name": "Иван", "last_name": "Петров", "street": "ул. Ленина, 5", "email": " Ivan.Petrov@Example.RU "},
    {"first_name": "Grace", "last_name": "O’Neill", "email": "info@example.com", "phone": "2125550123"},
    {"first_name": "Frau", "last_name": "Test", "email": "1234567890@qq.example", "date_of_birth": "03/07/1990"},
    {"first_name": "Li", "last_name": "An", "email_hash": "0a" * 32, "phone_hash": "AB12" * 8, "street": "Ab 1"},
    {"first_name": "Page", "last_name": "Mac", "street": "Rue de la République 10 bis", "phone": "1112223"},
)  # fmt: skip


def changed(text: str, luck: random.Random, others: list[str]) -> str:
    """The text with one thing about it that is another."""
    at = luck.randrange(len(text)) if text else 0
    match luck.randrange(7):
        case 0:
            return text[:at] + text[at + 1 :]
        case 1:
            return text[:at] + text[at : at + 1] * 2 + text[at + 1 :]
        case 2 | 3:
            return text[:at] + luck.choice(_SIGNS) + text[at + luck.randrange(2) :]
        case 4:
            return text[:at]
        case 5:
            return text.swapcase()
        case _:
            return text + luck.choice(_BETWEEN) + luck.choice(others)


def labelled(luck: random.Random) -> Iterator[str]:
    """The values that the detector was tuned on, and neighbours of them."""
    values = [row.value for row in (*positives(), *ordinary()) if not row.held_out]
    while True:
        value = luck.choice(values)
        yield changed(value, luck, values) if luck.randrange(3) else value


def mosaics(luck: random.Random) -> Iterator[str]:
    """Pieces of shapes in any order, and secrets in paths."""
    draws = list(codes(luck).values())
    while True:
        yield "".join(
            luck.choice(_PIECES) + luck.choice(("", "", " ", "   ", "    ")) for _ in range(luck.randint(1, 7))
        )
        yield changed(luck.choice(ROUTES).format(luck.choice(draws)()), luck, ["/edit", "/x7k2pq", ".js", "?q=1"])


def addresses(luck: random.Random) -> Iterator[str]:
    """URLs with any of their parts, and values in each of them."""

    def some(*among: str) -> str:
        return luck.choice(among)

    values = [row.value for row in positives() if row.kind == "bare" and not row.held_out]
    while True:
        value = luck.choice(values)
        yield "".join(
            (
                some("", "", " see ", "(", "at f (", "u="),
                some(
                    "https:", "http:", "HTTPS:", "", "", "file:", "tel:", "data:text/html,", "shop.example:", "about:"
                ),
                some("//", "//", "/", "", "\\\\") + some("", "", "", "jane:pw@", "a@b@", value + "@"),
                some("shop.example", "203.0.113.9", "localhost", "", "[2001:db8::1]", "xn--p1ai")
                + some("", "", ":8443"),
                *(
                    some("/", "/", "//", "%2F") + some("a", "de-at", "x.js", value, f"id-{value}-7", *_SECRETS)
                    for _ in range(luck.randrange(4))
                ),
                some("", "", "", ";v=1", "&id=7", "%3Femail%3Djane", ":10:15)"),
                some("", "", "?q=", "?utm_source=a&q=", "?x=1;page=", "?&utm%5Fid=7&gclid=", "??a=b?q=")
                + some("", "1", value),
                some("", "", "", "#", "#x", f"#q={value}&gclid=7", "#/a?fbclid=1"),
                some("", "", ").", " ok", ", x"),
            )
        )


def told(luck: random.Random) -> Iterator[tuple[str, Search]]:
    """Values that an event declares, as they are written somewhere, with the search for what it declares."""
    wraps = list({**WRAPS, **URLS}.values())
    people = [*_PEOPLE, *(person(luck) for _ in range(6))]
    searches = [search_of(CATALOGUE, declared(who.items())) for who in people]
    while True:
        for who, search in zip(people, searches, strict=True):
            field, value = luck.choice(list(who.items()))
            one = luck.choice(spellings(field, value) if who not in _PEOPLE else ways(who, field, luck))
            text = luck.choice(wraps)(one)
            yield text if luck.randrange(2) else changed(text, luck, [*who.values(), *_PIECES]), search


def ways(who: dict[str, str], field: str, luck: random.Random) -> list[str]:
    """A value of a person, alone or with another, in the spellings that there are for it."""
    value = who[field]
    other = luck.choice(list(who.values()))
    both = luck.choice((" ", "", "-", ", ", "_", ".", "   ", "    ")).join((value, other))
    parts = value.replace("-", " ").replace(".", " ").split()
    near = luck.choice(_SIGNS) + luck.choice(("님", "국", "x", "7", "先生")) + value
    return [
        value,
        value.upper(),
        both,
        near,
        luck.choice(parts),
        "".join(parts),
        "-".join(parts[::-1]),
        *written(value),
    ]


def outcome(text: str, search: Search | None) -> list[object]:
    """Everything that the scrubber says of a text."""
    if search is None:
        return [scrub_text(text), scrub_url(text, _PARAMS), personal_shape(text), lift_click_ids(text)]
    return [
        scrub_text(text, search), scrub_url(text, _PARAMS, search), personal_shape(text, search),
        sorted(search.spans(text, machinery=True)),
    ]  # fmt: skip


def texts() -> Iterator[tuple[str, Search | None]]:
    """All of them, in an order that is the same each time."""
    for make, count in ((labelled, 1_600), (mosaics, 1_000), (addresses, 1_400)):
        for text in islice(make(random.Random(_SEED)), count):
            yield text, None
    yield from islice(told(random.Random(_SEED)), 1_800)


def digests(of: Callable[[str, Search | None], list[object]] = outcome) -> Iterator[str]:
    """One digest for every few texts."""
    every = texts()
    while some := list(islice(every, EACH)):
        yield blake2b(repr([_plain(of(*one)) for one in some]).encode("utf-8", "replace"), digest_size=6).hexdigest()


def _plain(said: list[object]) -> list[object]:
    """What is to be the same: a text is not in the `repr` of what was made of it."""
    return [(one.text, one.found) if isinstance(one, Scrubbed) else one for one in said]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        for one in islice(texts(), EACH * int(sys.argv[1]), EACH * (int(sys.argv[1]) + 1)):
            print(repr(one[0]), _plain(outcome(*one)), sep="\n    ")
    else:
        print(*digests(), sep="\n")
