"""The checks of a self-audit. Each is one function: the scene in, findings out; `CHECKS` is their list.

A new thing that can be overdue, or be against the policy, is one more function in the list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Final, NamedTuple

from gatekeeper.audit import authority, others, pruning, retention
from gatekeeper.counting import counted
from gatekeeper.errors import GatekeeperError
from gatekeeper.jurisdiction.laws import version
from gatekeeper.policy import Policy, archive
from gatekeeper.policy.check import documents
from gatekeeper.reports import day, observed, rates
from gatekeeper.reports.audited import Finding, Result
from gatekeeper.reports.cells import State
from gatekeeper.reports.day import Day
from gatekeeper.reports.declared import Declared
from gatekeeper.reports.lia import lia
from gatekeeper.reports.observed import Observed
from gatekeeper.reports.outcome import UNDECIDED_THEN
from gatekeeper.reports.rates import Numbers
from gatekeeper.reports.replay import By
from gatekeeper.reports.verified import verified
from gatekeeper.storage import opening
from gatekeeper.storage.protocols import Place

_GRACE: Final = 2 * 86_400.0  # seconds: what is done daily may be late by a day


class Calls(NamedTuple):
    """What a running gate remembers of the app's own HTTP clients."""

    unlisted: Mapping[str, int]  # host in no table -> calls
    more: int  # calls to further hosts
    uncaught: Mapping[str, int]  # tracking host -> connections that were not caught


@dataclass
class Scene:
    """What checks look at. `between` is called every few milliseconds of work; a gate at work rests there."""

    policy: Policy
    day: date
    now: float
    between: Callable[[], None]
    progress: Callable[[float, int], None]
    before: Callable[[], Mapping[date, Numbers]]  # the numbers of the 28 days before
    calls: Calls | None = None

    @cached_property
    def by(self) -> By:
        """The policies that were kept."""
        return By(archive.folder(self.policy), None, self.policy.registry)

    @cached_property
    def lines(self) -> Day:
        """The day's lines, read when the first check asks for them. Raises AuditError."""
        return day.read(self.policy.audit_folder, self.day, self.by, self.progress, self.between)

    @cached_property
    def scores(self) -> rates.Scores:
        """The day's consent rates beside those before."""
        return rates.scores(self.lines.numbers, self.before(), self.day)


def decisions(scene: Scene) -> Result:
    """Each line, decided again by the policy that it names: a difference is no decision of this policy."""
    found = scene.lines.replay
    tables = {digest for digest in found.policies if _other_laws(scene, digest)}
    note = "; the law table is another one since" if tables else ""
    out = [
        Finding(
            change.destination,
            f"{change.turn.replace('_', ' ')}: {change.was} → {change.now}"
            + "".join(f" +{name}" for name in change.gained)
            + "".join(f" -{name}" for name in change.lost)
            + note,
            tally.events,
            tally.example,
        )
        for change, tally in found.ordered()
    ]
    out += [
        Finding("every destination" if name == "*" else name, f"cannot be decided again ({why})", tally.events,
                tally.example)
        for (name, why), tally in sorted(found.undecided.items())
        if why not in UNDECIDED_THEN
    ]  # fmt: skip
    again = sum(found.deliveries.values()) - found.deliveries["undecided"]
    looked_at = f"{counted(found.events, 'event')} in {counted(found.lines, 'line')}"
    return Result(tuple(out), f"{looked_at}; {counted(again, 'delivery')} decided again")


def _other_laws(scene: Scene, digest: str) -> bool:
    path = archive.find(scene.policy, digest)
    return path is not None and archive.load(path, scene.policy.registry)[1] != version()


def fields(scene: Scene) -> Result:
    """What was sent, beside the allow-list, the basis and the regions of the policy that each line names."""
    found: dict[tuple[str, str], Observed] = {}
    examples: dict[tuple[str, str], str] = {}
    for sent, count in scene.lines.sent.items():
        one = found.setdefault((sent.policy, sent.destination), Observed())
        one.add(sent.fields, sent.country, sent.region, sent.basis, count)
        examples.setdefault((sent.policy, sent.destination), scene.lines.examples[sent])
    out = []
    for (digest, name), seen in sorted(found.items()):
        pair = scene.by.pair(digest)
        if pair is not None:  # else `decisions` says so
            said = observed.differences(pair.then.destinations.get(name), seen)
            out += [Finding(name, text, seen.events, examples[digest, name]) for text in said.values()]
    total = sum(seen.events for seen in found.values())
    return Result(
        tuple(out), f"{counted(total, 'delivery')} to {counted(len({name for _, name in found}), 'destination')}"
    )


def hosts(scene: Scene) -> Result:
    """Calls past the gate, and calls to hosts that the policy does not list."""
    out = [
        Finding(host, "is in no destination: calls to it were blocked", count)
        for host, count in scene.lines.refused.most_common()
    ]
    calls = scene.calls
    if calls is None:
        return Result(tuple(out), "the log; no running gate was asked what its app calls")
    out += [
        Finding(host, "was reached by a client that the gate does not catch", count)
        for host, count in calls.uncaught.items()
    ]
    if scene.policy.file.outbound.unknown != "allow" and calls.unlisted:
        many = sum(calls.unlisted.values()) + calls.more
        said = f"{len(calls.unlisted)} hosts are in no table; `gatekeeper outbound hosts` names them"
        out.append(Finding("outbound.allow", said, many))
    return Result(tuple(out), "the log, and what this process's clients called since its start")


def log(scene: Scene) -> Result:
    """The whole log, its time stamps, and the ends of streams that the database knows."""
    policy = scene.policy
    report, named = verified(policy, lambda size: scene.between()), authority.of_policy(policy)
    out = [Finding(f"{one.file}:{one.line}" if one.line else one.file, one.why) for one in report.problems]
    strange = others.set_aside(policy.audit_folder)
    if strange:
        out.append(Finding(others.ASIDE, "streams that this installation did not write", strange))
    stamped = f", {counted(report.stamps, 'time stamp')}" if named is not None else ""
    return Result(tuple(out), f"{counted(report.lines, 'line')} in {counted(report.streams, 'stream')}{stamped}")


def _place(policy: Policy) -> Place:
    return Place(policy.storage_url, policy.folder, policy.node_folder)


def anchors(scene: Scene) -> Result:
    """The newest time stamp is as young as the policy wants."""
    named, table = authority.of_policy(scene.policy), scene.policy.file.audit.anchors
    if named is None:
        return Result((), "no authority is named")
    newest = named.newest()
    if newest is not None and scene.now - newest <= table.every + _GRACE:
        return Result((), f"the newest is of {datetime.fromtimestamp(newest, UTC):%Y-%m-%d %H:%M} UTC")
    last = "there is none" if newest is None else f"the newest is of {datetime.fromtimestamp(newest, UTC):%Y-%m-%d}"
    return Result((Finding("audit.anchors", f"{last}; `gatekeeper audit anchor` tries at once"),), str(named.folder))


def references(scene: Scene) -> Result:
    """Nothing names a person for longer than the policy allows."""
    folder, age = scene.policy.audit_folder, scene.policy.file.retention.personal_references
    late = retention.run(folder, age + _GRACE, None, now=scene.now)
    out = []
    if late.lines:
        said = f"lines from before {late.before} still name persons; see `gatekeeper retention run --dry-run`"
        out.append(Finding("retention.personal_references", said, late.lines))
    return Result(tuple(out), f"references older than {counted(age / 86_400, 'day')}")


def lines(scene: Scene) -> Result:
    """No line is kept for longer than the policy says."""
    age = scene.policy.file.audit.lines
    late = pruning.old(scene.policy.audit_folder, scene.now - age - _GRACE)
    said = "closed segments are older; `gatekeeper retention run` says why they are still there"
    out = (Finding("audit.lines", said, len(late)),) if late else ()
    return Result(out, f"lines older than {counted(age / 86_400, 'day')}")


def requests(scene: Scene) -> Result:
    """Every person who asked to be erased has had an answer in time."""
    overdue = opening.late(_place(scene.policy), scene.now)
    out = [Finding(name, f"was due on {datetime.fromtimestamp(due, UTC):%Y-%m-%d}") for name, due in overdue]
    return Result(tuple(out), "requests for erasure")


def papers(scene: Scene) -> Result:
    """Each recipient has a contract, and each legitimate interest an assessment that is not too old."""
    policy = scene.policy
    missing = (sentence.partition(": ") for sentence in documents(policy))
    out = [Finding(key, said) for key, _, said in missing]
    today = datetime.fromtimestamp(scene.now, UTC).date()
    found = lia(Declared(policy), (), today).findings
    out += [Finding(one.cell.of, one.cell.text) for one in found if one.cell.state is State.DIFFERS]
    return Result(tuple(out), f"{counted(len(policy.destinations), 'destination')}")


def consent(scene: Scene) -> Result:
    """The rates of consent are like those of the 28 days before: a jump is mostly a broken banner."""
    found = scene.scores
    if found.why_not is not None:
        return Result((), f"not told: {found.why_not}")
    out = [
        Finding(one.of, f"{one.rate:.1%} of the events, usually {one.usual:.1%} (z = {one.z:+.1f})")
        for one in found.scores
        if one.jumps
    ]
    return Result(tuple(out), f"{counted(scene.lines.numbers.events, 'event')} beside {counted(found.days, 'day')}")


class Check(NamedTuple):
    """A check: its name, what it asks, whether what it finds is an incident, and how it looks."""

    name: str
    question: str
    incident: bool
    look: Callable[[Scene], Result]


CHECKS: Final = (
    Check("decisions", "Was everything decided as its policy says?", True, decisions),
    Check("fields", "Was only sent what the policy declares?", True, fields),
    Check("hosts", "Did calls go past the gate?", True, hosts),
    Check("log", "Is the log as it was written?", True, log),
    Check("anchors", "Is the state of the log proven outside?", False, anchors),
    Check("references", "Is everything forgotten that is too old?", False, references),
    Check("lines", "Are lines kept no longer than needed?", False, lines),
    Check("requests", "Was everybody answered in time who asked to be erased?", False, requests),
    Check("papers", "Are contracts and assessments there?", False, papers),
    Check("consent", "Are the rates of consent as they mostly are?", False, consent),
)
"""All of them, in the order in which they are told. A check that is added stands here."""


def checked(check: Check, scene: Scene) -> Result:
    """What a check finds; one that cannot look is a finding itself, never silence."""
    try:
        return check.look(scene)
    except (GatekeeperError, OSError) as error:
        what = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return Result((Finding(check.name, f"could not look: {what}"),), "nothing")
