"""Whom a decision is about. Pure. What was decided in, the identifiers a search has to find it by out.

`KINDS` is the one table of them: how each is asked for, and which spellings are one identifier. Which fields hold one
stands in the catalogue (`identifies`). Callers turn the pairs of kind and reference into keyed pseudonyms.

Everything that leaves or waits to leave can be found by each identifier in it. Where nothing leaves, an event is found
by `ALWAYS` alone: a refusal must not enlarge what is kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from gatekeeper.errors import ConfigError
from gatekeeper.fields.phone import e164
from gatekeeper.installation.ring import KeyRing
from gatekeeper.model import Personal, Signal
from gatekeeper.vendors.formats import normalise

Subject = tuple[str, str]  # a kind, and what a pseudonym is made of
PSEUDONYM: Final = "pseudonym"  # the kind of a suppressed identifier that is known by its pseudonym alone
PASSING: Final = frozenset({"session_id", "cart_id", "order_id"})  # ids that end soon: no visitor comes back with one
ALWAYS: Final = frozenset({"user_id", "client_id", "consent", "email"})
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_GMAIL: Final = ("gmail.com", "googlemail.com")
_GA: Final = re.compile(r"GA\d\.\d\.(.+)")
_FBC: Final = re.compile(r"fb\.\d\.\d+\.(.+)")


def _as_it_is(value: object) -> tuple[str, ...]:
    return (str(value),)


def _hashed(normal: Callable[[str], tuple[str, ...]]) -> Callable[[object], tuple[str, ...]]:
    """References of a personal value: the SHA-256 of its normal forms, or the one that came in."""

    def references(value: object) -> tuple[str, ...]:
        raw = value.value if isinstance(value, Personal) else str(value)
        if not isinstance(value, Personal) or value.hashed:
            digest = raw.strip().lower()[:64]  # without Meta's appendix
            if _HASH.fullmatch(digest):
                return (digest,)
        return tuple(map(normalise.sha256, normal(raw)))

    return references


def _emails(raw: str) -> tuple[str, ...]:
    """The address, and the one that is the same mailbox: Gmail looks at no dots and at nothing behind a plus sign."""
    text = normalise.email(raw)
    if text is None:
        return ()
    local, _, domain = text.rpartition("@")
    if domain not in _GMAIL:
        return (text,)
    mailbox = local.partition("+")[0].replace(".", "")
    return tuple(dict.fromkeys((text, f"{mailbox}@gmail.com"))) if mailbox else (text,)


def _asked_emails(raw: str) -> tuple[str, ...]:
    """The same, and how vendors have it hashed, at both of Gmail's domains."""
    found = _emails(raw)
    mailbox, _, domain = found[-1].rpartition("@") if found else ("", "", "")
    return tuple(dict.fromkeys((*found, *(f"{mailbox}@{one}" for one in _GMAIL)))) if domain == "gmail.com" else found


def _phones(raw: str) -> tuple[str, ...]:
    number = e164(raw, None)
    return () if number is None else (number,)


def _asked_phones(raw: str) -> tuple[str, ...]:
    """With the plus sign as Google has it hashed, and without as Meta has."""
    return tuple(form for number in _phones(raw) for form in (number, number.removeprefix("+")))


def _customers(raw: str) -> tuple[str, ...]:
    text = normalise.compact(raw)
    return () if text is None else (text,)


def _browsers(value: object) -> tuple[str, ...]:
    """Google's cookie `_ga` holds the client id behind its version."""
    found = _GA.fullmatch(str(value))
    return (found[1],) if found else (str(value),)


def _asked_browsers(value: object) -> tuple[str, ...]:
    """The same, and as it was recorded before."""
    return tuple(dict.fromkeys((*_browsers(value), str(value))))


def _clicks(value: object) -> tuple[str, ...]:
    """Meta's cookie holds the click id that came in the address."""
    found = _FBC.fullmatch(str(value))
    return (found[1],) if found else (str(value),)


_CALLED: Final = {"email": "an e-mail address", "phone": "a telephone number with its country code"}


class Kind(NamedTuple):
    """One kind of identifier: what it is asked for as, and what is searched for it."""

    option: str
    help: str
    of: Callable[[object], tuple[str, ...]]  # references of a value that came in
    asked: Callable[[object], tuple[str, ...]]  # references a search for it looks for


KINDS: Final[Mapping[str, Kind]] = {
    "user_id": Kind("user_id", "The person's user id.", _as_it_is, _as_it_is),
    "client_id": Kind("client_id", "A client id of the person's browser.", _browsers, _asked_browsers),
    "email": Kind(
        "email", "The person's e-mail address, or its SHA-256; - asks on standard input.",
        _hashed(_emails), _hashed(_asked_emails),
    ),
    "phone": Kind(
        "phone", "The person's telephone number with country code, or its SHA-256.",
        _hashed(_phones), _hashed(_asked_phones),
    ),
    "consent": Kind(
        "consent_id", "The person's consent id: of our own cookie, or of a consent platform.", _as_it_is, _as_it_is
    ),
    "external_id": Kind(
        "external_id", "The person's customer id, or its SHA-256.", _hashed(_customers), _hashed(_customers)
    ),
    "session_id": Kind("session_id", "A session of the person.", _as_it_is, _as_it_is),
    "cart_id": Kind("cart_id", "A shopping cart of the person.", _as_it_is, _as_it_is),
    "order_id": Kind("order_id", "An order of the person.", _as_it_is, _as_it_is),
    "browser_id": Kind("browser_id", "A vendor's id of the browser, such as _fbp or _ttp.", _as_it_is, _as_it_is),
    "click_id": Kind("click_id", "A click id, such as gclid, fbclid or _fbc.", _clicks, _clicks),
}  # fmt: skip


def of_values(values: Iterable[Subject | tuple[str, object]]) -> list[Subject]:
    """Pairs of a kind and a value that came in as kinds and references; what is no such identifier gives none."""
    return [(kind, reference) for kind, value in values for reference in KINDS[kind].of(value)]


def of_signals(signals: Iterable[Signal], product: Callable[[str | None], bool]) -> list[tuple[str, object]]:
    """The ids that consent signals carry: of our own cookie, and of other platforms; `product` tells those apart that
    name a software."""
    found: list[tuple[str, object]] = []
    for signal in signals:
        if signal.subject:
            found.append(("consent", signal.subject))
        if signal.evidence and not product(signal.evidence):
            found.append(("consent", signal.evidence))
    return found


def identifiers(
    data: Mapping[str, object], identifying: Mapping[str, str], left: Iterable[Iterable[str]]
) -> list[tuple[str, object]]:
    """The identifiers in an event's values: `ALWAYS`, and of the others those in what leaves (names by destination)."""
    sent = {name for names in left for name in names}
    return [
        (kind, data[name]) for name, kind in identifying.items() if name in data and (kind in ALWAYS or name in sent)
    ]


def hashes(ring: KeyRing, found: Iterable[Subject], names: Iterable[str] = ()) -> list[bytes]:
    """What to look for among suppressed persons: of kinds with normal forms and their pseudonyms, under every key.

    `names` are pseudonyms whose identifiers are not known.
    """
    made, every = [], [*names]
    for kind, reference in found:
        if kind not in PASSING:
            made += [hashed for _, hashed in ring.hidden(kind, reference)]
            every += ring.names(kind, reference)
    return made + [hashed for name in every for _, hashed in ring.hidden(PSEUDONYM, name)]


def asked(given: Mapping[str, str | None]) -> list[Subject]:
    """What to search for, by the options of `KINDS`. Raises ConfigError for what cannot be such an identifier."""
    found: list[Subject] = []
    for kind, row in KINDS.items():
        value = given.get(row.option)
        if value is None:
            continue
        references = row.asked(value)
        if not references:
            option = row.option.replace("_", "-")
            raise ConfigError(f"--{option}: is neither {_CALLED.get(kind, 'an id')} nor 64 hexadecimal digits")
        found += [(kind, reference) for reference in references]
    return found
