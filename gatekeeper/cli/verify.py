"""`gatekeeper audit verify`: check the log, and print what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Final

import typer
from cryptography.x509 import Certificate
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from gatekeeper.audit import authority, stamp
from gatekeeper.audit.lines import timestamp
from gatekeeper.audit.segments import Head, streams
from gatekeeper.audit.shared.machine import Machine
from gatekeeper.audit.shared.mirror import Other
from gatekeeper.audit.shared.proving import Proof, prove
from gatekeeper.audit.verify import Report, verify
from gatekeeper.cli import exits
from gatekeeper.cli.policy import load_policy
from gatekeeper.counting import counted
from gatekeeper.errors import AuditError
from gatekeeper.runtime.wiring import machine, place
from gatekeeper.storage.opening import heads as heads_of

_ATTEMPTS: Final = 3  # at a log of another machine that is not sound and goes on


def run(
    config: Path, folder: Path | None, anchors: list[Path], trusted: list[str], as_json: bool, roots: Path | None = None
) -> None:
    """Say whether the log is as it was written; exit code 1 if not, 3 if there is none."""
    heads: list[Head] = []
    here: Machine | None = None
    if folder is None:
        policy = load_policy(config, require_secrets=False)
        folder, heads = policy.audit_folder, heads_of(place(policy)).read()
        here = machine(policy)
        named = authority.of_policy(policy)
        if named is not None:
            anchors = [*anchors, named.folder] if named.folder.is_dir() else anchors
            roots = roots or named.pem
    believed = _believed(roots)
    try:
        paths = [one for path in anchors for one in (authority.files(path) if path.is_dir() else [path])]
        lines = [line for path in paths for line in path.read_bytes().splitlines() if line.strip()]
        own = partial(verify, folder, anchors=lines, trusted=trusted, heads=heads, roots=believed)
        report, proofs = _proven(folder, here, own, needed=not anchors and not heads)
    except OSError as error:
        what = error.strerror or type(error).__name__
        raise AuditError(f"{error.filename or folder}: cannot be read ({what})") from None
    if as_json:
        machines = {"machines": [_of_machine(one) for one in proofs]} if proofs else {}
        typer.echo(json.dumps(_as_json(report) | machines))
    else:
        _print(report, bool(anchors))
        for proof in proofs:
            _print_machine(proof)
    if not report.sound or not all(one.report.sound for one in proofs):
        raise typer.Exit(1)


def _proven(
    folder: Path, here: Machine | None, own: Callable[..., Report], *, needed: bool
) -> tuple[Report, list[Proof]]:
    """The reports of all logs. Where another one is not sound and went on meanwhile, all of it is read again."""
    before: Sequence[Other] = ()
    for _ in range(_ATTEMPTS):
        with nullcontext(()) if here is None else here.others() as others:
            found = streams(folder)
            if needed and not found and not others:
                exits.need_log(folder)
            everywhere = [found, *(streams(one.folder) for one in others)]
            with _progress(sum(one.size for some in everywhere for parts in some.values() for one in parts)) as advance:
                report = own(progress=advance)
                proofs = prove(folder, others, report, progress=advance) if others else []
        if all(one.report.sound for one in proofs) or list(others) == list(before):
            break
        before = others
    return report, proofs


def _believed(roots: Path | None) -> list[Certificate]:
    """The certificates that time stamps may go back to."""
    if roots is None:
        return []
    try:
        return stamp.roots(roots.read_bytes())
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or "it is not a file of PEM certificates"
        raise typer.BadParameter(f'--roots: "{roots}" cannot be read ({what})') from None


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda size: bar.advance(task, size)


def _as_json(report: Report) -> dict[str, object]:
    problems = [problem._asdict() for problem in report.problems]
    said = asdict(report)
    del said["elsewhere"]
    return {"sound": report.sound, "first": problems[0] if problems else None} | said | {"problems": problems}


def _of_machine(proof: Proof) -> dict[str, object]:
    peer, last = proof.other.peer, proof.last
    return {
        "log": peer.log, "host": peer.host, "lives": peer.lives, "gone": peer.gone, "seen": timestamp(peer.seen),
        "last": None if last is None else last._asdict(),
    } | _as_json(proof.report)  # fmt: skip


def _print_machine(proof: Proof) -> None:
    """One paragraph for another machine's log; of one that does not live, its last line."""
    console = Console(highlight=False, soft_wrap=True, markup=False)
    peer, report, last = proof.other.peer, proof.report, proof.last
    state = "lives" if peer.lives else peer.gone or "is gone"
    console.print(f"\n{peer.log} on {peer.host}, which {state}: {counted(report.lines, 'line')} in the archive")
    if not peer.lives:
        where = "none is known" if last is None else f"line {last.n} of {last.stream}"
        console.print(f"last seen {timestamp(peer.seen)}; its last line: {where}")
    if report.waiting:
        why = "lost with its disk" if peer.gone else "not in the archive yet"
        console.print(f"{counted(report.waiting, 'end')} of streams: {why}")
    for problem in report.problems[:20]:
        place = f"{problem.file}, line {problem.line}" if problem.line else problem.file
        console.print(f"{place}: {problem.why}")
    if not report.sound:
        console.print("This is not the log as that machine wrote it.", style="bold red")


def _print(report: Report, anchored: bool) -> None:
    console = Console(highlight=False, soft_wrap=True, markup=False)
    for problem in report.problems[:20]:
        place = f"{problem.file}, line {problem.line}" if problem.line else problem.file
        console.print(f"{place}: {problem.why}")
    if len(report.problems) > 20:
        console.print(f"and {len(report.problems) - 20} more")
    console.print(
        f"{counted(report.lines, 'line')} in {counted(report.streams, 'stream')} and "
        f"{counted(report.segments, 'segment')}, {counted(report.checkpoints, 'checkpoint')}; "
        + (f"the keys go back to {', '.join(report.keys)}" if report.keys else "nothing is signed")
    )
    if report.pruned:
        console.print(f"pruned by retention: {counted(report.pruned, 'line')}; the chain continues over the gap")
    if report.redacted:
        console.print(f"the subjects of {counted(report.redacted, 'line')} were removed, as redaction lines say")
    if report.crashed:
        console.print(f"after a crash the next process took over {counted(report.crashed, 'stream')}")
    for at in report.clock:
        console.print(f"the machine's clock went back at {at}")
    if report.not_vouched:
        last, ends = counted(sum(report.not_vouched.values()), "line"), counted(len(report.not_vouched), "stream")
        console.print(f"no signature follows {last} at the end of {ends} yet: not vouched for")
    if report.open:
        console.print(f"{counted(len(report.open), 'stream')} without an end yet: {', '.join(report.open[:5])}")
    if report.stamped:
        console.print(
            f"{counted(report.stamps, 'time stamp')}, the last of {report.stamped}: what they name existed then"
        )
    if report.unchecked:
        console.print(
            f"not checked: {counted(report.unchecked, 'time stamp')}; name the authority's certificates with --roots"
        )
    if not report.sound:
        console.print("This is not the log as it was written.", style="bold red")
    elif anchored:
        console.print(f"Nothing was changed up to the last of {counted(report.anchors, 'anchor')}.", style="bold green")
    else:
        known = " if an older database was restored with the log" if report.heads else ""
        console.print(
            f"Nothing was changed. Without --anchor, lines missing at the end cannot be seen{known}.", style="green"
        )
