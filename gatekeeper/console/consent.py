"""Consent: how visitors answer over time, what they take back, and what a change of the notice did.

Answers are the ledger's, and so of all nodes; what events were permitted is of the logs that can be reached from here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, NamedTuple

from gatekeeper.audit import numbers, query
from gatekeeper.console.page import Answer, Asked, Desk, Later, Page, Shown
from gatekeeper.console.plots import Plot, Series, asked_for
from gatekeeper.errors import ConfigError, EventError
from gatekeeper.model import OPTIONAL, Purpose
from gatekeeper.model.choice import Counted, Method
from gatekeeper.reports import consents
from gatekeeper.reports.consents import Rate, Steps

_HOUR: Final = 3_600.0
_DAY: Final = 86_400.0


class Period(NamedTuple):
    """A period that can be chosen: its word, its length and its steps in seconds, and the steps of the log."""

    word: str
    whole: float
    step: float
    by: str
    label: str  # of a step, as `strftime` takes it


PERIODS: Final[Mapping[str, Period]] = {
    "hour": Period("the last hour", _HOUR, 300.0, "hour", "%H:%M"),
    "day": Period("the last 24 hours", _DAY, _HOUR, "hour", "%H:%M"),
    "week": Period("the last 7 days", 7 * _DAY, 6 * _HOUR, "day", "%m-%d %H:%M"),
    "month": Period("the last 30 days", 30 * _DAY, _DAY, "day", "%m-%d"),
    "year": Period("the last 52 weeks", 364 * _DAY, 7 * _DAY, "week", "%Y-%m-%d"),
}
TAKEN_BACK: Final = {Method.WITHDRAW: "withdrawals", Method.OBJECT: "objections", Method.OPT_OUT: "opt-outs"}
QUERY: Final = ("period", "purpose", "place", "csv")


def page(desk: Desk, asked: Asked) -> Answer:
    """The page, or the numbers of one of its plots."""
    purpose = Purpose(_one("purpose", asked, _PURPOSES, "marketing"))
    chosen = _one("period", asked, PERIODS, "day") if "period" in asked.query else None
    counted = partial(_counted, desk, chosen, purpose, asked.query.get("place"))
    if "csv" in asked.query:
        file = asked_for(asked, counted()["figures"])
        if file is not None:
            return file
    return Shown("consent.html", {}, "Consent", later=Later("consents.html", counted))


def _counted(desk: Desk, chosen: str | None, purpose: Purpose, place: str | None) -> dict[str, Any]:
    """All numbers of a period. Raises EventError for a place without answers, StorageError, AuditError."""
    chosen = chosen or _usual(desk)
    period = PERIODS[chosen]
    over = consents.steps(desk.now, period.whole, period.step)
    every = desk.store.ledger.count(over.begin, over.end, over.step)
    places = sorted({consents.place(one) for one in every})
    if place is not None and place not in places:
        raise EventError(422, "there are no answers from this place in the period", field="place")
    found = every if place is None else [one for one in every if consents.place(one) == place]
    figures = [*_figures(found, over, purpose, period)]
    permitted, why_not = _permitted(desk, over, period, place)
    if permitted is not None:
        figures.append(permitted)
    address = f"?period={chosen}&purpose={purpose.value}{'' if place is None else f'&place={place}'}&csv="
    taken = {word: sum(one.many for one in found if one.method is method) for method, word in TAKEN_BACK.items()}
    return {
        "periods": {key: one.word for key, one in PERIODS.items()}, "period": chosen, "purposes": list(_PURPOSES),
        "purpose": purpose.value, "place": place, "places": places,
        "rates": {one.value: consents.rate(found, one) for one in OPTIONAL},
        "taken": taken, "gpc": _whole(consents.gpc(found, over)), "figures": figures, "csv": address,
        "turns": consents.turns(found, over), "step": over.step, "enough": consents.ENOUGH, "why_not": why_not,
        "choices": sum(one.many for one in found),
    }  # fmt: skip


def _usual(desk: Desk) -> str:
    """The period that is shown first: a day, or the last hour of a gate that is not two hours old."""
    young = not desk.store.ledger.count(desk.now - _DAY, desk.now - 2 * _HOUR, _DAY)
    return "hour" if young else "day"


def _figures(found: Sequence[Counted], over: Steps, purpose: Purpose, period: Period) -> list[Plot]:
    """Every plot of what the ledger says."""
    labels = [time.strftime(period.label, time.gmtime(at)) for at in over.times]
    both = {one.value: consents.rates(found, over, one, lambda _: "") for one in OPTIONAL}
    lines = [Series(name, _percents(groups.get("", []), over)) for name, groups in both.items()]
    plots = [Plot("purposes", "Answers that accept, by purpose", labels, lines, "%")]
    for name, title, by in (
        ("places", "by place", consents.place),
        ("surfaces", "by surface", consents.surface),
        ("notices", "by version of the notice", consents.version),
    ):
        groups = consents.rates(found, over, purpose, by)
        series = [Series(group, _percents(rates, over)) for group, rates in groups.items()]
        plots.append(Plot(name, f"Answers that accept {purpose.value}, {title}", labels, series, "%"))
    back = consents.taken_back(found, over)
    counts = [Series(word, back[method]) for method, word in TAKEN_BACK.items()]
    plots.append(Plot("taken-back", "Withdrawals, objections, opt-outs", labels, counts, kind="stack"))
    shares = [Series("choices", _percents(consents.gpc(found, over), over))]
    plots.append(Plot("gpc", "Choices of browsers that send Sec-GPC", labels, shares, "%"))
    return plots


def _permitted(desk: Desk, over: Steps, period: Period, place: str | None) -> tuple[Plot | None, str | None]:
    """What visitors of events permit, by the log; or why that cannot be shown."""
    if place is not None and (place == consents.UNKNOWN or "-" in place):
        return None, "the log is asked by country alone"
    begin, end = (datetime.fromtimestamp(at, UTC).replace(tzinfo=None) for at in (over.begin, over.end))
    which = query.Filter(since=begin, until=end, country=place)
    folder = desk.policy.audit_folder
    rows: Sequence[numbers.Permitted | numbers.Period]
    try:
        with desk.office.others as others:
            if others:  # each line once, whichever log has it
                rows = numbers.statistics(folder, which, by=period.by, others=others).periods
            else:
                rows = numbers.permissions(folder, which, by=period.by)
    except ConfigError as error:
        return None, "; ".join(error.problems)
    labels = [one.begins for one in rows]
    parts = (("analytics", "analytics"), ("marketing", "marketing"), ("gpc", "Sec-GPC"))
    series = [Series(word, [_percent(getattr(one, key), one.events) for one in rows]) for key, word in parts]
    return Plot("events", "Events whose visitors permit it, or send Sec-GPC", labels, series, "%"), None


def _percents(rates: Sequence[Rate], over: Steps) -> list[float | None]:
    return [one.percent for one in rates] or [None] * over.number


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def _whole(rates: Sequence[Rate]) -> Rate:
    return Rate(sum(one.granted for one in rates), sum(one.answers for one in rates))


def _one(name: str, asked: Asked, known: Mapping[str, Any], usual: str) -> str:
    """A parameter with a closed vocabulary. Raises EventError."""
    value = asked.query.get(name, usual)
    if value not in known:
        raise EventError(422, f"is not one of {', '.join(known)}", field=name)
    return value


_PURPOSES: Final = {one.value: one for one in OPTIONAL}
PAGES: Final = (Page("GET", "consent", "read", page, nav="Consent", query=QUERY),)
