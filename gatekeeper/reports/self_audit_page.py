"""A self-audit as a page. Pure. `Audited` in, Markdown or HTML out, through the formats of all reports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gatekeeper.reports import formats
from gatekeeper.reports.audited import MOST, Audited
from gatekeeper.reports.cells import Cell, Document, Origin, Sheet

_NOTE: Final = "What was found stands here, and what each check looked at. Names of persons are not in it."


def document(audited: Audited) -> Document:
    """The tables: the checks, what they found, the rates of consent."""
    facts = [("day", audited.day.isoformat()), ("made", audited.at), ("policy in force", audited.policy)]
    facts.append(("findings", str(audited.findings)))
    return Document(
        "self-audit",
        f"Self-audit of {audited.day}",
        tuple(facts),
        (
            Sheet.of("Checks", ("check", "question", "looked at", "found"), _checks(audited)),
            Sheet.of("Findings", ("check", "about", "finding", "times", "example"), _findings(audited)),
            Sheet.of("Consent", ("rate", "of the day", "usual", "z"), _rates(audited)),
        ),
        (),
        note=_NOTE,
        origins=False,
    )


def markdown(audited: Audited) -> bytes:
    """The page in Markdown."""
    return formats.markdown(document(audited))


def html(audited: Audited) -> bytes:
    """The page in HTML, which loads nothing."""
    return formats.html(document(audited))


def _cell(text: object, audited: Audited, *, differs: bool = False) -> Cell:
    return Cell(str(text), Origin.LOG, audited.day.isoformat(), differs=differs)


def _checks(audited: Audited) -> Iterator[tuple[Cell, ...]]:
    for one in audited.checks:
        found = len(one.result.findings)
        yield (
            _cell(one.name, audited),
            _cell(one.question, audited),
            _cell(one.result.seen, audited),
            _cell(f"{found} findings" if found else "nothing", audited, differs=bool(found)),
        )


def _findings(audited: Audited) -> Iterator[tuple[Cell, ...]]:
    for one in audited.checks:
        for finding in one.result.findings[:MOST]:
            words = (one.name, finding.about, finding.said, f"{finding.times:,}", finding.example)
            yield tuple(_cell(word, audited) for word in words)


def _rates(audited: Audited) -> Iterator[tuple[Cell, ...]]:
    for one in audited.scores.scores if audited.scores else ():
        words = (one.of, f"{one.rate:.1%}", f"{one.usual:.1%}", f"{one.z:+.1f}")
        yield tuple(_cell(word, audited, differs=one.jumps and word is words[-1]) for word in words)
