"""Machines with a log each, an engine's part that they share, and a bucket, all in memory but the logs."""

from __future__ import annotations

import gzip
import hashlib
import itertools

from gatekeeper.audit.segments import streams
from gatekeeper.audit.shared.machine import Machine
from gatekeeper.audit.shared.objects import Archive, Stored
from gatekeeper.audit.shared.trail import DESTROYED, Kept, Peer, Wish
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.errors import AuditError
from gatekeeper.rights.local import as_others_wish
from tests.audit.logs import Clock, OneKey
from tests.builders import NOW
from tests.storage.builders import wait

KEEP = 1_000.0


class Bucket:
    """Objects with all their versions. `broken` is what each question is answered with."""

    def __init__(self, clock) -> None:
        self.versions = {}  # key → [(data, changed, locked until)]
        self.clock = clock
        self.broken = None
        self.puts = 0

    def _look(self):
        if self.broken is not None:
            raise AuditError(self.broken)

    def list(self, prefix=""):
        """The first version of each."""
        self._look()
        return {
            key: Stored(hashlib.sha256(found[0][0]).hexdigest(), found[0][1], "0")
            for key, found in self.versions.items()
            if key.startswith(prefix)
        }

    def get(self, key, version=None):
        """A version, or the last one."""
        self._look()
        return self.versions[key][-1 if version is None else int(version)][0]

    def put(self, key, data):
        """In the place of an older one; where that is locked, beside it."""
        self._look()
        self.puts += 1
        kept = [one for one in self.versions.get(key, ()) if one[2] > self.clock()]
        self.versions[key] = [*kept, (data, self.clock(), 0.0)]

    def put_once(self, key, data, until):
        """If there is none."""
        self._look()
        if key in self.versions:
            return False
        self.puts += 1
        self.versions[key] = [(data, self.clock(), until)]
        return True

    def everything(self):
        """All bytes there are, unpacked."""
        return b"".join(gzip.decompress(one[0]) for found in self.versions.values() for one in found)


class Shared:
    """What the engine has for all machines."""

    def __init__(self) -> None:
        self.machines = {}
        self.heads = {}  # log → {stream: head}
        self.kept = []
        self.wishes = {}
        self.done = {}  # (wish, log) → lines
        self.number = itertools.count(1)


class Trail:
    """One machine's view of it."""

    def __init__(self, shared, log) -> None:
        self.shared = shared
        self.log = log
        shared.machines[log] = Peer(log, f"host-{log}", True, None, NOW, ())

    def peers(self):
        return list(self.shared.machines.values())

    def heads(self):
        return {log: list(heads.values()) for log, heads in self.shared.heads.items()}

    def introduce(self, keys):
        if not self.shared.machines[self.log].keys:
            self.shared.machines[self.log] = self.shared.machines[self.log]._replace(keys=tuple(keys))

    def kept(self, others=True):
        return [one for one in self.shared.kept if not others or one.log != self.log or not one.stream]

    def lacking(self):
        mine = [one for one in reversed(self.shared.kept) if one.log == self.log and one.stream]
        return {one.stream: one.n for one in mine}

    def archived(self, ends):
        self.shared.kept = [
            one for one in self.shared.kept if one.log != self.log or not 0 < one.n <= ends.get(one.stream, 0)
        ]

    def cut(self, cut):
        changed = sum(cut(line) != line for one in self.shared.kept for line in one.lines)
        self.shared.kept = [one._replace(lines=tuple(map(cut, one.lines))) for one in self.shared.kept]
        return changed

    def wish(self, names, erasure, at):
        for one in self.shared.wishes.values():
            if (one.names, one.erasure) == (frozenset(names), erasure):
                return one.id
        number = next(self.shared.number)
        self.shared.wishes[number] = Wish(number, frozenset(names), erasure, at)
        return number

    def wishes(self):
        return [one for one in self.shared.wishes.values() if (one.id, self.log) not in self.shared.done]

    def done(self, wish, lines):
        self.shared.done.setdefault((wish, self.log), lines)

    def waits_for(self, wish):
        waiting = [one for one in self.peers() if one.gone != DESTROYED and (wish, one.log) not in self.shared.done]
        return waiting, sum(lines for (one, log), lines in self.shared.done.items() if one == wish and log != self.log)

    def tidy(self):
        for wish in list(self.shared.wishes):
            if not self.waits_for(wish)[0]:
                del self.shared.wishes[wish]


class Heads:
    """The ends of streams in the engine."""

    every = 0.0

    def __init__(self, shared, log) -> None:
        self.shared = shared
        self.log = log

    def keep(self, heads):
        mine = self.shared.heads.setdefault(self.log, {})
        mine.update({head.stream: head for head in heads})

    def read(self):
        return list(self.shared.heads.get(self.log, {}).values())

    def others(self):
        return [(log, one) for log, heads in self.shared.heads.items() if log != self.log for one in heads.values()]


class Node:
    """A machine: `folder` is its log, `machine` its part."""

    def __init__(self, base, name, shared, archive, *, clock=None) -> None:
        self.name, self.shared, self.clock = name, shared, clock or Clock()
        self.folder, self.here = base / name / "audit", base / name / "audit.node"
        self.signer = OneKey(hashlib.sha256(name.encode()).digest())
        self.trail, self.heads = Trail(shared, name), Heads(shared, name)
        self.writer = self.begin()
        self.archive = archive
        self.machine = self.restarted()

    def begin(self):
        return AuditWriter(self.folder, signer=self.signer, heads=self.heads, clock=self.clock, every=300.0)

    def restarted(self):
        """A process that knows nothing of the archive yet."""
        own = self.signer.keys()
        keys = [one.id for one in own]
        return Machine(self.here, self.folder, self.trail, self.archive, keep=KEEP, keys=lambda: keys, clock=self.clock)

    def write(self, *lines):
        """Make lines durable, and have them kept until the archive has them."""
        head = self.writer.append(lines).result(10)
        number = next(self.shared.number)
        self.shared.kept.append(Kept(number, self.name, head.stream, head.n, lines))
        return head

    def told(self):
        """Its ends are in the engine, and it has heard of the others': the next checkpoint signs them."""
        head = self.writer.append(()).result(10)
        wait(lambda: head in self.heads.read())
        return head

    def cut(self, wish):
        return as_others_wish(self.folder, self.writer, wish)

    def round(self):
        """What is due."""
        return self.machine.round(self.cut)

    def end(self):
        """The gate is stopped; what it wrote is closed, compressed, and goes into the archive."""
        self.writer.close()
        self.machine.last()

    def dies(self, gone=None):
        """It has no lease any more, and its disk is gone."""
        self.machine.leave()
        self.writer.close()
        self.shared.machines[self.name] = self.shared.machines[self.name]._replace(lives=False, gone=gone)

    def segments(self):
        return [one.path.name for parts in streams(self.folder).values() for one in parts]


def archive(clock=None):
    """Two empty buckets."""
    clock = clock or Clock()
    return Archive(Bucket(clock), Bucket(clock))
