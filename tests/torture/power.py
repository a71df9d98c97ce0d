"""What a disk may hold after the power went: recorded calls in, folders out.

A write is on the disk for certain once an fsync or fdatasync of its file began after it; the name of a new file, once
its folder was synced. Anything else may be there, or be missing, or be torn at a sector of 512 bytes, in any order
across files. Stricter than most file systems are, as POSIX allows. Memory-mapped files (`-shm`) are never kept.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512
MODES = ("dropped", "torn", "scattered")
_CALL = re.compile(r"^(\d+) +(\w+)\((.*)\) += (\S+)")
_CUT_SHORT = re.compile(r"^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. \w+ resumed>(.*)$")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_OPEN = re.compile(r"^-?\w+<((?:\\x[0-9a-f]{2})*)>")


@dataclass(frozen=True, slots=True)
class Call:
    """One recorded call that was made and returned."""

    begun: int  # the number of calls that had returned when this one began
    name: str
    arguments: str
    result: int

    @property
    def file(self) -> str:
        """The path of its descriptor."""
        found = _OPEN.match(self.arguments)
        return "" if found is None else _plain(found[1]).decode(errors="replace")

    @property
    def texts(self) -> list[bytes]:
        """Its strings."""
        return [_plain(text) for text in _TEXT.findall(self.arguments)]


def _plain(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))


def calls(trace: Path) -> Iterator[Call]:
    """In the order in which they returned."""
    open_calls: dict[str, tuple[int, str]] = {}
    count = 0
    for line in trace.read_text("ascii", "replace").splitlines():
        if found := _CUT_SHORT.match(line):
            open_calls[found[1]] = (count, f"{found[1]} {found[2]}({found[3]}")
            continue
        begun = count
        if found := _RESUMED.match(line):
            if found[1] not in open_calls:
                continue
            begun, head = open_calls.pop(found[1])
            line = head + found[2]
        found = _CALL.match(line)
        if found is None or not found[4].lstrip("-").split("<")[0].isdigit():
            continue
        count += 1
        yield Call(begun, found[2], found[3], int(found[4].split("<")[0]))


@dataclass(slots=True, eq=False)
class File:
    """What was done to one file: (offset, data) or (length, None), each with the number of its call."""

    base: bytes = b""
    done: list[tuple[int, int, bytes | None]] = field(default_factory=list)
    size: int = 0
    synced: int = 0  # operations that are on the disk for certain

    def content(self, mode: str, chance: random.Random) -> bytes:
        """What may be there after the cut."""
        data = bytearray(self.base)
        for _, where, what in self.done[: self.synced]:
            _apply(data, where, what)
        left = self.done[self.synced :]
        if mode == "torn":
            left = left[: chance.randint(0, len(left))]
            for n, (_, where, what) in enumerate(left):
                last = n == len(left) - 1 and what is not None
                _apply(data, where, what[: chance.randrange(0, len(what) + 1, SECTOR)] if last and what else what)
        elif mode == "scattered":
            for _, where, what in left:
                if what is None:
                    if chance.random() < 0.5:
                        _apply(data, where, None)
                    continue
                for start in range(0, len(what), SECTOR):
                    if chance.random() < 0.5:
                        _apply(data, where + start, what[start : start + SECTOR])
        return bytes(data)


def _apply(data: bytearray, where: int, what: bytes | None) -> None:
    if what is None:
        del data[where:]
        what = b""
    if len(data) < where:
        data.extend(bytes(where - len(data)))
    data[where : where + len(what)] = what


class Disk:
    """One folder and all below it, as calls change it; `sent` and `said` are what left the process on the way."""

    def __init__(self, folder: Path) -> None:
        self.root = str(folder)
        self.names: dict[str, File | None] = {}  # None: a folder
        self.changes: dict[str, list[tuple[int, str, str, File | None]]] = {}  # by folder: call, "+" or "-", name
        self.synced: dict[str, int] = {}
        self.base: dict[str, File | None] = {}
        self.sent: list[bytes] = []
        self.said: list[bytes] = []
        self.count = 0
        for path in folder.rglob("*"):
            name = str(path)
            if path.is_dir():
                self.names[name] = None
            elif not name.endswith("-shm"):
                self.names[name] = File(path.read_bytes(), size=path.stat().st_size)
        self.base = dict(self.names)

    def take(self, call: Call) -> None:
        """One more call happened."""
        self.count += 1
        if call.result < 0:
            return
        match call.name:
            case "openat" | "creat":
                self._open(call)
            case "write" | "pwrite64" | "writev" | "sendto" | "sendmsg":
                self._write(call)
            case "ftruncate":
                length = int(call.arguments.rpartition(",")[2])
                if (file := self.names.get(call.file)) is not None:
                    file.done.append((self.count, length, None))
                    file.size = length
            case "fsync" | "fdatasync":
                self._sync(call)
            case "unlink" | "unlinkat" | "rmdir":
                self._name("-", call.texts[-1].decode(), None)
            case "mkdir" | "mkdirat":
                self._name("+", call.texts[-1].decode(), None)
            case "link" | "linkat" | "rename" | "renameat" | "renameat2":
                old, new = (text.decode() for text in call.texts[-2:])
                if old in self.names:
                    self._name("+", new, self.names[old])
                    if call.name.startswith("rename"):
                        self._name("-", old, None)

    def _open(self, call: Call) -> None:
        path = call.texts[-1].decode(errors="replace")
        if not path.startswith(self.root + "/") or path.endswith("-shm"):
            return
        if "O_CREAT" in call.arguments and path not in self.names:
            self._name("+", path, File())
        elif "O_TRUNC" in call.arguments and (file := self.names.get(path)) is not None:
            file.done.append((self.count, 0, None))
            file.size = 0

    def _write(self, call: Call) -> None:
        path, data = call.file, b"".join(call.texts)[: call.result]
        if path.startswith(("socket:", "TCP")):
            self.sent.append(data)
        elif path == self.root + ".said":
            self.said.append(data)
        elif (file := self.names.get(path)) is not None:
            where = int(call.arguments.rpartition(",")[2]) if call.name == "pwrite64" else file.size
            file.done.append((self.count, where, data))
            file.size = max(file.size, where + len(data))

    def _sync(self, call: Call) -> None:
        path = call.file
        file = self.names.get(path)
        if file is not None:
            file.synced = max(file.synced, sum(number <= call.begun for number, _, _ in file.done))
        elif path in self.names or path == self.root:
            changes = self.changes.get(path, [])
            self.synced[path] = max(self.synced.get(path, 0), sum(number <= call.begun for number, *_ in changes))

    def _name(self, what: str, path: str, file: File | None) -> None:
        if not path.startswith(self.root + "/"):
            return
        self.changes.setdefault(path.rpartition("/")[0], []).append((self.count, what, path, file))
        if what == "+":
            self.names[path] = file
        else:
            self.names.pop(path, None)

    def after_the_cut(self, mode: str, chance: random.Random) -> dict[str, bytes | None]:
        """Path below the folder -> content, or None for a folder."""
        found = dict(self.base)
        for folder, changes in self.changes.items():
            sure = self.synced.get(folder, 0)
            kept = sure if mode == "dropped" else chance.randint(sure, len(changes))
            for _, what, path, file in changes[:kept]:
                if what == "+":
                    found[path] = file
                else:
                    found.pop(path, None)
        there: dict[str, bytes | None] = {}
        for path, file in sorted(found.items()):
            above = path.rpartition("/")[0]
            if above == self.root or above[len(self.root) + 1 :] in there:
                there[path[len(self.root) + 1 :]] = None if file is None else file.content(mode, chance)
        return there
