"""A consent cookie from Python: for code that has its own banner, for scripts and for tests."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from gatekeeper import context
from gatekeeper.installation import keys
from gatekeeper.installation.ring import KeyRing
from gatekeeper.model import Permission, Purpose
from gatekeeper.policy import Policy, load_policy
from gatekeeper.policy.tables.consent import CookieTable
from gatekeeper.shells.asgi.cookies import signed_cookie
from gatekeeper.signals import own


def issue_consent(
    *,
    analytics: bool | None = False,
    marketing: bool | None = False,
    notice_version: str | None = None,
    subject: str | None = None,
    config: str | Path | Policy | None = None,
    domain: str | None = None,
    secure: bool = True,
    at: float | None = None,
) -> str:
    """Make the value of a `Set-Cookie` header with a choice. `POST /gk/consent` sets all cookies of a choice.

    `None` for a purpose: the visitor said nothing of it. `notice_version` is the notice the visitor saw (the policy's
    own if not given), `subject` a pseudonymous id of the visitor (a random one if not given), `domain` the cookie's
    (the policy's if not given), `at` the time of the choice in Unix seconds (now). Without `config`, the policy of the
    gate that serves the current request is used, else `gatekeeper.toml`.
    """
    policy, ring = _gate(config)
    moment = time.time() if at is None else at
    words = {Purpose.ANALYTICS: analytics, Purpose.MARKETING: marketing}
    said = {
        purpose: (Permission.GRANTED if word else Permission.DENIED, moment)
        for purpose, word in words.items()
        if word is not None
    }
    notice = notice_version or policy.notices.version
    signed = own.write(said, notice=notice, subject=subject or new_subject(), sign=ring.sign)
    table = policy.file.consent.cookie
    if domain is not None:
        table = CookieTable(**{**table.model_dump(), "domain": domain})
    return signed_cookie(signed, table, max_age=policy.file.consent.max_age, secure=secure)


def new_subject() -> str:
    """A name for a visitor who had none: 96 random bits."""
    return "v_" + secrets.token_hex(12)


def _gate(config: str | Path | Policy | None) -> tuple[Policy, KeyRing]:
    here = context.current.get()
    if config is None and here is not None:
        gate = context.in_force(here.gate)
        return gate.policy, gate.keys
    policy = load_policy(config or "gatekeeper.toml", require_secrets=False)
    return policy, keys.load(policy.keys_folder)
