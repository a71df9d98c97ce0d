"""A person's story in words. Pure. Their copy (`copy.document`) in, dated sentences out, the oldest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from gatekeeper.model.choice import Method, Surface

_CHOSE: Final[Mapping[str, str]] = {
    Method.ACCEPT_ALL: "accepted everything",
    Method.REJECT_ALL: "refused everything optional",
    Method.SAVE: "saved a choice",
    Method.CLOSE: "closed the question",
    Method.OBJECT: "objected",
    Method.OPT_OUT: "opted out",
    Method.GPC: "came with a browser that sends Sec-GPC: 1",
    Method.WITHDRAW: "withdrew",
    Method.FORM: "answered on the page without script",
    Method.API: "chose, as one of your servers told the gate",
}
_WHERE: Final[Mapping[str, str]] = {
    Surface.BANNER: "in the banner", Surface.PREFERENCES: "in the preferences", Surface.EMBED: "at an embedded content",
    Surface.PAGE: "on the choices page", Surface.APP: "in the app", Surface.PAPER: "on paper",
    Surface.PHONE: "by telephone",
}  # fmt: skip


class Moment(NamedTuple):
    """What happened at a time (RFC 3339, UTC): a choice, or an event with what became of it."""

    at: str
    is_choice: bool
    sentence: str


def story(copy: Mapping[str, Any]) -> list[Moment]:
    """Every choice and event of the person's copy."""
    names = {one["destination"]: one["name"] for one in copy["recipients"]}
    events: dict[str, list[Mapping[str, Any]]] = {}
    for one in copy["events"]:
        events.setdefault(one["request_id"], []).append(one)
    found = [Moment(one["at"], True, chosen(one)) for one in copy["choices"]]
    found += [Moment(rows[0]["at"], False, told(rows, names)) for rows in events.values()]
    return sorted(found, key=lambda one: (one.at, not one.is_choice))


def chosen(one: Mapping[str, Any]) -> str:
    """A choice as a sentence."""
    words = [f"{purpose} {word}" for purpose, word in one["choices"].items()]
    notice = one["notice"] or {}
    where = _place(one["country"], one["region"])
    parts = [f"The person {_CHOSE[one['method']]} {_WHERE[one['surface']]}{where}: {', '.join(words) or 'nothing'}"]
    if notice.get("version"):
        parts.append(f"the notice was {notice['version']}")
    parts += [f"{purpose} stays denied by {source}" for purpose, source in one["conflicts"].items()]
    if one["trusted"]:
        parts.append("your own server said so")
    return "; ".join(parts) + "."


def told(rows: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> str:
    """An event as a sentence: to whom it went with which fields, and to whom it did not, and why."""
    first = rows[0]
    parts = [f"The event {first['event']} came{_place(first['country'], None)}"]
    blocked: dict[str, list[str]] = {}
    for one in rows:
        name = names.get(one["recipient"], one["recipient"])
        if one["recipient"] is None:
            parts.append("no destination takes such an event")
        elif one["status"] == "not sent":
            blocked.setdefault(str(one["why"] or "no reason is known"), []).append(name)
        else:
            fields = f" with {', '.join(one['fields'])}" if one["fields"] else ""
            why = f" ({one['why']})" if one["status"] != "sent" and one["why"] else ""
            parts.append(f"to {name}: {one['status']}{fields}{why}")
    parts += [f"not to {_and(who)}: {_lowered(why)}" for why, who in blocked.items()]
    return "; ".join(parts) + "."


def _place(country: str | None, region: str | None) -> str:
    return "" if country is None else f" from {country}-{region}" if region else f" from {country}"


def _and(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _lowered(sentence: str) -> str:
    """A sentence in the middle of another one."""
    text = sentence.rstrip(".")
    return text[:1].lower() + text[1:] if text[1:2].islower() else text
