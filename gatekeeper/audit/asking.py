"""What a question to the log may ask, for commands and the console: words in, a `Filter` out.

A word whose values are known must be one of them. Another one is refused, with the nearest known one: a typo must not
read as "never".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from gatekeeper.audit import query
from gatekeeper.errors import ConfigError
from gatekeeper.fields import phone
from gatekeeper.installation.ring import KeyRing
from gatekeeper.jurisdiction.codes import COUNTRIES
from gatekeeper.model.reasons import TABLE
from gatekeeper.policy import Policy
from gatekeeper.policy.faults import meant

STATUSES: Final = ("delivered", "blocked", "failed", "pending", "cancelled")
TIMES: Final = ("since", "until")
WORDS: Final = ("destination", "status", "reason", "law", "event", "country", "sent", "stripped")
PSEUDONYM: Final = "subject"
NOT_A_PSEUDONYM: Final = (
    "this is not a pseudonym, which is p_ and 22 of 0-9 and a-f; ask for an e-mail address, a client id or another "
    "identifier by its own option"
)
_PSEUDONYM: Final = re.compile(r"p_[0-9a-f]{22}")
_KNOWN: Final[Mapping[str, Callable[[Policy], Iterable[str]]]] = {
    "status": lambda _policy: STATUSES,
    "reason": lambda _policy: TABLE,
    "destination": lambda policy: policy.destinations,
    "law": lambda policy: policy.laws.ids,
    "country": lambda _policy: COUNTRIES,
    "sent": lambda policy: policy.catalogue.by_name,
    "stripped": lambda policy: policy.catalogue.by_name,
}
"""Word -> the values that it can have by the policy in force; older policies' are in the log."""


class UnknownWordError(ConfigError):
    """A word of a question is not one that could be meant; the sentence begins with the word's name."""


def known(policy: Policy, word: str) -> list[str]:
    """The values of a word by the policy; empty for one that can have any."""
    return list(_KNOWN[word](policy)) if word in _KNOWN else []


def check(
    policy: Policy, given: Mapping[str, str | None], folder: Path | None = None, others: Sequence[Path] = ()
) -> None:
    """Refuse a value that neither the policy nor the log knows. Raises UnknownWordError.

    `others` are the folders of other machines' logs, as everywhere here.
    """
    for name, value in given.items():
        if value is None or name not in _KNOWN:
            continue
        found = set(known(policy, name))
        if value not in found and folder is not None:
            found |= query.words(folder, name, others)
        if value not in found:
            where = f"it is neither in the policy nor in the log {folder or policy.audit_folder}"
            raise UnknownWordError(f'{name}: "{value}" is not known; {meant(value, found, where)}')


def moment(name: str, text: str | None, now: datetime) -> datetime | None:
    """The time that a word names. Raises UnknownWordError."""
    try:
        return None if text is None else query.moment(text, now)
    except ConfigError as error:
        raise UnknownWordError(f"{name}: {error}") from None


def subjects(policy: Policy, ring: Callable[[], KeyRing], people: Mapping[str, str | None]) -> frozenset[str] | None:
    """The pseudonyms of identifiers, and one that is given as it is; `None` if none was.

    A pseudonym needs no key: an auditor has none. Raises UnknownWordError, ConfigError.
    """
    subject = people.get(PSEUDONYM)
    if subject is not None and _PSEUDONYM.fullmatch(subject) is None:
        raise UnknownWordError(f"{PSEUDONYM}: {NOT_A_PSEUDONYM}")
    asked = {name: value for name, value in people.items() if name != PSEUDONYM and value is not None}
    region = policy.catalogue.phone_region
    if asked.get("phone") is not None and region is not None:
        asked["phone"] = phone.e164(asked["phone"], region) or asked["phone"]
    found = set() if subject is None else {subject}
    if asked:
        found |= query.pseudonyms(ring(), asked)
    return frozenset(found) if found else None


def filter_of(
    policy: Policy,
    words: Mapping[str, str | None],
    people: Mapping[str, str | None],
    now: datetime,
    ring: Callable[[], KeyRing],
    others: Sequence[Path] = (),
) -> query.Filter:
    """The rows that words and identifiers ask for. Raises UnknownWordError, ConfigError, AuditError."""
    times = {name: moment(name, words.get(name), now) for name in TIMES}
    rest = {name: value for name, value in words.items() if name not in TIMES}
    check(policy, rest, policy.audit_folder, others)
    return query.Filter(since=times["since"], until=times["until"], subjects=subjects(policy, ring, people), **rest)
