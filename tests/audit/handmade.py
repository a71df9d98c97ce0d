"""Streams made by hand: any records, each line with a good hash, and those that say so with a good signature."""

from __future__ import annotations

import gzip
from pathlib import Path

import orjson

from gatekeeper.audit import chain
from gatekeeper.audit.lines import Line
from gatekeeper.audit.signing import SigningKey
from gatekeeper.audit.statements import SIGNED
from gatekeeper.audit.verify import Report, verify
from gatekeeper.installation.ring import Key

AT = "2026-11-24T00:00:00Z"
KEY, OTHER, THIRD = (SigningKey(Key(name, name.encode() * 16)) for name in ("k1", "k2", "k3"))
ONE, TWO, THREE = (f"20261124T00000{n}.000000Z-1-0000000{n}" for n in (1, 2, 3))
FIRST = [1, chain.begun([ONE]).hex()]  # what is said of the streams that were begun, where there is one


def at(second: int) -> str:
    """A time so many seconds after `AT`."""
    hours, rest = divmod(second, 3_600)
    return f"2026-11-24T{hours:02}:{rest // 60:02}:{rest % 60:02}Z"


def genesis(key: SigningKey = KEY, begun=FIRST, **more) -> dict:
    """The first line of a stream."""
    record = {
        "kind": "genesis",
        "timestamp": AT,
        "format": 2,
        "product": "x",
        "public": key.public.hex(),
        "begun": begun,
    }
    return record | {"heads": [], "adopted": [], "_key": key} | more


def checkpoint(kind: str = "checkpoint", begun=FIRST, **more) -> dict:
    """A line as the stream signs it, with its hash and signature."""
    return {"kind": kind, "timestamp": AT, "begun": begun, "heads": []} | more


def decision(n: int = 1, **more) -> dict:
    """A line that says nothing about the log."""
    return {"kind": "decision", "timestamp": AT, "request_id": f"req_{n}"} | more


def introduction(key: SigningKey, by: SigningKey = KEY, **more) -> dict:
    """A line that introduces a key."""
    return checkpoint("key", successor=key.id, public=key.public.hex(), _key=by) | more


class Made:
    """A stream, line by line: `lines` are its bytes, `hashes` what each is named by."""

    def __init__(self, stream: str = ONE, previous: bytes = chain.FIRST, n: int = 0) -> None:
        self.stream, self.n, self.last = stream, n, previous
        self.lines: list[bytes] = []
        self.hashes: dict[int, bytes] = {n: previous}

    def add(self, *records: dict) -> Made:
        """Lines behind those that are there. `_raw` is put as it is, `_key` signs, `_refs` are pseudonyms."""
        for given in records:
            record = {name: value for name, value in given.items() if name[:1] != "_"}
            if "_raw" in given:
                self.lines.append(given["_raw"])
                continue
            core = orjson.dumps(record)
            key = given.get("_key", KEY)
            if record["kind"] in tuple(SIGNED) and key is not None:
                core = orjson.dumps({"key": key.id} | record)
                head = chain.begin(self.stream, self.n + 1) + core[1:-1]
                core = chain.signed(core, key.sign(chain.to_sign(self.last, head)))
            line = Line(core, tuple(given.get("_refs", ())))
            raw, self.last = chain.seal(line, self.stream, self.n + 1, self.last, bytes(16))
            self.n += 1
            self.lines.append(raw)
            self.hashes[self.n] = self.last
        return self

    def gap(self, last: int, digest: bytes) -> Made:
        """A line in the place of others, up to the last of them."""
        begin = chain.begin(self.stream, self.n + 1)
        self.lines.append(b'%s"kind":"gap","last":%d,"hash":"%s"}\n' % (begin, last, digest.hex().encode()))
        self.n, self.last = last, digest
        return self

    def end(self, n: int | None = None) -> list:
        """How a line of it is named by others."""
        n = self.n if n is None else n
        return [self.stream, n, self.hashes[n].hex()]

    def put(self, folder: Path, number: int = 1, *, packed: bool = False, end: int | None = None) -> Path:
        """Write the lines as a segment."""
        folder.mkdir(parents=True, exist_ok=True)
        data = b"".join(self.lines[:end])
        path = folder / f"{self.stream}.{number:06}.jsonl{'.gz' * packed}"
        path.write_bytes(gzip.compress(data, 6, mtime=0) if packed else data)
        return path


def whys(folder: Path, **options) -> list[tuple[str, int, str]]:
    """What the verifier says is wrong: file, line and why."""
    return [tuple(problem) for problem in verified(folder, **options).problems]


def verified(folder: Path, **options) -> Report:
    """What the verifier says."""
    return verify(folder, **options)
