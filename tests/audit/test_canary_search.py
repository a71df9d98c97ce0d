"""The search over every byte: ids of all consent platforms go through a real gate, and nothing of them is left.

Log, store and columns as they stand on the disk, compressed parts opened. Before the removal the ids are found by their
pseudonyms; after it there is neither a pseudonym of theirs nor a name that a sender chose.
"""

from __future__ import annotations

import contextlib
import gzip
import random
import re
import string
import time
import uuid
import zlib
from pathlib import Path

import duckdb
import orjson
import pytest

from gatekeeper.audit import lines, query, redact
from gatekeeper.gate import incoming
from gatekeeper.model import Caller
from gatekeeper.runtime import Runtime, wiring
from gatekeeper.signals.cookies import CookieReaders
from gatekeeper.storage import database
from gatekeeper.storage.generations import KEPT, forget_old
from tests.laws.encodings import found_in
from tests.laws.test_heads import COOKIES

POLICY = """
[policy]
version = "t"
controller = "c"
[storage]
url = "sqlite:///var/gatekeeper.db"
[destinations.own]
kind = "first_party"
endpoint = "http://127.0.0.1:9/"
"""
READERS = CookieReaders()
LUCK = random.Random(16)


def unique(old: str) -> str:
    """An id of the same make that is nowhere else."""
    if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", old):
        return str(uuid.UUID(int=LUCK.getrandbits(128), version=4))
    return "".join(LUCK.choice(string.ascii_lowercase + string.digits) for _ in range(18)) + "7q"


def canaries() -> list[tuple[str, str]]:
    """Every platform's cookies with ids of their own, and those ids."""
    found = []
    for cookie in COOKIES:
        for signal in READERS.read([cookie.encode("latin-1", "replace")]):
            old = signal.evidence
            if old is None or lines.is_product(old):
                continue
            new = unique(old) if old in cookie else old
            changed = cookie.replace(old, new)
            if new in [one.evidence for one in READERS.read([changed.encode("latin-1", "replace")])]:
                found.append((changed, new))
    return found


def everything(folder: Path) -> list[tuple[str, bytes]]:
    """Each file's bytes, what is compressed in it as well, and each Parquet file's cells."""
    found = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.suffix == ".key":
            continue
        raw = path.read_bytes()
        found.append((path.name, raw))
        if path.suffix == ".gz":
            found.append((path.name, gzip.decompress(raw)))
        if path.suffix == ".parquet":
            rows = duckdb.connect().execute(f"SELECT * FROM read_parquet('{path}')").fetchall()
            found.append((path.name, repr(rows).encode()))
        for start in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", raw):
            try:
                found.append((path.name, zlib.decompressobj().decompress(raw[start.start() :])))
            except zlib.error:
                continue
    return found


@pytest.fixture
def gate(tmp_path):
    """A gate with its log, store and keys on the disk; nothing answers where it delivers to."""
    (tmp_path / "gatekeeper.toml").write_text(POLICY)
    made = Runtime(tmp_path / "gatekeeper.toml")
    yield made
    made.close()


def test_nothing_of_any_consent_platforms_ids_is_left_after_they_are_removed(gate, tmp_path):
    """Of visitors who refused as of those who allowed; by retention, and the queue by erasure."""
    sent = canaries()
    names = [unique("") for _ in range(4)]
    assert len({cookie.partition("=")[0] for cookie, _ in sent}) >= 12
    people = set()
    for n, (cookie, canary) in enumerate(sent):
        event = {"event": f"e{names[0]}" if n % 5 == 0 else "page_view", "data": {names[1]: 1, "page_url": "/a"}}
        gate.gate.take(incoming.parse(orjson.dumps(event)), Caller(headers=((b"cookie", cookie.encode("latin-1")),)))[
            1
        ].result(10)
        people |= query.pseudonyms(gate.keys, {"consent_id": canary})
    var, folder = tmp_path / "var", gate.policy.audit_folder
    before = everything(var)
    for _, canary in sent:  # they are nowhere, only their pseudonyms are
        assert not [name for name, raw in before if found_in(raw, canary)]
    rows = query.rows(folder, query.Filter(subjects=frozenset(people)), limit=10_000)
    assert len(rows) == len(sent) and any(names[0] in row["event"] for row in rows)
    gate.store.barrier.withdraw(people, dict.fromkeys(gate.policy.destinations, "consent_withdrawn")).result(10)
    gate.close()
    with contextlib.closing(database.connect(var / "gatekeeper.db")) as db:
        later = time.time() + KEPT + 1  # for that long it must be known who took something back
        database.run(db, "BEGIN")
        forget_old(db, later)
        database.run(db, "COMMIT")
    (writer := wiring.audit_writer(gate.policy)).append([]).result(10)
    query.rows(folder, query.Filter(), limit=1)
    assert redact.remove(folder, lambda sealed: True, writer, reason="test", at=0.0).lines >= len(sent)
    writer.close()
    query.rows(folder, query.Filter(), limit=1)
    for name, raw in everything(var):
        assert not [one for one in (*(canary for _, canary in sent), *names[:2]) if found_in(raw, one)], name
        assert not [one for one in people if one.encode() in raw], name
    shown = query.rows(folder, query.Filter(), limit=10_000)
    assert len(shown) == len(sent) and "(a name that was removed)" in {row["event"] for row in shown}


def test_the_search_finds_what_is_there(tmp_path):
    """A planted id, in each of the forms that are opened."""
    canary = unique("")
    (tmp_path / "a.gz").write_bytes(gzip.compress(canary.encode()))
    (tmp_path / "b.db").write_bytes(b"page" + zlib.compress(f'{{"a":"{canary}"}}'.encode(), 1) + b"more")
    duckdb.connect().execute(f"COPY (SELECT '{canary}' AS a) TO '{tmp_path / 'c.parquet'}'")
    found = {name for name, raw in everything(tmp_path) if found_in(raw, canary)}
    assert found == {"a.gz", "b.db", "c.parquet"}
