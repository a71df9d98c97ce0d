"""The acts of the admin API: a row each, with its path, the scope it needs, and what it does with an office.

Each runs in a thread of its own. An act answers with a `Reply`, or raises what `endpoint.py` answers with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple

from gatekeeper.audit import query, retention
from gatekeeper.audit.lines import timestamp
from gatekeeper.audit.subjects import KINDS
from gatekeeper.errors import ConfigError, EventError
from gatekeeper.model import Purpose
from gatekeeper.model.suppression import Why
from gatekeeper.rights import copy, keeping
from gatekeeper.rights.office import Office, shown
from gatekeeper.shells.admin import bodies, copies, reported
from gatekeeper.shells.admin.asked import Asked
from gatekeeper.shells.asgi import Reply, json_reply

MOST: Final = 1_000  # entries of one page


class Act(NamedTuple):
    """One endpoint. `path` is behind `<prefix>/admin/`, `{}` for a variable part; `parameters` may be in the query."""

    method: str
    path: str
    may: str
    do: Callable[[Office, Asked], Reply]
    summary: str
    body: type | None = None
    parameters: tuple[str, ...] = ()
    answers: tuple[int, ...] = (200,)


def _given(body: Any) -> list[tuple[str, str]]:
    return [(one.type, one.value) for one in body.identifiers]


def search(office: Office, asked: Asked) -> Reply:
    """Where a person is."""
    found = office.search(_given(asked.body), asked.body.link)
    return json_reply(200, copy.summary(found, office.policy))


def export(office: Office, asked: Asked) -> Reply:
    """Make a person's copy, to be fetched once."""
    data = office.export(_given(asked.body), asked.body.format, asked.body.link)
    now = office.clock()
    name = copies.put(office.policy.audit_folder, data, asked.body.format, now)
    return json_reply(201, {"id": name, "expires": timestamp(now + copies.LASTS), "bytes": len(data)})


def fetch(office: Office, asked: Asked) -> Reply:
    """Hand a copy out, once."""
    office.record("exports/fetch")
    found = copies.take(office.policy.audit_folder, asked.parts[0], office.clock())
    if found is None:
        raise EventError(404, "there is no such export", detail="it was fetched, or a day has passed; make another one")
    name = f"attachment; filename={asked.parts[0]}.{found.form}".encode()
    return Reply(200, found.data, ((b"content-type", copies.TYPES[found.form]), (b"content-disposition", name)))


def suppress(office: Office, asked: Asked) -> Reply:
    """Suppress a person, at once."""
    body = asked.body
    group, done = office.suppress(
        _given(body), why=Why(body.why), until=_time(body.until),
        purposes=None if body.purposes is None else [Purpose(one) for one in body.purposes],
    )  # fmt: skip
    return json_reply(201, {"erasure": group, "cancelled": done.cancelled, "heard": done.heard.value})


def unsuppress(office: Office, asked: Asked) -> Reply:
    """End the suppression of a person, as an operator decides."""
    body = asked.body
    if (body.identifiers is None) == (body.erasure is None):
        raise EventError(422, "give either identifiers or an erasure", field="identifiers")
    whys = tuple(Why) if body.why is None else (Why(body.why),)
    gone = office.remove(_given(body), whys) if body.erasure is None else office.remove_group(body.erasure)
    return json_reply(200, {"removed": gone})


def check(office: Office, asked: Asked) -> Reply:
    """By which entries a person is suppressed."""
    found = office.check(_given(asked.body))
    return json_reply(200, {"is_suppressed": bool(found), "entries": [shown(one) for one in found]})


def suppressed(office: Office, asked: Asked) -> Reply:
    """A page of entries."""
    after, limit = asked.query.get("after", ""), _number(asked.query.get("limit"), MOST)
    try:
        last = bytes.fromhex(after)
    except ValueError:
        raise EventError(422, "is not the id of an entry", field="after") from None
    office.record("suppressions/list", counts={"limit": limit})
    page = office.store.suppressions.page(last, limit)
    told = {"entries": [shown(one) for one in page], "next": page[-1].hash.hex() if len(page) >= limit else None}
    return json_reply(200, told | {"counts": dict(office.store.suppressions.count())})


def kept(office: Office, asked: Asked) -> Reply:
    """What is kept for how long, and what is overdue."""
    office.record("retention/show")
    state = retention.read(office.policy.audit_folder)
    late = {keeping.REFERENCES: state.overdue} | dict(state.others)
    rows = [one._replace(overdue=late.get(one.name, 0))._asdict() for one in keeping.table(office.policy)]
    return json_reply(200, {"rows": rows, "done": timestamp(state.done) if state.done else None})


def erase(office: Office, asked: Asked) -> Reply:
    """Take a request for erasure in; with `dry_run=1` only say what there is."""
    body, dry = asked.body, asked.query.get("dry_run", "0")
    if dry not in ("0", "1"):
        raise EventError(422, "is not 0 or 1", field="dry_run")
    given = [{"type": kind, "value": value} for kind, value in _given(body)]
    office.record("erasures/request", kinds=[one.type for one in body.identifiers if one.type in KNOWN])
    found = asked.erasures.request(
        given, by=office.who, link=body.link, law=body.law, verified_by=body.verified_by,
        received=_day(body.received, "received"), note_code=body.note_code, dry_run=dry == "1",
    )  # fmt: skip
    return json_reply(200 if dry == "1" else 201, found)


def erasures(office: Office, asked: Asked) -> Reply:
    """All requests for erasure, those that are due first at the beginning."""
    office.record("erasures/list")
    before = _day(asked.query.get("due_before"), "due_before")
    return json_reply(200, {"erasures": asked.erasures.all(asked.query.get("state"), before)})


def _step(name: str, do: Callable[[Office, Asked, str], Any]) -> Callable[[Office, Asked], Reply]:
    """An act on one request for erasure."""

    def act(office: Office, asked: Asked) -> Reply:
        erasure = asked.parts[0]
        if not ERASURE.fullmatch(erasure):
            raise EventError(404, "there is no such request")
        office.record(f"erasures/{name}", erasure=erasure)
        return json_reply(200, do(office, asked, erasure))

    return act


KNOWN: Final = frozenset(row.option for row in KINDS.values())
ERASURE: Final = re.compile(r"er_[0-9A-Za-z]{4,64}")
_show = _step("show", lambda office, asked, one: asked.erasures.show(one))
_verify = _step("verify", lambda office, asked, one: asked.erasures.verify(one, by=office.who, how=asked.body.how))
_approve = _step("approve", lambda office, asked, one: asked.erasures.approve(one, by=office.who))
_refuse = _step(
    "refuse", lambda office, asked, one: asked.erasures.refuse(one, by=office.who, reason=asked.body.reason)
)
_extend = _step(
    "extend", lambda office, asked, one: asked.erasures.extend(one, by=office.who, reason=asked.body.reason)
)
_told = _step("told", lambda office, asked, one: asked.erasures.told(one, by=office.who))
_receipt = _step("receipt", lambda office, asked, one: asked.erasures.receipt(one))
_settle = _step(
    "settle",
    lambda office, asked, one: asked.erasures.settle(
        one, asked.parts[1], by=office.who, state=asked.body.state, evidence=asked.body.evidence,
        reason=asked.body.reason,
    ),
)  # fmt: skip

ACTS: Final[Sequence[Act]] = (
    Act("POST", "subjects/search", "read", search, "Where a person is, and what is linked.", bodies.Search),
    Act("POST", "exports", "read", export, "Make a person's copy.", bodies.Export, answers=(201,)),
    Act("GET", "exports/{}", "read", fetch, "Fetch a copy, once, within a day."),
    Act("GET", "suppressions", "read", suppressed, "Entries, page by page.", parameters=("after", "limit")),
    Act("POST", "suppressions", "suppress", suppress, "Suppress a person.", bodies.Suppress, answers=(201,)),
    Act("DELETE", "suppressions", "suppress", unsuppress, "Delete entries.", bodies.Unsuppress),
    Act("POST", "suppressions/check", "read", check, "Whether a person is suppressed.", bodies.Check),
    Act("GET", "retention", "read", kept, "What is kept for how long."),
    Act("GET", "reports/{}", "report", reported.report, "A document.", parameters=("format", "language")),
    Act("GET", "self-audit", "report", reported.audited, "What the last self-audit found."),
    Act("POST", "replay", "report", reported.replay, "The log, decided again by another policy.", bodies.Replay),
    Act("POST", "erasures", "erase", erase, "Ask for an erasure.", bodies.Erase, ("dry_run",), (200, 201)),
    Act("GET", "erasures", "read", erasures, "Requests for erasure.", parameters=("state", "due_before")),
    Act("GET", "erasures/{}", "read", _show, "One request, without who it is."),
    Act("POST", "erasures/{}/verify", "erase", _verify, "The person is who they say.", bodies.Verify),
    Act("POST", "erasures/{}/approve", "approve", _approve, "Let it be carried out."),
    Act("POST", "erasures/{}/refuse", "approve", _refuse, "Do not carry it out, for a reason.", bodies.Reason),
    Act("POST", "erasures/{}/extend", "approve", _extend, "Take the law's longer term.", bodies.Reason),
    Act("POST", "erasures/{}/told", "erase", _told, "The person was told."),
    Act("POST", "erasures/{}/destinations/{}", "erase", _settle, "What is known of a recipient.", bodies.Settle),
    Act("GET", "erasures/{}/receipt", "read", _receipt, "The signed receipt."),
)


def _day(text: str | None, field: str) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise EventError(422, "is not a day; write it as 2027-11-30", field=field) from None


def _number(text: str | None, most: int) -> int:
    if text is None:
        return most
    if not text.isascii() or not text.isdecimal() or not 0 < int(text[:9]) <= most:
        raise EventError(422, f"is not a number from 1 to {most}", field="limit")
    return int(text)


def _time(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return query.moment(text, datetime.now(UTC).replace(tzinfo=None)).replace(tzinfo=UTC).timestamp()
    except ConfigError:
        raise EventError(422, "is not a time; write 2027-11-30 or an RFC 3339 time", field="until") from None
