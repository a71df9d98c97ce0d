"""A person's copy of what there is about them (GDPR Art. 15). Pure. What was found in; JSON, CSV or a page out.

In it are the events with what each recipient got, the choices with the words that were shown, the recipients by name,
earlier requests, and what is not known. Pseudonyms and other people's identifiers are not.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from gatekeeper.audit.lines import timestamp
from gatekeeper.counting import counted
from gatekeeper.errors import ConfigError
from gatekeeper.model import Notice, Suppression
from gatekeeper.model.reasons import TABLE
from gatekeeper.policy import Policy
from gatekeeper.policy.notices import recipient
from gatekeeper.rights.identifiers import SHOWN, Sought
from gatekeeper.rights.receipt import plain
from gatekeeper.rights.search import Found

FORMATS: Final = ("json", "csv", "html")
CSV: Final = ("at", "event", "recipient", "status", "why", "fields", "basis", "country", "laws", "request_id")
_STATUS: Final = {
    "delivered": "sent", "pending": "waits to be sent", "cancelled": "cancelled, not sent", "failed": "not delivered",
    "blocked": "not sent",
}  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #1a1a1a }
h1 { font-size: 1.5rem } h2 { font-size: 1.2rem; margin-top: 2rem } .wide { overflow-x: auto }
table { border-collapse: collapse; width: 100% } caption { text-align: left; color: #555 }
th, td { padding: .3rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid #ddd }
@media (prefers-color-scheme: dark) { body { background: #161616; color: #eee } th, td { border-color: #333 } }
"""


def may_be_handed_out(who: Sought) -> None:
    """Refuse a copy for ids that a browser shows to every script and in links. Raises ConfigError."""
    if who.kinds <= SHOWN:
        raise ConfigError(
            "identifiers: a client, browser or click id is no proof of a person: every script and every link of a "
            "browser shows it; give another identifier of the person beside it"
        )


def document(
    found: Found,
    who: Sought,
    policy: Policy,
    *,
    at: float,
    notices: Mapping[str, Notice],
    suppressed: Sequence[Suppression] = (),
    requests: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Everything as one object; `requests` are the person's earlier ones, as they are shown to operators."""
    return {
        "created": timestamp(at),
        "controller": policy.file.policy.controller,
        "asked_by": sorted(who.kinds),
        "stores": found.stores,
        "recipients": [_recipient(name, one, policy) for name, one in found.destinations.items()],
        "events": [_event(row) for row in found.log.rows],
        "choices": [_choice(row, notices) for row in found.history],
        "suppressed_for": sorted({one.why.value for one in suppressed}),
        "requests": [dict(one) for one in requests],
        "not_here": _limits(policy),
    }


def summary(found: Found, policy: Policy) -> dict[str, Any]:
    """What an operator sees of a search: counts, recipients, and linked identifiers to tick."""
    return {
        "stores": found.stores,
        "destinations": [_recipient(name, one, policy) for name, one in found.destinations.items()],
        "laws": sorted(found.laws),
        "linked": [{"id": one.id, "type": None, "lines": one.lines, "shared": one.shared} for one in found.linked],
        "not_searchable": _limits(policy),
    }


def written(copy: Mapping[str, Any], form: str) -> bytes:
    """The copy in one of `FORMATS`. Raises ConfigError for another."""
    match form:
        case "json":
            return json.dumps(copy, indent=2, ensure_ascii=False).encode() + b"\n"
        case "csv":
            return _csv(copy["events"])
        case "html":
            return _html(copy)
        case _:
            raise ConfigError(f"format: is not a format; use one of {', '.join(FORMATS)}")


def _recipient(name: str, one: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    told: dict[str, Any] = {"destination": name, "name": name, "company": None, "country": None, "kept": None}
    to, table = policy.destinations.get(name), policy.file.destinations.get(name)
    if to is not None and table is not None:
        known = recipient(table, to, policy.file.policy.controller)
        told |= {"name": known.name, "company": known.company, "country": known.country, "kept": known.retention}
    return told | dict(one)


def _event(row: Mapping[str, Any]) -> dict[str, Any]:
    reason = row["reason"]
    known = TABLE.get(reason or "")
    return {
        "at": row["decided_at"], "event": row["event"], "recipient": row["destination"],
        "status": _STATUS.get(str(row["status"]), row["status"]),
        "why": known.sentence if known is not None else reason, "fields": list(row["sent"] or ()),
        "basis": row["legal_basis"] or row["basis"], "country": row["country"], "laws": list(row["laws"] or ()),
        "request_id": row["request_id"],
    }  # fmt: skip


def _choice(row: Any, notices: Mapping[str, Notice]) -> dict[str, Any]:
    return plain(row, notices.get(row.choice.notice or ""))


def _limits(policy: Policy) -> list[str]:
    days = counted(policy.file.retention.personal_references / 86_400, "day")
    return [
        f"events older than {days}: they no longer name a person",
        "values that were sent: only the names of fields are kept",
        "what recipients keep: they are asked themselves",
    ]


def _csv(events: Sequence[Mapping[str, Any]]) -> bytes:
    """The events as a table; what a spreadsheet would calculate begins with an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(CSV)
    writer.writerows([[_cell(one[name]) for name in CSV] for one in events])
    return text.getvalue().encode("utf-8-sig")


def _cell(value: object) -> str:
    text = " ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _html(copy: Mapping[str, Any]) -> bytes:
    """A page that a person can read, print and keep; it loads nothing."""
    title = f"Your data at {copy['controller']}"
    recipients = [
        (
            one["name"],
            one["company"],
            one["country"],
            one["events"],
            one["fields"],
            one["first"],
            one["last"],
            one["kept"],
        )
        for one in copy["recipients"]
    ]
    choices = [
        (one["at"], *[one["choices"].get(purpose, "-") for purpose in ("analytics", "marketing")], one["method"],
         one["surface"], (one["notice"] or {}).get("version"))
        for one in copy["choices"]
    ]  # fmt: skip
    body = [
        f"<h1>{escape(title)}</h1><p>Made on {escape(copy['created'])}. "
        f"Looked for by: {escape(', '.join(copy['asked_by']))}.</p>",
        "<h2>Who received data about you</h2>",
        _table(("Recipient", "Company", "Country", "Events", "Fields", "First", "Last", "Kept for"), recipients),
        "<h2>What you chose</h2>",
        _table(("When", "Analytics", "Marketing", "How", "Where", "Notice"), choices),
        "<h2>Events</h2>",
        _table(
            ("When", "Event", "Recipient", "What became of it", "Why", "Fields", "Legal basis"),
            [tuple(one[name] for name in ("at", "event", "recipient", "status", "why", "fields", "basis"))
             for one in copy["events"]],
        ),
        "<h2>Your earlier requests</h2>",
        _table(
            ("Request", "Received", "State", "Due"),
            [tuple(one.get(name) for name in ("id", "received", "state", "due")) for one in copy["requests"]],
        ),
        "<h2>What is not here</h2><ul>" + "".join(f"<li>{escape(one)}</li>" for one in copy["not_here"]) + "</ul>",
    ]  # fmt: skip
    if copy["suppressed_for"]:
        body.insert(1, f"<p><strong>You are suppressed: {escape(', '.join(copy['suppressed_for']))}.</strong></p>")
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"><meta name="robots" content="noindex">'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>{"".join(body)}</html>\n'
    ).encode()


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    if not rows:
        return "<p>Nothing.</p>"
    cells = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    lines = "".join("<tr>" + "".join(f"<td>{escape(_word(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table></div>'


def _word(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "-"
    return "-" if value is None else str(value)
