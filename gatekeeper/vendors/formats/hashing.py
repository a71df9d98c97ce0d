"""How vendors take personal values. Pure. A rule per field in, `Dialect.personal` out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from gatekeeper.model import Personal
from gatekeeper.vendors.formats import normalise

Rule = Callable[[str], str | None]


def by(rules: Mapping[str, Rule], clear: Mapping[str, Rule] | None = None) -> Callable[[str, Personal], str | None]:
    """Hashes by `rules`; the fields in `clear` go out normalised but not hashed, so a hash is of no use there."""
    plain = clear or {}

    def personal(field: str, value: Personal) -> str | None:
        if field in plain:
            return None if value.hashed else plain[field](value.value)
        if field not in rules or not normalise.plain_hash(value):
            return None
        return normalise.hashed(value, None if value.hashed else rules[field](value.value))

    return personal


def digits(e164: str) -> str:
    """A phone number without its plus."""
    return e164.lstrip("+")


def e164(number: str) -> str:
    """A phone number as the catalogue has it, with its plus."""
    return number


def bare_email(raw: str) -> str | None:
    """An e-mail address without `+suffix` and dots before the @, whatever the domain.

    Source: walkerOS (Microsoft UET Conversions API), read 2026-11-23.
    """
    return _email(raw, r"\.")


def letters_email(raw: str) -> str | None:
    """The same with letters and digits only before the @. Source: Reddit, manual advanced matching, read 2026-11-25."""
    return _email(raw, r"[^a-z0-9]")


def _email(raw: str, cut: str) -> str | None:
    text = normalise.email(raw)
    if text is None:
        return None
    local, _, domain = text.rpartition("@")
    local = re.sub(cut, "", local.partition("+")[0])
    return f"{local}@{domain}" if local else None
