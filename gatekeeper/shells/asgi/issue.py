"""Issuing our own consent cookie from Python, until the consent endpoint does it."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from gatekeeper import context
from gatekeeper.installation import keys
from gatekeeper.model import Purpose
from gatekeeper.policy import Policy, load_policy
from gatekeeper.signals import own


def issue_consent(
    *,
    analytics: bool = False,
    marketing: bool = False,
    notice_version: str | None = None,
    subject: str | None = None,
    config: str | Path | Policy | None = None,
    domain: str | None = None,
    secure: bool = True,
    at: float | None = None,
) -> str:
    """The value of a `Set-Cookie` header that records a visitor's choice.

    `notice_version` is the notice the visitor saw (the policy's own if not given), `subject` a pseudonymous id
    of the visitor (a random one if not given), `at` the time of the choice in Unix seconds (now). Without
    `config`, the policy of the gate that serves the current request is used, else `gatekeeper.toml`.
    """
    here = context.current.get()
    if config is None and here is not None:
        gate = context.in_force(here.gate)
        policy, ring = gate.policy, gate.keys
    else:
        policy = load_policy(config or "gatekeeper.toml", require_secrets=False)
        ring = keys.load(policy.keys_folder)
    choices = {Purpose.ANALYTICS: analytics, Purpose.MARKETING: marketing}
    value = own.write(
        frozenset(purpose for purpose, granted in choices.items() if granted),
        at=time.time() if at is None else at,
        notice=notice_version or policy.file.consent.notice_version,
        subject=subject or "v_" + secrets.token_hex(12),
        sign=ring.sign,
    )
    lifetime = int(policy.file.consent.max_age or 365 * 86_400)
    parts = [f"{own.COOKIE}={value}", "Path=/", f"Max-Age={lifetime}", "HttpOnly", "SameSite=Lax"]
    if domain is not None:
        parts.append(f"Domain={domain}")
    if secure:
        parts.append("Secure")
    return "; ".join(parts)
