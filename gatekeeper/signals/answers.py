"""From categories to purposes: how every reader words its answer.

Contract: pure; a reader says per category whether it was allowed, refused, or shown and left undecided,
and gets the `Signal`. Several categories of one purpose must all be allowed; one refused refuses the
purpose; one undecided withholds the grant. A category the map does not know grants nothing. Where every
optional category was refused and the map does not know all of them, everything is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping

from msgspec import structs

from gatekeeper.model import OPTIONAL, Permission, Purpose, Role, Signal, Standing
from gatekeeper.model.reasons import SALE
from gatekeeper.signals.encoding import ForeignError, UnreadableError, json_object, word
from gatekeeper.signals.site import Site

ALL_REFUSED: Mapping[Purpose, Permission] = dict.fromkeys(OPTIONAL, Permission.DENIED)
ALL_GRANTED: Mapping[Purpose, Permission] = dict.fromkeys(OPTIONAL, Permission.GRANTED)
NO_MARKETING: Mapping[Purpose, Permission] = {Purpose.MARKETING: Permission.DENIED}
OUTDATED = "made under another notice version: its grants do not count"
AUTOMATIC = "recorded without a click: its grants do not count"
_ALLOW = {"allow": True, "deny": False}
_WORD = re.compile("[A-Z]?[a-z]+|[A-Z]+")
_SALE = frozenset({"sale", "sales", "selling", "sharing"})
_TARGETED = "targeted_advertising"
_NECESSARY = frozenset({"necessary", "strictly-necessary", "strictly_necessary", "essential", "required", "strict"})
"""What platforms call what cannot be refused, in lower case, where the map does not say it."""


def permissions(spoken: Mapping[str, bool | None], categories: Mapping[str, Purpose]) -> Mapping[Purpose, Permission]:
    """What the spoken categories add up to; `None` means shown and not decided."""
    says: dict[Purpose, Permission] = {}
    for name, allowed in spoken.items():
        purpose = categories.get(name) or categories.get(name.lower())
        if purpose is None or purpose is Purpose.NECESSARY:
            continue
        before = says.get(purpose, Permission.GRANTED)
        if allowed is False or before is Permission.DENIED:
            says[purpose] = Permission.DENIED
        else:
            says[purpose] = before if allowed else Permission.UNKNOWN
    if Permission.UNKNOWN in says.values():
        return {purpose: answer for purpose, answer in says.items() if answer is not Permission.UNKNOWN}
    return says


def refuses_everything(spoken: Mapping[str, bool | None], categories: Mapping[str, Purpose]) -> bool:
    """Whether every optional category was refused, one among them that the map does not know.

    What the map knows speaks for its own purpose only. What it does not know may be for any.
    """
    optional = [name for name in spoken if not is_necessary(name, categories)]
    if not all(spoken[name] is False for name in optional):
        return False
    return any(name not in categories and name.lower() not in categories for name in optional)


def is_sale(name: str) -> bool:
    """Whether a category is by its name one of sale, of sharing or of targeted advertising, as US laws have them."""
    words = _WORD.findall(name)
    return not _SALE.isdisjoint(word.lower() for word in words) or _TARGETED in name.lower()


def is_necessary(name: str, categories: Mapping[str, Purpose]) -> bool:
    """Whether a category is one that a visitor cannot refuse, by the map or by its name."""
    lower = name.lower()
    purpose = categories.get(name) or categories.get(lower)
    return lower in _NECESSARY if purpose is None else purpose is Purpose.NECESSARY


def of_accepted(
    accepted: Collection[str], categories: Mapping[str, Purpose], defaults: Mapping[str, Purpose]
) -> Mapping[str, bool]:
    """Spoken categories of a format that lists accepted ones only: a mapped name that is missing is refused.

    The names of the default map are spellings of one and the same category ("ads", "targeting"): one of
    them suffices. Names that only the site knows exist there for sure, so each of them must be listed.
    Accepted names that the map does not know are told too: who accepted one did not refuse everything.
    """
    names = {name.lower() for name in accepted}
    known = {name.lower() for name in defaults}
    spoken: dict[str, bool] = {}
    spellings: dict[Purpose, list[str]] = {}
    for name, purpose in categories.items():
        if name in known:
            spellings.setdefault(purpose, []).append(name)
        else:
            spoken[name] = name in names
    for group in spellings.values():
        spoken[group[0]] = any(name in names for name in group)
    return {name: True for name in accepted if name.lower() not in categories} | spoken


def both(spoken: Iterable[tuple[str, bool | None]]) -> dict[str, bool | None]:
    """Pairs as a mapping; of a category spoken about twice the stricter answer stays."""
    merged: dict[str, bool | None] = {}
    for name, allowed in spoken:
        if name not in merged or allowed is False or merged[name]:
            merged[name] = allowed
    return merged


def decided(
    source: str,
    spoken: Mapping[str, bool | None],
    site: Site,
    *,
    at: float | None = None,
    evidence: str | None = None,
    notice: str | None = None,
    current: bool = True,
    automatic: bool = False,
    services: Mapping[str, bool | None] | None = None,
    role: Role = Role.CHOICE,
) -> Signal:
    """A choice that was made. OPAQUE if it names categories of which the map knows not one.

    `current=False`: made under an older notice, or taken back for asking again; it can refuse, not grant.
    `automatic`: recorded without a click, the same. `services`: single ones that were spoken about besides.
    """
    says = permissions(spoken, site.categories)
    if refuses_everything(spoken, site.categories):
        says = ALL_REFUSED
    refuses = site.refused({**spoken, **services} if services else spoken)
    if not says and not refuses and spoken and not any(name.lower() in site.categories for name in spoken):
        note = f"[consent.{source}] maps none of the categories"
        return opaque(source, note, at=at, evidence=evidence, notice=notice)
    standing, note = Standing.DECIDED, "choice"
    if automatic or not current:
        says = {purpose: answer for purpose, answer in says.items() if answer is Permission.DENIED}
        standing = Standing.DECIDED if says or refuses else Standing.UNDECIDED
        note = AUTOMATIC if automatic else OUTDATED
    return Signal(source, role, standing, says, at=at, evidence=evidence, notice=notice, note=note, refuses=refuses)


def listed(
    source: str,
    accepted: Collection[str],
    site: Site,
    defaults: Mapping[str, Purpose],
    *,
    at: float | None = None,
    evidence: str | None = None,
    notice: str | None = None,
    current: bool = True,
    automatic: bool = False,
    services: Collection[str] | None = None,
) -> Signal:
    """A choice as the list of what was accepted, where all else was refused.

    A list of nothing that is optional refuses everything. Any other is OPAQUE without a map. `services`: the
    single ones that were accepted, where the format lists them.
    """
    if all(is_necessary(name, site.categories) for name in accepted):
        return refused_altogether(source, at=at, evidence=evidence, notice=notice)
    if not site.categories and (services is None or not site.services):
        note = f"[consent.{source}] maps none of the categories"
        return opaque(source, note, at=at, evidence=evidence, notice=notice)
    return decided(
        source,
        of_accepted(accepted, site.categories, defaults),
        site,
        at=at,
        evidence=evidence,
        notice=notice,
        current=current,
        automatic=automatic,
        services=None if services is None else site.left_out(services),
    )


def without_grants(signal: Signal, note: str = AUTOMATIC) -> Signal:
    """The signal of a record that no click made, or of an outdated one: it can refuse, not grant."""
    refused = {purpose: answer for purpose, answer in signal.says.items() if answer is Permission.DENIED}
    if refused == signal.says:
        return signal
    standing = Standing.DECIDED if refused else Standing.UNDECIDED
    return structs.replace(signal, says=refused, standing=standing, note=note)


def refused_altogether(
    source: str, *, at: float | None = None, evidence: str | None = None, notice: str | None = None
) -> Signal:
    """A refusal of everything, which needs no map."""
    note = "refused altogether"
    return Signal(
        source, Role.CHOICE, Standing.DECIDED, ALL_REFUSED, at=at, evidence=evidence, notice=notice, note=note
    )


def by_category(
    source: str,
    found: Mapping[str, Iterable[str]],
    site: Site,
    *,
    known: Collection[str],
    services: str,
    notice: str | None = None,
) -> tuple[Signal, ...]:
    """One choice out of cookies that hold one category each, `allow` or `deny`; empty where none does.

    `found`: what follows the prefix, with all its values. `known`: the platform's own categories, of which any
    other value is broken; of other names it is a sibling cookie. `services`: the name of the cookie that holds
    single services as JSON of booleans.
    """
    answers: dict[str, list[str]] = {}
    for name, values in found.items():
        words = [word(value) for value in values]
        if name in known or name.lower() in site.categories or (words and all(said in _ALLOW for said in words)):
            answers[name] = words
    if any(said not in _ALLOW for words in answers.values() for said in words):
        return (unreadable(source, UnreadableError("neither allow nor deny")),)
    single = both(pair for value in found.get(services, ()) for pair in _switches(value))
    if not answers and not site.refused(single):
        return ()
    spoken = both((name, _ALLOW[said]) for name, words in answers.items() for said in words)
    return (decided(source, spoken, site, notice=notice, current=site.is_current(notice), services=single),)


def _switches(value: str) -> Iterable[tuple[str, bool | None]]:
    """Single services and whether they were allowed; of a cookie that holds no such thing, none."""
    try:
        return [(name, allowed is True) for name, allowed in json_object(value).items()]
    except UnreadableError:
        return []


def undecided(
    source: str, note: str, *, at: float | None = None, evidence: str | None = None, notice: str | None = None
) -> Signal:
    """The cookie is there, a choice is not."""
    return Signal(source, Role.CHOICE, Standing.UNDECIDED, at=at, evidence=evidence, notice=notice, note=note)


def opaque(
    source: str, note: str, *, at: float | None = None, evidence: str | None = None, notice: str | None = None
) -> Signal:
    """A choice that cannot be understood here; `note` says what would help."""
    return Signal(source, Role.CHOICE, Standing.OPAQUE, at=at, evidence=evidence, notice=notice, note=note)


def opt_out(source: str, note: str, denies_as: str = SALE) -> Signal:
    """An opt-out of sale, sharing or targeted advertising, or of GPC as the platform saw it."""
    return Signal(source, Role.OPT_OUT, Standing.DECIDED, NO_MARKETING, denies_as=denies_as, note=note)


def sibling(source: str) -> Signal:
    """A cookie under the platform's prefix that is another thing than the choice."""
    return Signal(source, Role.CHOICE, Standing.FOREIGN, note="a sibling cookie: it holds no choice")


def unreadable(source: str, why: UnreadableError, role: Role = Role.CHOICE) -> Signal:
    """FOREIGN for another software's value, MALFORMED for a broken one."""
    standing = Standing.FOREIGN if isinstance(why, ForeignError) else Standing.MALFORMED
    return Signal(source, role, standing, note=str(why))


def read_each(source: str, values: Iterable[str], parse: Callable[[str], Iterable[Signal]]) -> tuple[Signal, ...]:
    """The signals of every value of one cookie; a value that `parse` cannot read becomes one of its own."""
    signals: list[Signal] = []
    for value in values:
        try:
            signals.extend(parse(value))
        except UnreadableError as why:
            signals.append(unreadable(source, why))
    return tuple(signals)


def label(value: object) -> str | None:
    """A notice version worth writing down: a short printable string or a number, else `None`."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value)
    return text if 0 < len(text) <= 64 and text.isascii() and text.isprintable() and "@" not in text else None
