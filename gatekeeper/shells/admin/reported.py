"""Acts of the admin API that make a report: documents of the policy, what the nightly self-audit found, a replay."""

from __future__ import annotations

from datetime import UTC, datetime

from gatekeeper.audit import query
from gatekeeper.errors import ConfigError, EventError
from gatekeeper.reports import made, self_audit
from gatekeeper.reports.current import current
from gatekeeper.reports.formats import FORMATS, MEDIA
from gatekeeper.reports.notice import LANGUAGES
from gatekeeper.reports.replayed import Wanted, candidate, replayed, time_of_laws
from gatekeeper.rights.office import Office
from gatekeeper.shells.admin.asked import Asked
from gatekeeper.shells.asgi import Reply, json_reply


def report(office: Office, asked: Asked) -> Reply:
    """One document, with what the log of the last 30 days shows."""
    name, form = asked.parts[0], asked.query.get("format", "json")
    language = asked.query.get("language", "en")
    if name not in made.NAMES:
        raise EventError(404, "there is no such report", detail=f"there are {', '.join(made.NAMES)}")
    if form not in FORMATS:
        raise EventError(422, f"is not a format; use one of {', '.join(FORMATS)}", field="format")
    if language not in LANGUAGES:
        raise EventError(422, "is not a language that notices are written in", field="language")
    office.record(f"reports/{name}")
    document = current(name, office.policy, office.clock(), language, lambda: office.others)
    return Reply(200, FORMATS[form](document), ((b"content-type", MEDIA[form].encode()),))


def audited(office: Office, asked: Asked) -> Reply:
    """What the last self-audit found."""
    office.record("self-audit/show")
    found = self_audit.latest(office.policy)
    if found is None:
        raise EventError(404, "there was no self-audit yet", detail="rights.self_audit says when there is one")
    return json_reply(200, dict(found))


def replay(office: Office, asked: Asked) -> Reply:
    """The log, decided again; nothing is sent or written but the line that says so."""
    body, now = asked.body, datetime.fromtimestamp(office.clock(), UTC)
    since, until = (_moment(name, getattr(body, name), now) for name in ("since", "until"))
    try:
        on = time_of_laws(body.laws, body.on, now.timestamp())
    except ConfigError as error:
        raise EventError(422, str(error), field="on") from None
    other = None if body.policy is None else candidate(body.policy, office.policy)
    office.record("replay")
    with office.others as others:
        found = replayed(office.policy, Wanted(other, since, until, on, others=others))
    return json_reply(200, {**found.as_data(), "open": found.open})


def _moment(field: str, text: str | None, now: datetime) -> datetime | None:
    try:
        return None if text is None else query.moment(text, now.replace(tzinfo=None))
    except ConfigError:
        raise EventError(422, "is not a time; write 2027-11-30, an RFC 3339 time, or 7d", field=field) from None
