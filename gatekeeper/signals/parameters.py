"""Consent strings in the query of a request: `gdpr`, `gdpr_consent`, `gpp`, `gpp_sid`, `us_privacy`.

Contract: `read` never raises. The sender of the request writes these, so they narrow and do not grant: TC
strings come as FLAG unless the caller knows better, the others only ever opt out. A macro that was not filled
in (`${GDPR_CONSENT_755}`, `{{us_privacy}}`, `[GPP]`, `%%US_PRIVACY%%`) or a script's `undefined` is as if absent.
`gdpr=0` changes nothing: which law applies is not for the sender to say.
Source: https://github.com/InteractiveAdvertisingBureau/GDPR-Transparency-and-Consent-Framework,
https://github.com/InteractiveAdvertisingBureau/Global-Privacy-Platform (both: URL-based services) and
https://github.com/InteractiveAdvertisingBureau/USPrivacy (URL parameter `us_privacy`)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from gatekeeper.model import Role, Signal, Standing
from gatekeeper.signals import gpp, tcf, usprivacy
from gatekeeper.signals.encoding import word
from gatekeeper.signals.tcf import PURPOSES, PurposeTable

NAMES = ("gdpr", "gdpr_consent", "gpp", "gpp_sid", "us_privacy")
"""The parameters that are read."""

# A name in the brackets of some template language, or what scripts call nothing. No consent string looks like it.
_NAME = r"[ ]*[A-Za-z_.$#][\w .:$|()-]*"
_PLACEHOLDER = re.compile(
    rf"[$#]?\{{{{1,3}}{_NAME}\}}{{1,3}}|\[{{1,2}}{_NAME}\]{{1,2}}|<{{1,2}}{_NAME}>{{1,2}}"
    r"|(?:%%|!!|@@|##|__|[%$!@#])[A-Za-z][\w.:-]*(?:%%|!!|@@|##|__|[%$!@#])?"
    r"|undefined|null|none|nil|nan|\(null\)|n/a",
    re.IGNORECASE,
)
_VALUES = 8  # different values of one parameter that are read


def read(
    query: Mapping[str, Sequence[str]], table: PurposeTable = PURPOSES, *, role: Role = Role.FLAG
) -> tuple[Signal, ...]:
    """The signals of a decoded query: parameter name to all its values. `role` is that of TC strings."""
    return tuple(_signals({name: _filled(query.get(name, ())) for name in NAMES}, table, role))


def is_placeholder(value: str) -> bool:
    """Whether a value is what a template or a script puts where it had none."""
    return "${" in value or any(_PLACEHOLDER.fullmatch(text) for text in (value.strip(), word(value)))


def _filled(values: Sequence[str]) -> list[str]:
    """Different values, at most `_VALUES` + 1; placeholders left as they are in the template do not count."""
    found: list[str] = []
    for value in values:
        if value and value not in found and not is_placeholder(value):
            found.append(value)
            if len(found) > _VALUES:
                break
    return found


def _signals(found: Mapping[str, list[str]], table: PurposeTable, role: Role) -> Iterator[Signal]:
    for source, name in (("tcf", "gdpr_consent"), ("gpp", "gpp"), ("usprivacy", "us_privacy")):
        if len(found[name]) > _VALUES:
            yield Signal(source, role, Standing.MALFORMED, note="too many different parameters")
    for value in found["gdpr_consent"][:_VALUES]:
        yield tcf.read(value, table, role=role)
    if "1" in found["gdpr"] and not found["gdpr_consent"]:
        yield Signal("tcf", role, Standing.UNDECIDED, note="gdpr=1 without a TC string")
    in_force = _sections(found["gpp_sid"])
    for value in found["gpp"][:_VALUES]:
        yield from gpp.read(value, table, in_force=in_force, role=role)
    for value in found["us_privacy"][:_VALUES]:
        yield usprivacy.read(value)


def _sections(values: list[str]) -> frozenset[int] | None:
    """The sections in force; `None` where that is not said, or said in a way that cannot be read."""
    parts = [part.strip() for value in values for part in value.split(",")]
    if not parts or not all(part.isascii() and part.removeprefix("-").isdigit() for part in parts):
        return None
    return frozenset(int(part[:6]) for part in parts)
