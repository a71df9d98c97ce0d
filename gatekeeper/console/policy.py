"""Policy: the file as tables with its warnings, an event explained, and the log decided by another policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any, Final

from gatekeeper.audit.lines import timestamp
from gatekeeper.console.page import Answer, Asked, Desk, Later, Page, Shown
from gatekeeper.console.plots import Plot, Series
from gatekeeper.console.render import cause as words
from gatekeeper.errors import EventError
from gatekeeper.geoip.info import info
from gatekeeper.geoip.info import warnings as geoip_warnings
from gatekeeper.model import Caller, Plan, Verdict
from gatekeeper.model.reasons import TABLE
from gatekeeper.policy import Policy, archive
from gatekeeper.policy.check import warnings
from gatekeeper.reports.explained import as_headers, explain, placed, unrouted, where
from gatekeeper.reports.outcome import Change, Replay, Turn
from gatekeeper.reports.period import decisions
from gatekeeper.reports.replay import By, replay
from gatekeeper.reports.replayed import candidate, time_of_laws

MOST: Final = 20_000  # decisions of one replay: seconds; the command has no such bound
PERIODS: Final[Mapping[str, tuple[str, float]]] = {
    "hour": ("the last hour", 3_600.0), "day": ("the last 24 hours", 86_400.0), "week": ("the last 7 days", 604_800.0),
    "month": ("the last 30 days", 2_592_000.0),
}  # fmt: skip
LAWS: Final[Mapping[str, str]] = {"recorded": "as recorded", "now": "of today"}
TURNS: Final[Mapping[str, str]] = {
    "unchanged": "unchanged", Turn.NEWLY_SENT: "newly sent", Turn.NEWLY_BLOCKED: "newly blocked",
    Turn.OTHER_FIELDS: "other fields", Turn.OTHER_BASIS: "other basis", Turn.OTHER_REASON: "other reason",
    "undecided": "not decidable",
}  # fmt: skip
EXAMPLE: Final = """{
  "event": "purchase",
  "consent": {"analytics": true, "marketing": false},
  "data": {"order_value": 149.00, "currency": "EUR", "email": "jane@example.com", "session_id": "s_1"}
}"""


def page(desk: Desk, asked: Asked) -> Answer:
    """The policy in force as tables."""
    policy = desk.policy
    told = geoip_warnings(info(policy.database_path, now=desk.now))
    values = {
        "policy": policy, "warnings": [*warnings(policy), *told], "destinations": [*policy.destinations.values()],
        "tables": policy.file.destinations, "sections": list(sections(policy)), "periods": PERIODS, "laws": LAWS,
        "may": asked.may,
    }  # fmt: skip
    return Shown("policy.html", values, "Policy")


def sections(policy: Policy) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The file by its tables, without destinations and secrets: keys, and values as words."""
    for name, table in archive.without_secrets(policy).items():
        if name != "destinations" and isinstance(table, Mapping):
            rows = [(key, word) for key, value in flat(table) if (word := said(value))]
            if rows:
                yield name, rows


def flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Keys with dots, and their values."""
    for key, value in table.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + str(key), value


def said(value: object) -> str:
    """A value as words; empty where it says nothing."""
    match value:
        case None | [] | {} | "":
            return ""
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(map(str, value))
        case float() if value == int(value):
            return f"{int(value):,}"
        case _:
            return str(value)


def form(desk: Desk, asked: Asked) -> Answer:
    """The form of an event to be explained."""
    return Shown("explain.html", _form({"event": EXAMPLE}, desk) | {"plans": []}, "What would happen")


def explained(desk: Desk, asked: Asked) -> Answer:
    """What would happen to the event of the form, rule by rule. Nothing is recorded of it or sent."""
    given, policy = asked.form, desk.policy
    cookies = [line for line in (one.strip() for one in given.get("cookie", "").splitlines()) if line]
    country, law = given.get("country", "").strip() or None, given.get("law") or None
    place = placed(policy, country, law, desk.now) if country or law else None
    caller = Caller(headers=as_headers(cookies, gpc=bool(given.get("gpc"))))
    plans = [_plan(one, policy) for one in explain(policy, given.get("event", "").encode(), caller, place)]
    return Shown("explain.html", _form(given, desk) | {"plans": plans}, "What would happen")


def _form(given: Mapping[str, str], desk: Desk) -> dict[str, Any]:
    empty = dict.fromkeys(("event", "cookie", "country", "law", "gpc"), "")
    return {"given": empty | dict(given), "law_ids": desk.policy.laws.ids}


def _plan(plan: Plan, policy: Policy) -> dict[str, Any]:
    consent = plan.consent
    shared = len(consent.steps) if consent else 0
    return {
        "event": plan.event.name, "place": where(plan.place), "laws": [law.id for law in plan.place.laws],
        "steps": consent.steps if consent else (), "unrouted": unrouted(plan, policy),
        "rulings": {} if consent is None else {one.value: ruling.permission.value
                                               for one, ruling in consent.rulings.items()},
        "decisions": [
            {
                "name": one.destination, "sent": one.verdict is not Verdict.BLOCK, "basis": one.basis,
                "reason": one.reason, "sentence": TABLE[one.reason].sentence if one.reason in TABLE else "",
                "steps": one.steps[shared:], "fields": _fields(one),
            }
            for one in plan.decisions
        ],
    }  # fmt: skip


def _fields(one: Any) -> list[tuple[str, str, str]]:
    rows = [
        (name, "sent", f"without {', '.join(one.scrubbed[name])}" if name in one.scrubbed else "") for name in one.kept
    ]
    rows += [(name, "made by the gate", "") for name in one.derived]
    return rows + [(name, "stripped", words(cause)) for name, cause in one.stripped.items()]


def replayed(desk: Desk, asked: Asked) -> Answer:
    """The log of a period, decided by the policy that was handed in, beside what was decided then."""
    upload = asked.files.get("policy")
    if upload is None or not upload.data.strip():
        raise EventError(422, "choose a file: it is another policy, as gatekeeper.toml is", field="policy")
    period, laws = asked.form.get("period", "day"), asked.form.get("laws", "recorded")
    if period not in PERIODS or laws not in LAWS:
        raise EventError(
            422, "is not one of those that can be chosen", field="period" if period not in PERIODS else "laws"
        )
    try:
        other = candidate(upload.data.decode("utf-8"), desk.policy)
    except UnicodeDecodeError:
        raise EventError(422, "is not UTF-8", field="policy") from None
    later = Later("replayed.html", partial(_again, desk, other, period, laws))
    return Shown("replay.html", {}, "The log, decided by another policy", later=later)


def _again(desk: Desk, other: Policy, period: str, laws: str) -> dict[str, Any]:
    """What is otherwise. Raises AuditError, StorageError."""
    folder, since = desk.policy.audit_folder, timestamp(desk.now - PERIODS[period][1])
    by = By(folder.parent / archive.FOLDER, other, other.registry, time_of_laws(laws, None, desk.now))
    with desk.office.others as others:
        lines = decisions(folder, since, None, lambda part, count: None, others)
        found = replay(islice(lines, MOST), by)
        rest = next(lines, None) is not None
    return {
        "found": found, "plot": drawn(found), "period": PERIODS[period][0], "laws": LAWS[laws], "turns": TURNS,
        "changes": [(change, turned(change), tally) for change, tally in found.ordered()],
        "undecided": sorted(found.undecided.items()), "edits": _edits(found), "rest": rest, "most": MOST,
        "version": other.version,
    }  # fmt: skip


def drawn(found: Replay) -> Plot:
    """What became of the deliveries of each destination."""
    names = sorted(found.destinations)
    series = [
        Series(word, [found.destinations[name].get(turn, 0) for name in names])
        for turn, word in TURNS.items()
        if any(found.destinations[name].get(turn, 0) for name in names)
    ]
    labels = ["every" if name == "*" else name for name in names]
    return Plot("deliveries", "Deliveries by destination", labels, series, kind="stack", names=True)


def turned(change: Change) -> str:
    """What is otherwise, in words."""
    fields = [*(f"+{name}" for name in change.gained), *(f"-{name}" for name in change.lost)]
    return " ".join([*([] if change.was == change.now else [f"{change.was} → {change.now}"]), *fields])


def _edits(found: Replay) -> list[tuple[str, str, str, bool]]:
    """The keys that differ from any policy of then, each once."""
    rows = {edit.key: (edit.key, said(edit.before) or "absent", said(edit.after) or "absent", edit.key in found.unseen)
            for edits in found.edits.values() for edit in edits}  # fmt: skip
    return [rows[key] for key in sorted(rows)]


PAGES: Final = (
    Page("GET", "policy", "read", page, nav="Policy"),
    Page("GET", "policy/explain", "read", form),
    Page("POST", "policy/explain", "read", explained),
    Page("POST", "policy/replay", "report", replayed),
)
