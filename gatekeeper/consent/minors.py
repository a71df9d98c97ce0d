"""Known minors. Pure. The laws of a place and an age band in; what that makes of a purpose out.

The host app says the band; the gate never guesses it. Under 13, advertising is denied everywhere (COPPA, and good
sense elsewhere). Otherwise the law table rules: below `minor_age`, advertising is banned or needs consent;
below `child_age`, a child's own consent is none, because a parent must give it (GDPR article 8).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gatekeeper.model import ConsentModel, Law, Purpose, Restriction

# The youngest age of each band.
AGE_BANDS: Final = {"under_13": 0, "13_15": 13, "16_17": 16, "adult": 18}


def forbidden(purpose: Purpose, laws: Iterable[Law], age_band: str | None) -> bool:
    """Whether the purpose is denied for a visitor of this age, whatever was consented to."""
    if age_band is None or age_band == "adult":
        return False
    age = AGE_BANDS.get(age_band, 0)  # an unknown band is the youngest
    if purpose is Purpose.MARKETING and age < 13:
        return True
    for law in laws:
        if purpose is Purpose.MARKETING and _is_minor(law, age) and law.minor_rule is Restriction.BANNED:
            return True
        model = law.analytics if purpose is Purpose.ANALYTICS else law.marketing
        if model is ConsentModel.OPT_IN and law.child_age is not None and age < law.child_age:
            return True
    return False


def needs_consent(purpose: Purpose, laws: Iterable[Law], age_band: str | None) -> bool:
    """Whether silence is no permission for a visitor of this age, even where the law is opt-out for adults."""
    if age_band is None or age_band == "adult" or purpose is not Purpose.MARKETING:
        return False
    age = AGE_BANDS.get(age_band, 0)
    return any(_is_minor(law, age) and law.minor_rule is Restriction.OPT_IN for law in laws)


def _is_minor(law: Law, age: int) -> bool:
    return law.minor_age is not None and age < law.minor_age
