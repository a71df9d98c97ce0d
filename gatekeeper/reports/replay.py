"""A log, decided again by another policy. Reads lines and policies that were kept; sends and writes nothing.

    by = By(folder, policy=next_policy, registry=registry, on=None)
    found = replay(lines, by)

Lines of equal inputs are decided once. What a line cannot tell of the other policy is counted as undecided, with the
reason why: it is never taken for unchanged.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from gatekeeper.errors import ConfigError
from gatekeeper.gate.inputs import moment
from gatekeeper.gate.recompute import Apart, Remade, Unknowable, Unknown, remake
from gatekeeper.model import Decision, Law, Verdict
from gatekeeper.model.reasons import INTERNAL, NOT_ROUTED
from gatekeeper.policy import Policy, archive
from gatekeeper.policy.registry import Registry
from gatekeeper.reports import under
from gatekeeper.reports.causes import Causes
from gatekeeper.reports.edits import apart, edits, reads_alike, unseen
from gatekeeper.reports.grouping import key
from gatekeeper.reports.outcome import Change, Open, Replay, Tally, Turn

REMEMBERED: Final = 65_536  # keys of lines; a log has few, unless servers send events of the past
EVERYWHERE: Final = "*"
_HASH: Final = re.compile(r"[0-9a-f]{64}")


class Pair(NamedTuple):
    """The policy of a line, and the one it is decided by now."""

    then: Policy
    now: Policy
    reads_alike: bool
    apart: Apart
    causes: Causes


class Verdicts(NamedTuple):
    """What became of one line's deliveries; shared by all lines of its key."""

    unchanged: tuple[str, ...]
    changes: tuple[Change, ...]
    undecided: tuple[tuple[str, str], ...]


class By:
    """What lines are decided by: another policy, or each line's own, under the laws of then or of another time."""

    def __init__(self, folder: Path, policy: Policy | None, registry: Registry, on: float | None = None) -> None:
        """`folder` is that of the policies that were kept; `on` a time (Unix seconds) whose laws are wanted."""
        self.folder = folder
        self.policy = policy
        self.registry = registry
        self.on = on
        self.pairs: dict[str, Pair | None] = {}

    def pair(self, digest: str) -> Pair | None:
        """The two policies of a line; `None` if that of then was not kept."""
        if digest not in self.pairs:
            self.pairs[digest] = self._load(digest)
        return self.pairs[digest]

    def laws(self, record: Mapping[str, Any], pair: Pair, at: float) -> tuple[Law, ...] | None:
        """The laws to decide a line by; `None` for those it names. Raises Unexplained."""
        return under.laws(record, pair.then, pair.now, at, on=self.on)

    def _load(self, digest: str) -> Pair | None:
        path = self.folder / f"{digest}.json"
        if _HASH.fullmatch(digest) is None or not path.exists():
            return None
        try:
            then, _ = archive.load(path, self.registry)
        except ConfigError:
            return None
        now = then if self.policy is None else self.policy
        causes = Causes(then, now, edits(then, now), self.registry)
        return Pair(then, now, reads_alike(then, now), apart(then, now), causes)


def replay(records: Iterable[Mapping[str, Any]], by: By) -> Replay:
    """What would be otherwise in these decision lines, which are read once."""
    found = Replay()
    known: dict[bytes, Verdicts] = {}
    for record in records:
        found.lines += 1
        count = record.get("count", 1)
        found.events += count
        _count(found, record, count, _verdicts(found, known, record, by), by)
    return found


def _verdicts(found: Replay, known: dict[bytes, Verdicts], record: Mapping[str, Any], by: By) -> Verdicts:
    """What became of a line: as of another of its key, or decided."""
    try:
        if "inputs" not in record:
            return _open(Unknown.OLD_LINE)
        digest = record["policy"]["hash"]
        pair = by.pair(digest)
        found.policies[digest] += 1
        if pair is None:
            return _open(Open.NO_POLICY)
        if digest not in found.edits:
            found.edits[digest] = pair.causes.edits
            found.unseen |= {edit.key: edit for edit in unseen(pair.causes.edits, pair.then, pair.now)}
        at = moment(record)
        ages = [policy.file.consent.max_age for policy in (pair.then, pair.now)]
        name = key(record, at, ages, [pair.then.laws, pair.now.laws], digest)
        verdicts = known.get(name)
        if verdicts is None:
            if len(known) >= REMEMBERED:
                known.clear()
            verdicts = known[name] = _decided(record, pair, at, by)
            found.distinct += bool(verdicts.unchanged or verdicts.changes)
        return verdicts
    except (KeyError, TypeError, ValueError, AttributeError):  # it is not what the gate writes
        return _open(Open.NO_INPUTS)


def _open(why: str) -> Verdicts:
    return Verdicts((), (), ((EVERYWHERE, why),))


def _decided(record: Mapping[str, Any], pair: Pair, at: float, by: By) -> Verdicts:
    try:
        again = remake(record, pair.now, laws=by.laws(record, pair, at), apart=pair.apart)
    except Unknowable as error:
        return _open(error.why)
    except under.Unexplained:
        return _open(Open.LAWS)
    if not pair.reads_alike:  # after what could not be decided anyway
        return _open(Open.SIGNALS)
    return compared(record["deliveries"], again)


def compared(told: Sequence[Mapping[str, Any]], again: Remade) -> Verdicts:
    """A line's deliveries beside those that were decided again."""
    before = {one["destination"]: one for one in told}
    unchanged, changes = [], []
    for name in dict.fromkeys((*before, *again.decisions)):
        if name in again.unknown:
            continue
        change = turned(name, before.get(name), again.decisions.get(name))
        if change is None:
            unchanged.append(name)
        else:
            changes.append(change)
    return Verdicts(tuple(unchanged), tuple(changes), tuple(again.unknown.items()))


def turned(name: str, told: Mapping[str, Any] | None, made: Decision | None) -> Change | None:
    """What became otherwise at one destination; `None` if nothing did. What is absent is not routed there."""
    before = None if told is None or "fields_sent" not in told else _fields(told)
    after = None if made is None or made.verdict is Verdict.BLOCK else {*made.kept, *made.derived}
    was = NOT_ROUTED if told is None else told.get("reason") or f"{told.get('consent_basis')}"
    now = NOT_ROUTED if made is None else (made.reason or INTERNAL) if after is None else f"{made.basis}"
    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    if before is None and after is None:
        turn = Turn.OTHER_REASON
    elif before is None or after is None:
        turn = Turn.NEWLY_BLOCKED if after is None else Turn.NEWLY_SENT
    else:
        gained, lost = tuple(sorted(after - before)), tuple(sorted(before - after))
        turn = Turn.OTHER_FIELDS if gained or lost else Turn.OTHER_BASIS
        legal = (told or {}).get("legal_basis"), None if made is None else made.legal_basis
        if turn is Turn.OTHER_BASIS and was == now and legal[0] != legal[1]:
            was, now = f"{was}, {legal[0]}", f"{now}, {legal[1]}"
    if was == now and not gained and not lost:
        return None
    return Change(turn, name, was, now, gained, lost)


def _fields(told: Mapping[str, Any]) -> set[str]:
    return {*told["fields_sent"], *told["fields_derived"]}


def _count(found: Replay, record: Mapping[str, Any], count: int, verdicts: Verdicts, by: By) -> None:
    for name in verdicts.unchanged:
        _add(found, name, "unchanged", count)
    for change in verdicts.changes:
        _add(found, change.destination, change.turn, count)
        tally = found.changes.get(change)
        if tally is None:
            tally = found.changes[change] = Tally(example=str(record.get("request_id", "")))
            pair = by.pair(record["policy"]["hash"])
            if pair is not None:
                at = moment(record)
                tally.rule, tally.because = pair.causes.of(record, change, by.laws(record, pair, at))
        _tally(tally, record, count)
    for name, why in verdicts.undecided:
        _add(found, name, "undecided", count * (len(record.get("deliveries", ())) if name == EVERYWHERE else 1))
        open_ = found.undecided.setdefault((name, str(why)), Tally(example=str(record.get("request_id", ""))))
        _tally(open_, record, count)


def _add(found: Replay, destination: str, what: str, count: int) -> None:
    found.deliveries[what] += count
    found.destinations.setdefault(destination, Counter())[what] += count


def _tally(tally: Tally, record: Mapping[str, Any], count: int) -> None:
    tally.events += count
    tally.subjects.update(record.get("subjects", ()))
    where = record.get("jurisdiction")
    country, region = (where.get("country"), where.get("region")) if isinstance(where, dict) else (None, None)
    tally.places[f"{country or 'unknown'}{'-' + region if region else ''}"] += count
