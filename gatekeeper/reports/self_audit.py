"""The gate audits itself: a day's lines, the log and the papers, by the checks of `checks.py`; the pages are kept.

<day>.json, <day>.html   in `self-audit` beside the log; the numbers in them are what later days are compared with

Acts: reads the log and the policies that were kept; `keep` writes pages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from gatekeeper.audit.lines import timestamp
from gatekeeper.audit.segments import write_whole
from gatekeeper.policy import Policy
from gatekeeper.reports import day as days
from gatekeeper.reports import self_audit_page
from gatekeeper.reports.audited import Audited, Checked
from gatekeeper.reports.checks import CHECKS, Calls, Scene, checked
from gatekeeper.reports.rates import BEFORE, Numbers

FOLDER: Final = "self-audit"
_PAGE: Final = re.compile(r"(\d{4}-\d{2}-\d{2})\.(json|html)")


def folder(policy: Policy) -> Path:
    """Where pages are kept: beside the log."""
    return policy.audit_folder.parent / FOLDER


def yesterday(now: float) -> date:
    """The day before, UTC: the last one that is whole."""
    return datetime.fromtimestamp(now, UTC).date() - timedelta(days=1)


def self_audit(
    policy: Policy,
    day: date,
    *,
    now: float,
    only: Collection[str] = (),
    calls: Calls | None = None,
    between: Callable[[], None] = lambda: None,
    progress: Callable[[float, int], None] = lambda part, count: None,
) -> Audited:
    """What the checks find, all or `only` those of these names. A check that cannot look says so as a finding.

    `between` is called every few milliseconds of work, and may rest or raise to give up.
    """

    def before() -> Mapping[date, Numbers]:
        return _before(policy, day, between)

    scene = Scene(policy, day, now, between, progress, before, calls)
    found = tuple(
        Checked(check.name, check.question, check.incident, checked(check, scene))
        for check in CHECKS
        if not only or check.name in only
    )
    read, told = vars(scene).get("lines"), vars(scene).get("scores")
    numbers = None if read is None else read.numbers
    return Audited(day, timestamp(now), f"{policy.version} ({policy.hash[:12]})", found, numbers, told)


def keep(policy: Policy, audited: Audited) -> Path:
    """Write the pages of a self-audit; the path of the HTML one. Raises OSError."""
    place = folder(policy)
    place.mkdir(mode=0o750, parents=True, exist_ok=True)
    page = place / f"{audited.day}.html"
    write_whole(page, self_audit_page.html(audited))
    write_whole(place / f"{audited.day}.json", json.dumps(audited.as_data(), ensure_ascii=False, indent=2).encode())
    return page


def forget(policy: Policy, now: float) -> None:
    """Remove pages that are older than `[retention] statistics`. Raises OSError."""
    oldest = datetime.fromtimestamp(now - policy.file.retention.statistics, UTC).date().isoformat()
    for path in _pages(policy):
        if path.name[:10] < oldest:
            path.unlink(missing_ok=True)


def kept(policy: Policy, day: date) -> Mapping[str, Any] | None:
    """What was found of a day, as `Audited.as_data` says it; `None` if no page is kept that can be read."""
    try:
        found: Mapping[str, Any] = json.loads((folder(policy) / f"{day}.json").read_bytes())
    except (OSError, ValueError):
        return None
    return found


def latest(policy: Policy) -> Mapping[str, Any] | None:
    """What the newest page says."""
    found = [path.name[:10] for path in _pages(policy) if path.suffix == ".json"]
    return kept(policy, date.fromisoformat(max(found))) if found else None


def _pages(policy: Policy) -> Iterator[Path]:
    place = folder(policy)
    return (path for path in place.iterdir() if _PAGE.fullmatch(path.name)) if place.is_dir() else iter(())


def _before(policy: Policy, day: date, between: Callable[[], None]) -> Mapping[date, Numbers]:
    """The numbers of the days before, out of their pages; of days without one, out of the log."""
    found: dict[date, Numbers] = {}
    missing = []
    for one in (day - timedelta(days=back) for back in range(1, BEFORE + 1)):
        page = kept(policy, one)
        try:
            found[one] = Numbers(**(page or {})["numbers"])
        except (KeyError, TypeError):
            missing.append(one)
    return found | days.numbers(policy.audit_folder, missing, between)
