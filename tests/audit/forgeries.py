"""What somebody tries who may write into the log's folder, with and without a key. Each names the attack.

The first ones are those of an attacker's report against format 1: A1 a forged stream, A2 subjects cut out and
whitewashed, A3 a log in which nothing is signed, A5 a clock that goes back, A6 bytes behind a segment. The others are
of their kinds.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from gatekeeper.audit import chain, segments
from gatekeeper.audit.lines import Line, timestamp
from gatekeeper.audit.signing import Signer, SigningKey
from gatekeeper.audit.stream import Stream
from tests.audit import logs
from tests.builders import NOW

EARLIER, LATER = "20261101T090000.000000Z-4711-00000000", "20290101T090000.000000Z-4711-00000000"
REAL = "req_000003"  # of a decision in the log


@dataclass
class Scene:
    """A real log, and what an attacker knows of it."""

    log: Path
    keys: Path

    @property
    def key(self) -> SigningKey:
        """The installation's; only an insider uses it to sign."""
        return Signer(self.keys).keys()[0]

    def records(self) -> list[dict[str, Any]]:
        """Every line, as an object."""
        return [orjson.loads(raw) for data in logs.contents(self.log).values() for raw in data.splitlines()]

    def begun(self) -> tuple[int, bytes]:
        """How many streams there are, and their digest."""
        number, digest = max(one["begun"] for one in self.records() if "begun" in one)
        return number, bytes.fromhex(digest)

    def names(self) -> list[str]:
        """The streams."""
        return list(segments.streams(self.log))

    def change(self, name: str, change: Callable[[list[bytes]], list[bytes]]) -> None:
        """Change the lines of a file."""
        files = logs.contents(self.log)
        files[name] = b"".join(change(files[name].splitlines(keepends=True)))
        logs.put(self.log, files)

    def last_file(self) -> str:
        """The last segment of the last stream."""
        return sorted(logs.contents(self.log))[-1]


def chained(stream: str, cores: list[dict[str, Any]], *, version: int = 2, key: SigningKey | None = None) -> bytes:
    """Lines by the public recipe; signed if there is a key."""
    out, previous = [], chain.FIRST
    for n, core in enumerate(cores, 1):
        plain = orjson.dumps(core)
        if key is not None and core["kind"] in ("genesis", "checkpoint", "key", "close"):
            plain = orjson.dumps(core | {"key": key.id})
            head = chain.begin(stream, n) + plain[1:-1]
            plain = chain.signed(plain, key.sign(chain.to_sign(previous, head)))
        head = chain.begin(stream, n) + plain[1:-1]
        previous = chain.link(previous, head, version)
        out.append(head + b',"hash":"%s"}\n' % previous.hex().encode())
    return b"".join(out)


def decided(at: float = NOW, request_id: str = REAL) -> dict[str, Any]:
    """The consent that was never given."""
    state = {"necessary": True, "analytics": True, "marketing": True}
    return {"kind": "decision", "timestamp": timestamp(at), "request_id": request_id, "consent_state": state}


def genesis(scene: Scene, stream: str, *, format_: int = 2, **more: Any) -> dict[str, Any]:
    """As the next stream would begin."""
    core: dict[str, Any] = {"kind": "genesis", "timestamp": timestamp(NOW)}
    if format_ == 2:
        number, digest = scene.begun()
        core |= {"format": 2, "begun": [number + 1, chain.begun([stream], digest).hex()]}
    return core | {"product": "gatekeeper", "key": None, "public": None, "heads": [], "adopted": []} | more


def put(scene: Scene, stream: str, data: bytes) -> None:
    """A file in the folder."""
    (scene.log / f"{stream}.000001.jsonl").write_bytes(data)


def _unsigned(stream: str, **more: Any) -> Callable[[Scene], None]:
    def forge(scene: Scene) -> None:
        put(scene, stream, chained(stream, [genesis(scene, stream, **more), decided()]))

    return forge


def _format_1(scene: Scene) -> None:
    put(scene, EARLIER, chained(EARLIER, [genesis(scene, EARLIER, format_=1), decided()], version=1))


def _claims_the_key(scene: Scene) -> None:
    public = scene.key.public.hex()
    put(scene, LATER, chained(LATER, [genesis(scene, LATER, key=scene.key.id, public=public), decided()]))


def _signed_with_zeros(scene: Scene) -> None:
    core = genesis(scene, LATER, public=scene.key.public.hex()) | {"key": scene.key.id, "signature": "00" * 64}
    put(scene, LATER, chained(LATER, [core, decided()]))


def _unsigned_end(scene: Scene) -> None:
    """A real genesis's claims, and a close without a signature."""
    ends = [
        {"kind": kind, "timestamp": timestamp(NOW), "heads": [], "begun": [0, "00" * 32]}
        for kind in ("checkpoint", "close")
    ]
    put(scene, LATER, chained(LATER, [genesis(scene, LATER), decided(), *ends]))


def _own_key(scene: Scene) -> None:
    from gatekeeper.installation.ring import Key

    key = SigningKey(Key("mine", b"m" * 32))
    put(scene, EARLIER, chained(EARLIER, [genesis(scene, EARLIER, public=key.public.hex()), decided()], key=key))


def _introduces_itself(scene: Scene) -> None:
    """The line that would introduce the attacker's key claims to be the real one's."""
    from gatekeeper.installation.ring import Key

    key = SigningKey(Key("mine", b"m" * 32))
    line = {"kind": "key", "timestamp": timestamp(NOW), "successor": key.id, "public": key.public.hex(), "heads": []}
    line |= {"begun": [0, "00" * 32], "key": scene.key.id, "signature": "ab" * 64}
    put(scene, LATER, chained(LATER, [genesis(scene, LATER, public=key.public.hex()), decided()], key=key))
    other = LATER[:-1] + "1"
    put(scene, other, chained(other, [genesis(scene, other), line]))


def _replayed_genesis(scene: Scene) -> None:
    """A real genesis, with its good signature, begins a file of another name."""
    first = logs.contents(scene.log)[sorted(logs.contents(scene.log))[0]].splitlines(keepends=True)[0]
    put(scene, LATER, first)


def _renamed_genesis(scene: Scene) -> None:
    """The same, its name changed, and hashed again."""
    raw = logs.contents(scene.log)[sorted(logs.contents(scene.log))[0]].splitlines(keepends=True)[0]
    sealed = chain.split(raw)
    assert sealed is not None
    head = sealed.head.replace(scene.names()[0].encode(), LATER.encode())
    put(scene, LATER, head + b',"hash":"%s"}\n' % chain.link(chain.FIRST, head).hex().encode())


def _other_installation(scene: Scene) -> None:
    """A whole stream of another log, with its own key."""
    other = scene.log.parent / "other"
    logs.make(other)
    for path in (other / "audit").glob(f"{next(iter(segments.streams(other / 'audit')))}*.gz"):
        (scene.log / path.name).write_bytes(path.read_bytes())


def _same_key_elsewhere(scene: Scene) -> None:
    """A stream that the same key signed, in another folder."""
    stream = Stream(scene.log.parent / "elsewhere", signer=Signer(scene.keys), clock=logs.Clock(NOW + 150 * logs.DAY))
    stream.write([logs.decision(900)])
    stream.close()
    put(scene, stream.name, (scene.log.parent / "elsewhere" / f"{stream.name}.000001.jsonl").read_bytes())


def _drop(at: int) -> Callable[[Scene], None]:
    def forge(scene: Scene) -> None:
        for path in scene.log.glob(scene.names()[at] + "*"):
            path.unlink()

    return forge


def _swap_tails(scene: Scene) -> None:
    """The last lines of two streams change places, and follow."""
    one, two = (f"{name}.000001.jsonl.gz" for name in scene.names()[:2])
    files = logs.contents(scene.log)
    a, b = files[one].splitlines(keepends=True), files[two].splitlines(keepends=True)
    logs.put(scene.log, files | {one: b"".join([*a[:-2], *b[-2:]]), two: b"".join([*b[:-2], *a[-2:]])})


def _cut_subjects(scene: Scene) -> list[list[Any]]:
    files = logs.contents(scene.log)
    for name, data in files.items():
        lines = data.splitlines(keepends=True)
        for i, raw in enumerate(lines):
            sealed = chain.split(raw)
            assert sealed is not None
            if sealed.tail is not None:
                lines[i] = sealed.without_refs()
        files[name] = b"".join(lines)
    logs.put(scene.log, files)
    return [[name, 1, 99] for name in scene.names()]


def _whitewash(scene: Scene) -> None:
    """Subjects go, and an unsigned stream says that this was lawful."""
    ranges = _cut_subjects(scene)
    line = {"kind": "redaction", "timestamp": timestamp(NOW), "reason": "retention", "ranges": ranges}
    put(scene, LATER, chained(LATER, [genesis(scene, LATER), line]))


def _whitewash_in_a_tail(scene: Scene) -> None:
    """The same behind the last signature of a stream that has no end."""
    scene.change(scene.last_file(), lambda lines: lines[:-1])
    ranges = [[name, 1, last] for (name, *_), last in zip(_cut_subjects(scene), (99, 99, 99, 99, 7), strict=True)]
    line = {"kind": "redaction", "timestamp": timestamp(NOW + 101 * logs.DAY), "reason": "retention", "ranges": ranges}
    scene.change(scene.last_file(), lambda lines: [*lines, _behind(lines, scene, line)])


def _behind(lines: list[bytes], scene: Scene, core: dict[str, Any]) -> bytes:
    last = chain.split(lines[-1])
    assert last is not None
    raw, _ = chain.seal(Line(orjson.dumps(core)), last.record["stream"], last.record["n"] + 1, last.hash, b"")
    return raw


def _cut_without_a_word(scene: Scene) -> None:
    _cut_subjects(scene)


def _nothing_is_signed(scene: Scene) -> None:
    core = genesis(scene, EARLIER) | {"begun": [1, chain.begun([EARLIER]).hex()]}
    logs.put(scene.log, {f"{EARLIER}.000001.jsonl": chained(EARLIER, [core, decided()])})


def _nothing_is_signed_in_format_1(scene: Scene) -> None:
    data = chained(EARLIER, [genesis(scene, EARLIER, format_=1), decided()], version=1)
    logs.put(scene.log, {f"{EARLIER}.000001.jsonl": data})


def _wholly_anew(scene: Scene) -> None:
    logs.make(scene.log.parent / "anew")
    logs.put(scene.log, logs.contents(scene.log.parent / "anew" / "audit"))


def _insider(scene: Scene, *cores: dict[str, Any]) -> None:
    """A stream as the next one, signed with the real key."""
    first = genesis(scene, LATER, public=scene.key.public.hex(), timestamp=timestamp(NOW + 200 * logs.DAY))
    end = {"kind": "close", "timestamp": timestamp(NOW + 200 * logs.DAY), "heads": [], "begun": first["begun"]}
    put(scene, LATER, chained(LATER, [first, *cores, end], key=scene.key))


def _back_in_time(scene: Scene) -> None:
    _insider(scene, decided(NOW, "req_900000"))


def _own_lines_back_in_time(scene: Scene) -> None:
    number = scene.begun()
    core = {"kind": "checkpoint", "timestamp": timestamp(NOW), "heads": [], "begun": [number[0], number[1].hex()]}
    _insider(scene, core)


def _older_than_what_it_names(scene: Scene) -> None:
    """A stream that says it is of last year, and knows of a line of this one."""
    last = scene.records()[-1]
    first = genesis(scene, LATER, public=scene.key.public.hex(), heads=[[last["stream"], last["n"], last["hash"]]])
    put(scene, LATER, chained(LATER, [first], key=scene.key))


def _decided_twice(scene: Scene) -> None:
    _insider(scene, decided(NOW + 200 * logs.DAY))


def _decided_in_a_group(scene: Scene) -> None:
    at = NOW + 200 * logs.DAY
    group = {"kind": "decision", "timestamp": timestamp(at), "request_id": "req_900000", "count": 3}
    _insider(scene, group, decided(at, "req_900000.2"))


def _group_with_count(scene: Scene) -> None:
    at = timestamp(NOW + 200 * logs.DAY)
    group = {"kind": "decision", "timestamp": at, "request_id": "req_900000", "count": 3}
    _insider(scene, group, group | {"request_id": "req_900001"}, group | {"request_id": "req_900000", "count": 2})


def _behind_a_segment(what: bytes) -> Callable[[Scene], None]:
    def forge(scene: Scene) -> None:
        path = next(scene.log.glob("*.gz"))
        path.write_bytes(path.read_bytes() + what)

    return forge


def _in_the_header(scene: Scene) -> None:
    path = next(scene.log.glob("*.gz"))
    data = path.read_bytes()
    path.write_bytes(data[:3] + b"\x08" + data[4:10] + b"a secret\0" + data[10:])


def _file(name: str) -> Callable[[Scene], None]:
    def forge(scene: Scene) -> None:
        (scene.log / name).write_bytes(b"what is this?\n")

    return forge


def _cut_tail(scene: Scene) -> None:
    scene.change(scene.last_file(), lambda lines: lines[:-1])


def _other_tail(scene: Scene) -> None:
    """The last stream's genesis is real; what follows it is not."""
    scene.change(scene.last_file(), lambda lines: [lines[0], _behind(lines[:1], scene, decided(LAST, "req_900000"))])


def _other_close(scene: Scene) -> None:
    core = {"kind": "close", "timestamp": timestamp(NOW + 101 * logs.DAY), "heads": [], "begun": [0, "00" * 32]}
    scene.change(
        scene.last_file(), lambda lines: [*lines[:-1], _behind(lines[:-1], scene, core | {"key": scene.key.id})]
    )


def _begun_again(scene: Scene) -> None:
    """The number of a stream that was dropped is given to another, by an insider."""
    name = scene.names()[-1]
    _drop(-1)(scene)
    number, digest = scene.begun()
    assert re.fullmatch(r".*", name)
    core = genesis(scene, LATER, public=scene.key.public.hex(), begun=[number, digest.hex()])
    put(scene, LATER, chained(LATER, [core], key=scene.key))


ALWAYS: dict[str, Callable[[Scene], None]] = {
    "A1 an unsigned stream, named earlier": _unsigned(EARLIER),
    "A1 an unsigned stream, named later": _unsigned(LATER),
    "A1 an unsigned stream that is the first": _unsigned(EARLIER, begun=[1, chain.begun([EARLIER]).hex()]),
    "A1 a stream without a number": _unsigned(LATER, begun=[]),
    "A1 a stream of format 1 beside format 2": _format_1,
    "A1 a genesis that claims the real key": _claims_the_key,
    "A1 a genesis with a signature of zeros": _signed_with_zeros,
    "A1 a checkpoint and a close without signature": _unsigned_end,
    "A1 a stream with a key of one's own": _own_key,
    "a key that introduces itself in the real one's name": _introduces_itself,
    "a real genesis again, in a file of another name": _replayed_genesis,
    "a real genesis again, renamed": _renamed_genesis,
    "a stream of another installation": _other_installation,
    "a stream of the same key from another folder": _same_key_elsewhere,
    "the first stream is dropped": _drop(0),
    "a middle stream is dropped": _drop(2),
    "the last stream is dropped, of which another one knew": _drop(-1),
    "tails of two streams are swapped": _swap_tails,
    "A2 subjects cut, an unsigned stream says why": _whitewash,
    "A2 subjects cut, an unsigned tail says why": _whitewash_in_a_tail,
    "A2 subjects cut without a word": _cut_without_a_word,
    "A3 nothing is signed": _nothing_is_signed,
    "A5 a decision of 200 days before": _back_in_time,
    "A5 a checkpoint of 200 days before": _own_lines_back_in_time,
    "A5 a stream that is older than what it names": _older_than_what_it_names,
    "a request is decided a second time": _decided_twice,
    "an element of a group is decided a second time": _decided_in_a_group,
    "two groups have elements in common": _group_with_count,
    "A6 padding behind a segment": _behind_a_segment(bytes(512)),
    "A6 an empty second member": _behind_a_segment(gzip.compress(b"")),
    "A6 a second member": _behind_a_segment(gzip.compress(b"more\n", mtime=0)),
    "A6 a text in the header of a segment": _in_the_header,
    "A6 an unknown file": _file("notes.txt"),
    "A6 a file that is like a segment": _file("x.jsonl.tmp"),
    "a close of one's own": _other_close,
    "the number of a dropped stream is used again": _begun_again,
}
# Done to the newest stream: seen only with something from elsewhere, an anchor or the database.
ELSEWHERE: dict[str, Callable[[Scene], None]] = {
    "the tail is cut": _cut_tail,
    "the tail is another": _other_tail,
    "the last stream is dropped": _drop(-1),
}
LAST = NOW + 300 * logs.DAY  # of the stream that `newest` writes
REPLACED: dict[str, Callable[[Scene], None]] = {
    "A3 nothing is signed, in format 1": _nothing_is_signed_in_format_1,
    "the whole log anew, with another key": _wholly_anew,
}
