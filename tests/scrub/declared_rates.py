"""What the search for declared values and for secrets in paths finds, and what it breaks.

    PYTHONPATH=. python tests/scrub/declared_rates.py         the tables of docs/scrubbing.md

Declared values: made-up people in every spelling and wrap of the laws (tests/laws/people.py), and real names. What
they break is counted on every third ordinary value of the labelled set. Secrets: routes of well-known software with
drawn codes, and paths behind the same words that belong to a site (`labelled/paths_ordinary.txt`).
"""

from __future__ import annotations

import base64
import random
import string
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from gatekeeper.fields import CATALOGUE
from gatekeeper.scrub import scrub_text, scrub_url
from gatekeeper.scrub.fields import search_of
from gatekeeper.scrub.identifier import personal_shape
from gatekeeper.scrub.search import SHAPES_ONLY, Search
from gatekeeper.scrub.taint import declared
from tests.laws.people import URLS, WRAPS, person, spellings
from tests.scrub.scrub_rates import LABELLED, ordinary, share

SEED = 20261130
PEOPLE = 10
# Common names, and names that are words in the languages of the labelled set.
USUAL = ("Jane Doe", "Maria Schmidt", "José García", "Anna Nowak", "Mehmet Yılmaz", "Иван Петров", "김 민수", "王 伟")
WORDS = (
    "Rose May", "Mark Price", "Will Page", "Grace Stone", "April Summers", "Max Black", "Art Short", "Ray Gold",
    "Bill Field", "Sky Green", "Wolf Klein", "Rosa Blau", "Marina Costa", "Pierre Petit", "Iris Sommer", "Pro Mini",
)  # fmt: skip
ROUTES = (
    "/password/reset/{}", "/accounts/confirm-email/{}/", "/verify/{}", "/callback/code/{}", "/magic-link/{}",
    "/invite/{}", "/unsubscribe/{}", "/users/activate/{}/done", "/share/{}", "/einladung/{}",
    "/passwort-zuruecksetzen/{}", "/vérifier/{}",
    "/restablecer/{}", "/conferma/{}", "/подтвердить/{}", "https://shop.example/de/konto/aktivieren/key/{}?utm_id=1",
)  # fmt: skip


def codes(luck: random.Random) -> dict[str, Callable[[], str]]:
    """Kinds of codes that sites put into paths."""

    def drawn(letters: str, size: int) -> Callable[[], str]:
        return lambda: "".join(luck.choice(letters) for _ in range(size))

    mixed = string.ascii_letters + string.digits
    return {
        "uuid": lambda: str(uuid.UUID(int=luck.getrandbits(128), version=4)),
        "six digits": drawn(string.digits, 6),
        "six letters and digits": drawn(mixed, 6),
        "eight of base32": drawn("abcdefghijklmnopqrstuvwxyz234567", 8),
        "eight hexadecimal digits": drawn("0123456789abcdef", 8),
        "twenty-two of base64": drawn(mixed + "-_", 22),
        "base64 of JSON": lambda: base64.urlsafe_b64encode(b'{"uid":%d}' % luck.randrange(10**9)).decode().rstrip("="),
        "signed (allauth)": lambda: f"MTM:1q{drawn(mixed, 4)()}:{drawn(mixed, 27)()}",
        "eight letters of one case": drawn(string.ascii_lowercase, 8),
    }


def secrets_found() -> Iterator[tuple[str, tuple[int, int], tuple[int, int]]]:
    """Kind of code, found by shapes alone, and found with the words of paths: (found, all)."""
    luck = random.Random(SEED)
    for kind, draw in codes(luck).items():
        before = after = total = 0
        for route in ROUTES:
            for _ in range(10):
                code = draw()
                url = route.format(code)
                total += 1
                after += code not in scrub_url(url).text
                # What shapes alone would find does not depend on the words before it.
                before += code not in scrub_url(f"/p/{code}").text
        yield kind, (before, total), (after, total)


def paths_kept() -> tuple[int, int]:
    """Ordinary paths behind such words that stay as they are."""
    paths = (LABELLED / "paths_ordinary.txt").read_text(encoding="utf-8").split()
    return sum(scrub_url(path).text == path for path in paths), len(paths)


def declared_found() -> Iterator[tuple[str, tuple[int, int], tuple[int, int]]]:
    """Field, found by shapes alone, and by what the event declares: (found, all), over all spellings and wraps."""
    luck = random.Random(SEED)
    counts: dict[str, list[int]] = {}
    for _ in range(PEOPLE):
        who = person(luck)
        search = search_of(CATALOGUE, declared(who.items()))
        for field, value in who.items():
            for spelled in spellings(field, value):
                for name, wrap in (WRAPS | URLS).items():
                    text = wrap(spelled)
                    count = counts.setdefault(field, [0, 0, 0])
                    for n, look in enumerate((SHAPES_ONLY, search)):
                        clean = scrub_url(text, search=look) if name in URLS else scrub_text(text, look)
                        count[n] += text != clean.text and wrap(spelled) not in clean.text
                    count[2] += 1
    for field, (before, after, total) in counts.items():
        yield field, (before, total), (after, total)


def broken(names: tuple[str, ...]) -> tuple[int, int]:
    """Ordinary values of the labelled set that stay as they are for events that declare one of these names each."""
    rows = [row for row in list(ordinary())[::3] if right_alone(row.door, row.value)]
    kept = total = 0
    for name in names:
        first, _, last = name.partition(" ")
        if not name.isascii() and len(name) <= 4:
            first, last = last, first
        search = search_of(CATALOGUE, declared({"first_name": first, "last_name": last}.items()))
        for row in rows:
            kept += not touched(row.door, row.value, search)
            total += 1
    return kept, total


def right_alone(door: str, value: str) -> bool:
    """Whether the value stays as it is where nothing is declared."""
    return not touched(door, value, SHAPES_ONLY)


def touched(door: str, value: str, search: Search) -> bool:
    """Whether scrubbing changes the value."""
    if door == "id":
        return personal_shape(value, search) is not None
    return (scrub_text(value, search) if door == "text" else scrub_url(value, search=search)).text != value


def tables() -> tuple[str, ...]:
    """The Markdown tables of docs/scrubbing.md."""
    head = "| {} | by shape alone | now |\n|---|---|---|\n"
    rows = "\n".join(f"| {name} | {share(before)} | {share(after)} |" for name, before, after in declared_found())
    paths = "\n".join(f"| {name} | {share(before)} | {share(after)} |" for name, before, after in secrets_found())
    kept = (
        ("paths behind such words that belong to the site", paths_kept()),
        (f"the labelled set, events of {len(USUAL)} people with usual names", broken(USUAL)),
        (f"the labelled set, events of {len(WORDS)} people whose names are words", broken(WORDS)),
    )
    ordinary_rows = "\n".join(f"| {name} | {share(counts)} |" for name, counts in kept)
    return (
        head.format("declared, found and gone") + rows,
        head.format("code behind a word such as `reset`, gone") + paths,
        "| ordinary, left as it was | |\n|---|---|\n" + ordinary_rows,
    )


if __name__ == "__main__":
    print("\n\n".join(tables()))
    for path in (Path(LABELLED) / "paths_ordinary.txt").read_text(encoding="utf-8").split():
        if scrub_url(path).text != path:
            print("FALSE", path, scrub_url(path).text)
