"""What a visitor is to be asked, from the same consent that decides about their events. Pure.

`Asked.ask` is the form that the law of the place wants: `opt_in` (a question), `object` (first-party statistics that
go on unless the visitor objects: a notice and a simple objection), `opt_out` (a link, no banner) or `none`. `Asked.why`
is why the visitor is to be asked now, `None` if they are not:

    never_asked      the visitor has not spoken about a purpose that needs a question
    notice_changed   a grant was given under another version of the notice
    expired          a grant is older than `ask_again_after_grant`
    refusal_old      a refusal is older than `ask_again_after_refusal`; nothing else has those asked again who refused
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from gatekeeper.consent.minors import forbidden, needs_consent
from gatekeeper.consent.resolve import strictest
from gatekeeper.decision import exempt
from gatekeeper.model import Consent, ConsentModel, Permission, Place, Purpose, Role, Signal, Standing
from gatekeeper.policy import Policy
from gatekeeper.signals import own

Ask = Literal["opt_in", "object", "opt_out", "none"]
Why = Literal["never_asked", "notice_changed", "expired", "refusal_old"]
LEDGER: Final = "ledger"  # sources of the ledger's signals: of the device, and of the account
ACCOUNT: Final = "ledger-account"
_ORDER: Final[tuple[Ask, ...]] = ("opt_in", "object", "opt_out", "none")
_REASONS: Final[tuple[Why, ...]] = ("never_asked", "notice_changed", "expired", "refusal_old")
_MODELS: Final[Mapping[ConsentModel, Ask]] = {
    ConsentModel.OPT_IN: "opt_in", ConsentModel.OPT_OUT: "opt_out", ConsentModel.NONE: "none",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PurposeAsked:
    """One purpose: what is asked, what was last said of it (by whom and when), and what follows."""

    ask: Ask
    word: Signal | None
    choice: Permission | None
    effective: bool
    reason: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """All purposes of the notice."""

    ask: Ask
    why: Why | None
    decided: bool
    purposes: Mapping[Purpose, PurposeAsked]


def asked(policy: Policy, place: Place, consent: Consent, *, at: float, age_band: str | None = None) -> Asked:
    """What a visitor with this consent is to be asked there, `at` (Unix seconds)."""
    found = {purpose: _purpose(policy, place, consent, purpose, age_band) for purpose in policy.notices.purposes}
    forms = {one.ask for one in found.values()}
    ask = next(one for one in _ORDER if one in forms)  # a notice has a purpose
    reasons = {
        why
        for purpose, one in found.items()
        if one.ask in ("opt_in", "object") and not _settled(consent, place, purpose, age_band)
        for why in (_why(policy, consent, purpose, one, at),)
        if why is not None
    }
    decided = all(one.word is not None for one in found.values())
    return Asked(ask, next((one for one in _REASONS if one in reasons), None), decided, found)


def newest(consent: Consent, purpose: Purpose, *, voice: str | None = None) -> Signal | None:
    """The newest word on a purpose that speaks for the visitor; of the same time, the refusal.

    An undated grant is older than any refusal, and an undated refusal newer than any grant. Of copies of one carrier
    that differ, the refusal is the word.
    """
    words = [
        signal
        for signal in consent.signals
        if signal.role is Role.CHOICE
        and signal.standing is Standing.DECIDED
        and not signal.beside
        and purpose in signal.says
        and (voice is None or signal.voice == voice)
    ]
    refused = {signal.source for signal in words if signal.says[purpose] is Permission.DENIED}
    words = [one for one in words if one.source not in refused or one.says[purpose] is Permission.DENIED]
    return max(words, key=lambda signal: _age(signal, purpose), default=None)


def _age(signal: Signal, purpose: Purpose) -> tuple[float, bool]:
    denies = signal.says[purpose] is Permission.DENIED
    undated = float("inf") if denies else float("-inf")
    return (undated if signal.at is None else signal.at, denies)


def _purpose(policy: Policy, place: Place, consent: Consent, purpose: Purpose, age_band: str | None) -> PurposeAsked:
    model, _ = strictest(purpose, place.laws)
    if needs_consent(purpose, place.laws, age_band):
        model = ConsentModel.OPT_IN
    ask = _MODELS[model]
    ruling = consent.rulings[purpose]
    granted = ruling.permission is Permission.GRANTED
    if ask == "opt_in" and purpose is Purpose.ANALYTICS and _only_statistics(policy, place):
        ask = "object"
        granted = granted or ruling.silent
    word = newest(consent, purpose, voice=own.VOICE) or newest(consent, purpose)
    return PurposeAsked(
        ask, word, None if word is None else word.says[purpose], granted, None if granted else ruling.reason
    )


def _only_statistics(policy: Policy, place: Place) -> bool:
    """Whether everything that gets analytics data is first-party statistics, which every law of the place exempts."""
    to = [one for one in policy.destinations.values() if one.purpose is Purpose.ANALYTICS]
    return bool(to) and all(one.statistics_only for one in to) and exempt(place.laws)


def _settled(consent: Consent, place: Place, purpose: Purpose, age_band: str | None) -> bool:
    """Whether an answer would change nothing: the browser opts out already, or the visitor is too young."""
    if forbidden(purpose, place.laws, age_band):
        return True
    return any(
        signal.role is Role.OPT_OUT and signal.says.get(purpose) is Permission.DENIED for signal in consent.signals
    )


def _outdated(policy: Policy, consent: Consent, purpose: Purpose, word: Signal) -> bool:
    """Whether a grant of ours was given under another version of the notice.

    Our cookie names the version. The ledger names the words by their hash, which a better spelling changes, too: what
    the cookie says of the same grant goes before it.
    """
    notices = policy.notices
    known = [notices.version, None, *[wording.notice.hash for wording in notices.languages.values()]]
    if word.notice in known or word.source not in (own.COOKIE, LEDGER, ACCOUNT):
        return False
    cookie = next((one for one in consent.signals if one.source == own.COOKIE and purpose in one.says), None)
    return word.source == own.COOKIE or cookie is None or cookie.notice not in known


def _why(policy: Policy, consent: Consent, purpose: Purpose, one: PurposeAsked, at: float) -> Why | None:
    table = policy.file.consent
    if one.word is None:
        return "never_asked"
    age = 0.0 if one.word.at is None else at - one.word.at
    if one.choice is Permission.DENIED:
        return "refusal_old" if age > table.notice.ask_again_after_refusal else None
    if _outdated(policy, consent, purpose, one.word):
        return "notice_changed"
    limit = min(table.notice.ask_again_after_grant, table.max_age or float("inf"))
    return "expired" if age > limit else None
