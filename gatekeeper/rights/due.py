"""By when a request must be answered. Pure. Laws and the day of receipt in, days out, all in UTC.

The strictest law counts. Thirty, sixty or ninety days of a law count as one, two or three months where those are
shorter: a month from 31 January ends on the last day of February (Regulation 1182/71, article 3). Business days are
Monday to Friday; public holidays are not known here, so that a day is rather too early than too late.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final, NamedTuple

from gatekeeper.model import Law

EARLY: Final = 5  # days before the end in which the person is told how far it is
_UNKNOWN: Final = 30  # days where no law says
_MONTH: Final = 30


class Term(NamedTuple):
    """When what is due. `extended` is the last day if the request is extended, None where no law allows it."""

    law: str
    due: date
    extended: date | None = None
    confirm: date | None = None
    appeal_days: int | None = None


def term(received: date, laws: Iterable[Law]) -> Term:
    """The term of a request by its strictest law; of several that end on one day, the first."""
    terms = [_of(received, law) for law in laws if law.delete_days is not None]
    confirm = min([one.confirm for one in terms if one.confirm is not None], default=None)
    if not terms:
        return Term("", after(received, _UNKNOWN))
    first = min(terms, key=lambda one: one.due)
    extended = min([one.extended for one in terms if one.extended is not None], default=None)
    appeal = min([one.appeal_days for one in terms if one.appeal_days is not None], default=None)
    return first._replace(extended=extended and max(extended, first.due), confirm=confirm, appeal_days=appeal)


def _of(received: date, law: Law) -> Term:
    days = law.delete_days or 0
    if law.delete_unit == "business":
        due = business(received, days)
        extended = None if law.delete_extension is None else business(due, law.delete_extension)
    else:
        due = after(received, days)
        extended = None if law.delete_extension is None else after(received, days + law.delete_extension)
    confirm = None if law.confirm_days is None else business(received, law.confirm_days)
    return Term(law.id, due, extended, confirm, law.appeal_days)


def after(start: date, days: int) -> date:
    """So many days later, or the months that they stand for where those end earlier."""
    end = start + timedelta(days)
    return end if days % _MONTH else min(end, months(start, days // _MONTH))


def months(start: date, count: int) -> date:
    """The same day so many months later, or the last one that month has."""
    year, month = divmod(start.year * 12 + start.month - 1 + count, 12)
    return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))


def business(start: date, days: int) -> date:
    """So many days from Monday to Friday later."""
    day = start
    while days:
        day += timedelta(1)
        days -= day.weekday() < 5
    return day
