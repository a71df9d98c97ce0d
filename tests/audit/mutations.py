"""What somebody could do to a log behind its back. Files in, changed files out, by a seeded random."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

from gatekeeper.audit import chain
from gatekeeper.audit.lines import Line

Files = dict[str, bytes]
_NAME = re.compile(r"(.+)\.(\d{6})\.jsonl")


def _lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def _file(files: Files, at: Random) -> str:
    return at.choice(sorted(files))


def _change_lines(change: Callable[[list[bytes], Random], object]) -> Callable[[Files, Random], None]:
    def mutate(files: Files, at: Random) -> None:
        name = _file(files, at)
        lines = _lines(files[name])
        change(lines, at)
        files[name] = b"".join(lines)

    return mutate


def _flip_bit(files: Files, at: Random) -> None:
    name = _file(files, at)
    data = bytearray(files[name])
    data[at.randrange(len(data))] ^= 1 << at.randrange(8)
    files[name] = bytes(data)


def _splice(files: Files, at: Random) -> None:
    name = _file(files, at)
    data = files[name]
    begin = at.randrange(len(data))
    files[name] = data[:begin] + at.randbytes(at.randrange(4)) + data[begin + at.randrange(1, 30) :]


def _delete(lines: list[bytes], at: Random) -> None:
    del lines[at.randrange(len(lines))]


def _duplicate(lines: list[bytes], at: Random) -> None:
    one = at.choice(lines)
    lines.insert(at.randrange(len(lines) + 1), one)


def _swap(lines: list[bytes], at: Random) -> None:
    if len(lines) > 1:
        one, two = at.sample(range(len(lines)), 2)
        lines[one], lines[two] = lines[two], lines[one]


def _forge(lines: list[bytes], at: Random) -> None:
    """A line that looks like one of the stream, with a hash that follows from nothing."""
    where = at.randrange(len(lines) + 1)
    sealed = chain.split(lines[where - 1])
    assert sealed is not None
    record = sealed.record
    forged, _ = chain.seal(
        Line(b'{"kind":"decision","timestamp":"2026-11-24T00:00:00Z"}'),
        record["stream"],
        record["n"] + 1,
        at.randbytes(32),
        b"",
    )
    lines.insert(where, forged)


def _word(lines: list[bytes], at: Random) -> None:
    """A meaning is turned round."""
    words = [
        (b"delivered", b"blocked"),
        (b"req_0", b"req_1"),
        (b"own", b"own2"),
        (b"2026", b"2025"),
        (b'"n":', b'"n": '),
    ]
    for _ in range(20):
        old, new = at.choice(words)
        n = at.randrange(len(lines))
        if old in lines[n]:
            lines[n] = lines[n].replace(old, new, 1)
            return


def _drop_subjects(lines: list[bytes], at: Random) -> None:
    """Removed without saying so."""
    for n in at.sample(range(len(lines)), len(lines)):
        sealed = chain.split(lines[n])
        if sealed is not None and sealed.tail is not None:
            lines[n] = sealed.without_refs()
            return


def _other_subjects(lines: list[bytes], at: Random) -> None:
    """Another person, in the same number of bytes; or one more."""
    for n in at.sample(range(len(lines)), len(lines)):
        sealed = chain.split(lines[n])
        if sealed is not None and sealed.tail is not None:
            other = b'"p_%022x"' % at.randrange(10**9)
            listed = sealed.tail.partition(b":")[2]
            more = b"[" + other + b"," + listed[1:] if at.random() < 0.5 else b"[" + other + b"]"
            lines[n] = lines[n].replace(listed, more, 1)
            return


def _put_back(lines: list[bytes], at: Random) -> None:
    """Subjects where they were removed, or where there never were any."""
    for n in at.sample(range(len(lines)), len(lines)):
        sealed = chain.split(lines[n])
        if sealed is not None and sealed.tail is None:
            lines[n] = lines[n][:-2] + b',"subjects":["p_%022x"],"salt":"%032x"}\n' % (at.randrange(10**9), 7)
            return


def _truncate(files: Files, at: Random) -> None:
    name = _file(files, at)
    files[name] = files[name][: at.randrange(len(files[name]))]


def _cut_lines(lines: list[bytes], at: Random) -> None:
    del lines[at.randrange(len(lines)) :]


def _move_line(files: Files, at: Random) -> None:
    one, two = _file(files, at), _file(files, at)
    lines = _lines(files[one])
    moved = lines.pop(at.randrange(len(lines)))
    files[one] = b"".join(lines)
    there = _lines(files[two])
    there.insert(at.randrange(len(there) + 1), moved)
    files[two] = b"".join(there)


def _remove_file(files: Files, at: Random) -> None:
    del files[_file(files, at)]


def _stream(files: Files, at: Random) -> list[str]:
    stream = at.choice(sorted({_NAME.match(name)[1] for name in files}))  # type: ignore[index]
    return [name for name in sorted(files) if name.startswith(stream)]


def _remove_stream(files: Files, at: Random) -> None:
    for name in _stream(files, at):
        del files[name]


def _remove_end(files: Files, at: Random) -> None:
    """The last segments of a stream."""
    names = _stream(files, at)
    for name in names[at.randrange(len(names)) :]:
        del files[name]


def _swap_files(files: Files, at: Random) -> None:
    if len(files) > 1:
        one, two = at.sample(sorted(files), 2)
        files[one], files[two] = files[two], files[one]


def _rename(files: Files, at: Random) -> None:
    name = _file(files, at)
    data = files.pop(name)
    stream, _, rest = name.partition(".0")
    number = rest[:5]
    change = at.randrange(3)
    if change == 0:
        other = name.replace(number, f"{int(number) + at.randrange(1, 4):05}", 1)
    elif change == 1:
        other = name.replace(stream[-8:], f"{at.randrange(2**32):08x}", 1)
    else:
        other = "x" + name
    files[other] = data


def _rechain(files: Files, at: Random) -> None:
    """Whoever holds the machine alters a line and makes the rest of the stream follow from it."""
    names = _stream(files, at)
    lines = [line for name in names for line in _lines(files[name])]
    where = at.randrange(len(lines))
    sealed = chain.split(lines[where])
    assert sealed is not None
    if at.random() < 0.5:
        lines[where] = b""
    else:
        lines[where] = lines[where].replace(b"2026", b"2025", 1).replace(b"2027", b"2026", 1)
    previous, n, out = chain.FIRST, 0, []
    for line in lines:
        if not line:
            continue
        n += 1
        parts = chain.split(line)
        assert parts is not None
        head = re.sub(rb'"n":\d+', b'"n":%d' % n, parts.head, count=1)
        head = re.sub(rb'"previous":"[0-9a-f]{64}"', b'"previous":"%s"' % previous.hex().encode(), head)
        previous = chain.link(previous, head)
        tail = line[len(parts.head) + 74 :]
        out.append(head + b',"hash":"' + previous.hex().encode() + b'"' + tail)
    for name in names:
        count = len(_lines(files[name]))
        files[name] = b"".join(out[:count])
        del out[:count]


def _stranger(files: Files, at: Random) -> None:
    """A segment beside its compressed form, or one of no stream, which says something else."""
    name = at.choice(sorted(files))
    lines = _lines(files[name])
    _delete(lines, at)
    other = name.removesuffix(".gz") if name.endswith(".gz") else name + ".gz"
    files[at.choice([other, "extra.jsonl"])] = b"".join(lines)


def _new_stream(files: Files, at: Random) -> None:
    """A copy of a stream under another name: every line still names the old one."""
    for name in _stream(files, at):
        files[re.sub(r"-[0-9a-f]{8}\.", f"-{0xABCDEF01:08x}.", name)] = files[name]


MUTATIONS: dict[str, Callable[[Files, Random], None]] = {
    "flip a bit": _flip_bit,
    "splice bytes": _splice,
    "delete a line": _change_lines(_delete),
    "duplicate a line": _change_lines(_duplicate),
    "swap two lines": _change_lines(_swap),
    "forge a line": _change_lines(_forge),
    "change a word": _change_lines(_word),
    "drop subjects": _change_lines(_drop_subjects),
    "other subjects": _change_lines(_other_subjects),
    "put subjects back": _change_lines(_put_back),
    "truncate": _truncate,
    "cut lines off": _change_lines(_cut_lines),
    "move a line": _move_line,
    "remove a segment": _remove_file,
    "remove a stream": _remove_stream,
    "remove a stream's end": _remove_end,
    "swap two segments": _swap_files,
    "rename a segment": _rename,
    "alter and make the rest follow": _rechain,
    "a segment too many": _stranger,
    "a stream too many": _new_stream,
}


def mutate(files: Files, seed: int) -> tuple[str, Files]:
    """One change, or two; its name, and the files after it."""
    at = Random(seed)
    changed = dict(files)
    name = at.choice(sorted(MUTATIONS))
    MUTATIONS[name](changed, at)
    if at.random() < 0.1 and changed and all(changed.values()):
        more = at.choice(("flip a bit", "splice bytes", "truncate"))  # they need nothing to be whole
        name += ", then " + more
        MUTATIONS[more](changed, at)
    return name, changed
