"""Mutations of consent cookies, strings and queries, a great many of them: none may raise.

    python -m tests.signals.mutations 1600000

prints how many were read and stops with the first exception, of which it shows the input. The test suite runs a few
thousand (`test_mutations.py`).
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path

from gatekeeper.model import Purpose
from gatekeeper.signals import Readers
from gatekeeper.signals.cookies import READERS, CookieReaders
from tests.signals.test_reader_cases import FILES

CASES = json.loads((Path(__file__).parents[1] / "cases" / "signals.json").read_text("utf-8"))
ALPHABET = b'%"\\{}[],:;=|!~.-_+ 0129aAzZ\x00\x7f\xff\xc3'
TOKENS = (
    b"%22",
    b"%25",
    b"\\054",
    b'\\"',
    b"true",
    b"false",
    b"null",
    b"[",
    b"{",
    b"1e999",
    b"__",
    b"&groups=",
    b"%7B%22",
    b"9" * 400,
)
MAPS = {reader.SOURCE: {"a": Purpose.ANALYTICS, "m": Purpose.MARKETING, "1": Purpose.ANALYTICS} for reader in READERS}
SERVICES = {reader.SOURCE: {"ga": ["ga4"], "s2100": ["meta"]} for reader in READERS}


def seeds() -> list[bytes]:
    """Every well-formed Cookie header of the case files, and every query and header of the field's cases."""
    headers = [case["cookie"] for table in FILES.values() for case in table["cases"].values()]
    headers += [case["input"]["cookie"] for case in CASES if case["input"].get("cookie")]
    return [header.encode() for header in headers]


def queries() -> list[bytes]:
    """Queries with consent strings."""
    found = [case["input"]["query"] for case in CASES if case["input"].get("query")]
    return [query.encode() for query in [*found, "gdpr=1&gdpr_consent=CPX&gpp=DBABLA~BVQQAAAAAA&gpp_sid=7", "gcs=G111"]]


def mutated(seed: bytes, chance: random.Random) -> bytes:
    """A seed with one to four changes: bytes replaced, removed, repeated, a token put in, two seeds' parts joined."""
    line = bytearray(seed)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(line) + 1)
        match chance.randrange(6):
            case 0:
                line[at : at + 1] = bytes([chance.choice(ALPHABET)])
            case 1:
                del line[at : at + chance.randint(1, 8)]
            case 2:
                line[at:at] = line[at : at + chance.randint(1, 30)]
            case 3:
                line[at:at] = chance.choice(TOKENS)
            case 4:
                del line[at:]
            case _:
                line[at : at + 1] = bytes([chance.randrange(256)])
    return bytes(line)


def run(count: int, seed: int = 0) -> Iterator[int]:
    """Read `count` mutations; yields how many were read, every ten thousand."""
    chance = random.Random(seed)
    cookies, parameters = seeds(), queries()
    readers = (
        Readers(),
        Readers(CookieReaders(categories=MAPS, services=SERVICES, usual_services={"gajs": ["ga4"]})),
    )
    for number in range(1, count + 1):
        line = mutated(chance.choice(cookies), chance)
        query = mutated(chance.choice(parameters), chance) if number % 8 == 0 else b""
        try:
            readers[number % 2].read([(b"cookie", line)], query=query, verify=lambda *_: False)
        except Exception as error:
            raise AssertionError(f"{line!r} {query!r}") from error
        if number % 10_000 == 0:
            yield number


if __name__ == "__main__":
    for done in run(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0):
        if done % 200_000 == 0:
            print(done, "read without an exception", flush=True)
