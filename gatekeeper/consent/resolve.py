"""Stage 3, resolve. Pure. Signals and place in, one ruling per purpose out. DESIGN section 3, rules 1 to 9.

Per purpose, the first of these that applies rules:

    the visitor is known to be too young       denied   minor
    a signal of ours that is broken            denied   consent_unreadable
    an opt-out (GPC, sale)                     denied   gpc_opt_out, sale_opt_out
    any voice denies                           denied   consent_withdrawn, no_…_consent
                                                        (the browser's own words beside a context can do only this)
    a vendor's flag, or the event, denies      denied   no_…_consent
    a voice grants                             granted
    a voice granted too long ago               denied   consent_expired   (as the law says of silence)
    nothing else was said, the event grants             granted
    silence                                    what the strictest law of the place says of silence
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, Literal

from msgspec import structs

from gatekeeper.consent.minors import forbidden, needs_consent
from gatekeeper.model import (
    OPTIONAL,
    Consent,
    ConsentModel,
    Law,
    Permission,
    Place,
    Purpose,
    Role,
    Ruling,
    Signal,
    SignalDuty,
    Standing,
    Step,
)
from gatekeeper.model.reasons import EXPIRED, GPC, MINOR, NO_CONSENT, UNREADABLE, WITHDRAWN

NOT_OPTED_OUT: Final[Literal["not_opted_out"]] = "not_opted_out"
_SEVERITY: Final = {ConsentModel.NONE: 0, ConsentModel.OPT_OUT: 1, ConsentModel.OPT_IN: 2}
_NECESSARY: Final = Ruling(Permission.GRANTED, Purpose.NECESSARY)
_CONSENT_FOR: Final = {purpose: f"consent for {purpose}" for purpose in OPTIONAL}
_SPEAKS: Final = {
    Standing.UNDECIDED: "no choice was made yet: as if absent",
    Standing.FOREIGN: "another software's: as if absent",
    Standing.OPAQUE: "cannot be read here: as if absent",
}


def resolve(
    signals: tuple[Signal, ...],
    place: Place,
    *,
    at: float,
    event_time: float,
    max_age: float | None,
    gpc_everywhere: bool = True,
    age_band: str | None = None,
) -> Consent:
    """The visitor's effective permissions.

    `at` is now and `event_time` when the event happened (Unix seconds); grants older than `max_age` seconds
    count as never given. With `gpc_everywhere` false, GPC counts only where a law of the place requires it.
    `age_band` is one of `minors.AGE_BANDS`, if the host app knows it.
    """
    steps: list[Step] = []
    counted = tuple(_counted(signals, place, at, gpc_everywhere, steps))
    rulings = {Purpose.NECESSARY: _NECESSARY}
    overruled: list[str] = []
    for purpose in OPTIONAL:
        ruling, why = _rule(purpose, counted, place.laws, at, event_time, max_age, age_band)
        rulings[purpose] = ruling
        steps.append(Step(_CONSENT_FOR[purpose], ruling.permission, why))
        for signal in counted:
            said = signal.says.get(purpose)
            if said is not None and said is not ruling.permission:
                overruled.append(f"{signal.source}:{purpose}")
    return Consent(
        rulings=rulings,
        signals=signals,
        overruled=tuple(dict.fromkeys(overruled)),
        restricted=rulings[Purpose.MARKETING].opted_out or any(_opts_out(signal) for signal in signals),
        gpc_detected=GPC in [signal.denies_as for signal in signals],
        gpc_honoured=GPC in [signal.denies_as for signal in counted],
        steps=tuple(steps),
        refused=frozenset([name for signal in counted for name in signal.refuses]),
    )


def _opts_out(signal: Signal) -> bool:
    if signal.denies_as == GPC:
        return True
    return signal.role in (Role.OPT_OUT, Role.FLAG) and signal.says.get(Purpose.MARKETING) is Permission.DENIED


def holds_until(signals: Iterable[Signal], at: float, max_age: float | None) -> float:
    """When time alone may next change what these signals add up to (a grant begins, or expires); Unix seconds."""
    moments = [float("inf")]
    for signal in signals:
        if signal.at is not None:
            moments += (moment for moment in (signal.at, signal.at + (max_age or 0.0)) if moment > at)
    return min(moments)


def strictest(purpose: Purpose, laws: Iterable[Law]) -> tuple[ConsentModel, Law]:
    """The strictest model any of the laws has for an optional purpose, and the first law that has it."""
    best: tuple[ConsentModel, Law] | None = None
    for law in laws:
        model = law.analytics if purpose is Purpose.ANALYTICS else law.marketing
        if best is None or _SEVERITY[model] > _SEVERITY[best[0]]:
            best = (model, law)
    if best is None:
        raise ValueError("a place has at least one law")
    return best


def _counted(
    signals: Iterable[Signal], place: Place, at: float, gpc_everywhere: bool, steps: list[Step]
) -> Iterable[Signal]:
    """The signals that take part, each noted in the trail.

    What came with a request was said before the request: a later date is that of a clock that runs ahead.
    """
    required = gpc_everywhere or any(law.opt_out_signal is SignalDuty.REQUIRED for law in place.laws)
    for signal in signals:
        if signal.standing in _SPEAKS:
            steps.append(Step(f"signal {signal.source}", signal.standing, _SPEAKS[signal.standing]))
        elif signal.denies_as == GPC and not required:
            steps.append(Step(f"signal {signal.source}", "not counted", "no law of the place requires it"))
        else:
            said = ", ".join(f"{purpose} {word}" for purpose, word in signal.says.items())
            why = signal.note
            if signal.at is not None and signal.at > at:
                why += f"; dated {_date(signal.at)}, ahead of its arrival: counts from its arrival"
                signal = structs.replace(signal, at=at)
            steps.append(Step(f"signal {signal.source}", said or signal.standing, why))
            yield signal


def _date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _rule(
    purpose: Purpose,
    signals: Sequence[Signal],
    laws: tuple[Law, ...],
    at: float,
    event_time: float,
    max_age: float | None,
    age_band: str | None,
) -> tuple[Ruling, str]:
    model, law = strictest(purpose, laws)
    if forbidden(purpose, laws, age_band):
        return _denied(purpose, MINOR, model), "the visitor is known to be too young for it here"
    if needs_consent(purpose, laws, age_band):
        model = ConsentModel.OPT_IN
    voices: dict[tuple[str, int], list[Signal]] = {}
    opt_outs, narrowing = [], []
    for signal in signals:
        if signal.standing is Standing.MALFORMED:
            return Ruling(Permission.DENIED, purpose, UNREADABLE), f"{signal.source}: {signal.note}"
        if purpose in signal.says:
            if signal.role is Role.CHOICE:
                voices.setdefault((signal.voice or signal.source, signal.beside), []).append(signal)
            elif signal.role is Role.OPT_OUT:
                opt_outs.append(signal)
            else:
                narrowing.append(signal)

    for signal in opt_outs:
        if signal.says[purpose] is Permission.DENIED:
            reason = signal.denies_as or NO_CONSENT[purpose]
            return _denied(purpose, reason, model), f"{signal.source} opts out"

    granted_by: str | None = None
    expired_by: str | None = None
    later = "no consent was given"
    withdrawn = refused = None
    spoke = False
    for (voice, beside), said in voices.items():
        last, older_grant = _collapse(purpose, said)
        if last.says[purpose] is Permission.DENIED:
            if older_grant:
                withdrawn = voice
            else:
                refused = voice
        elif last.at is not None and max_age is not None and at - last.at > max_age:
            expired_by = voice
        elif beside:
            continue  # a grant beside a context that came along is as if absent: the context says what is granted
        elif last.at is None or last.at <= event_time:
            granted_by = voice
        else:
            later = f"{voice} consented on {_date(last.at)}, after this event"
        spoke = True
    if withdrawn is not None:
        return _denied(purpose, WITHDRAWN, model), f"{withdrawn} withdrew its consent"
    if refused is not None:
        return _denied(purpose, NO_CONSENT[purpose], model), f"{refused} refuses"
    for signal in narrowing:
        if signal.says[purpose] is Permission.DENIED:
            reason = signal.denies_as or NO_CONSENT[purpose]
            ruling = _denied(purpose, reason, model, narrowed=granted_by is not None)
            return ruling, f"{signal.source} refuses"
    if granted_by is not None:
        return Ruling(Permission.GRANTED, purpose), f"{granted_by} consents"
    # An expired grant is no grant, but the visitor did speak: a sender's claim cannot renew it.
    if expired_by is None and not spoke:
        for signal in narrowing:
            if signal.role is Role.CLAIM:
                return Ruling(Permission.GRANTED, purpose), f"{signal.source} consents, and no other signal speaks"
    if model is not ConsentModel.OPT_IN:
        return Ruling(Permission.GRANTED, NOT_OPTED_OUT), f"no signal refuses, and {law.id} requires no consent"
    if expired_by is not None:
        return Ruling(Permission.DENIED, purpose, EXPIRED), f"{expired_by} consented too long ago"
    return Ruling(Permission.DENIED, purpose, NO_CONSENT[purpose], silent=True), f"{later}; {law.id} is opt-in" + (
        " for a visitor of this age" if age_band else ""
    )


def _denied(purpose: Purpose, reason: str, model: ConsentModel, *, narrowed: bool = False) -> Ruling:
    opted_out = model is not ConsentModel.OPT_IN
    return Ruling(Permission.DENIED, purpose, reason, narrowed=narrowed, opted_out=opted_out)


def _collapse(purpose: Purpose, said: Sequence[Signal]) -> tuple[Signal, bool]:
    """One voice's last word, and whether it takes back an older grant.

    The newest wins; an undated grant is older than any refusal, an undated refusal newer than any grant.
    Copies of one carrier that differ are not two words in time but a conflict: the refusal wins.
    """
    if len(said) == 1:
        return said[0], False
    by_source: dict[str, list[Signal]] = {}
    for signal in said:
        by_source.setdefault(signal.source, []).append(signal)
    words = []
    for copies in by_source.values():
        denials = [copy for copy in copies if copy.says[purpose] is Permission.DENIED]
        words.append(max(denials or copies, key=_when(purpose)))
    last = max(words, key=_when(purpose))
    older_grant = any(word.says[purpose] is Permission.GRANTED for word in words if word is not last)
    return last, older_grant and last.says[purpose] is Permission.DENIED


def _when(purpose: Purpose) -> Callable[[Signal], tuple[float, bool]]:
    def key(signal: Signal) -> tuple[float, bool]:
        denies = signal.says[purpose] is Permission.DENIED
        undated = float("inf") if denies else float("-inf")
        return (undated if signal.at is None else signal.at, denies)

    return key
