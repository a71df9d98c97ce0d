"""Whom a request is about. What an operator was given in; normal forms, pseudonyms and suppression entries out. Pure.

An identifier is a type and a value. Types are the kinds of `audit.subjects.KINDS` (`user_id`, `client_id`, `email`,
`phone`, `consent_id`, `external_id`, `session_id`, `cart_id`, `order_id`, `browser_id`, `click_id`) and the catalogue's
own fields of these kinds, such as `fbp` or `gclid`. Messages name the type, never the value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Final

from gatekeeper.audit.subjects import KINDS, PASSING, PSEUDONYM, Subject
from gatekeeper.errors import ConfigError
from gatekeeper.fields.phone import e164
from gatekeeper.installation.ring import KeyRing
from gatekeeper.model import OPTIONAL, Discreet, Purpose, Suppression
from gatekeeper.model import choice as ledger
from gatekeeper.model.suppression import Why

SHOWN: Final = frozenset({"client_id", "browser_id", "click_id"})  # ids that a browser shows to every script and link
BY_NAME: Final = frozenset({"user_id", "consent"})  # that a request may carry as a pseudonym alone, by login or cookie
MOST: Final = 100  # identifiers of one person
_LONGEST: Final = 512  # characters
_LEDGER: Final = {"consent": ledger.Kind.DEVICE, "user_id": ledger.Kind.ACCOUNT}


class Sought(Discreet, frozen=True):
    """A person, by what was given.

    `references` are kinds with normal forms, hashed where values are personal. `names` are their pseudonyms under
    every key, `by_kind` the same by kind; `subjects` are those that the ledger may know.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"given", "references", "names", "by_kind", "subjects"})

    given: tuple[Subject, ...]
    references: tuple[Subject, ...]
    names: frozenset[str]
    by_kind: Mapping[str, frozenset[str]]
    subjects: tuple[ledger.Subject, ...]

    @property
    def kinds(self) -> frozenset[str]:
        """What was given, without values."""
        return frozenset(self.by_kind)


def sought(
    ring: KeyRing, given: Iterable[tuple[str, str]], identifying: Mapping[str, str], region: str | None = None
) -> Sought:
    """The person behind identifiers, as pairs of type and value.

    `identifying` are the catalogue's fields with their kinds, `region` the policy's for telephone numbers. Raises
    ConfigError for no identifier, an unknown type, and a value that cannot be of its type.
    """
    pairs = tuple(dict.fromkeys([(_kind(kind, identifying), value.strip()) for kind, value in given]))
    if not pairs:
        raise ConfigError("identifiers: there is none; give at least one, such as an e-mail address or a user id")
    if len(pairs) > MOST:
        raise ConfigError(f"identifiers: there are more than {MOST}; a request is about one person")
    references: list[Subject] = []
    for kind, value in pairs:
        if not 0 < len(value) <= _LONGEST or not value.isprintable():
            raise ConfigError(f"{KINDS[kind].option}: is empty, or longer than an identifier is")
        if kind == "phone" and region is not None:
            value = e164(value, region) or value
        found = KINDS[kind].asked(value)
        if not found:
            raise ConfigError(f"{KINDS[kind].option}: is not a valid {_CALLED.get(kind, 'identifier')}")
        references += [(kind, reference) for reference in found]
    by_kind: dict[str, frozenset[str]] = {}
    subjects = []
    for kind, reference in references:
        names = ring.names(kind, reference)
        by_kind[kind] = by_kind.get(kind, frozenset()).union(names)
        if kind in _LEDGER:
            subjects.append(ledger.Subject(_LEDGER[kind], names))
    every = frozenset().union(*by_kind.values())
    return Sought(pairs, tuple(dict.fromkeys(references)), every, by_kind, tuple(subjects))


def too_broad(who: Sought) -> bool:
    """Whether a client id is all there is: the browser may be several people's, and the id is known to many."""
    return who.kinds <= {"client_id"}


def entries(
    ring: KeyRing,
    who: Sought,
    *,
    why: Why,
    since: float,
    erasure: str,
    linked: Iterable[str] = (),
    purposes: Sequence[Purpose] = OPTIONAL,
    until: float | None = None,
) -> list[Suppression]:
    """What is kept to recognise a person by: every identifier that lasts, and pseudonyms that were approved as theirs.

    Also the pseudonyms of accounts and devices, of which a request may carry no more. Raises ConfigError if nothing
    lasts, or there is no key.
    """
    if not ring.suppression:
        raise ConfigError("keys.path: there is no suppression key; start the gate once, or copy the shared folder")
    wanted = [(kind, kind, reference) for kind, reference in who.references if kind not in PASSING]
    if not wanted and not linked:
        raise ConfigError(
            "identifiers: a session, a cart or an order ends soon; give one that the person comes back with"
        )
    for kind in sorted(BY_NAME & who.kinds):
        wanted += [(kind, PSEUDONYM, name) for name in sorted(who.by_kind[kind])]
    wanted += [(PSEUDONYM, PSEUDONYM, name) for name in sorted(linked)]
    made = {}
    for shown, kind, reference in wanted:
        key, hashed = ring.hidden(kind, reference)[0]
        made[hashed] = Suppression(hashed, key, shown, why, since, erasure, frozenset(purposes), until)
    return list(made.values())


_CALLED: Final = {
    "email": "e-mail address, or SHA-256 of one",
    "phone": "telephone number with its country code, or SHA-256 of one",
}
_KINDS: Final = {row.option: kind for kind, row in KINDS.items()}


def _kind(name: str, identifying: Mapping[str, str]) -> str:
    kind = _KINDS.get(name) or identifying.get(name)
    if kind is None:
        raise ConfigError(f"type: is not a kind of identifier; use one of {', '.join(_KINDS)}")
    return kind
