"""What a page has in its head for consent: the scripts of this policy, at addresses that browsers keep for ever."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from html import escape
from urllib.parse import urlencode

from gatekeeper import context
from gatekeeper.errors import ConfigError
from gatekeeper.policy import Policy
from gatekeeper.shells.consent.scripts import Scripts


def page_head(policy: Policy | None = None, *, nonce: str | None = None, banner: bool = True) -> str:
    """Return HTML for the first lines of `<head>`: `gatekeeper.js` before any tag, and the banner.

    `policy` is that of the gate which serves the request, unless it is given. `nonce` is the page's, for a policy of
    content that asks for one. Without `banner` the site shows its own words. Raises ConfigError where no gate is at
    work and no policy was given.

    In a request of an app that is mounted below a path, the addresses begin with that path.
    """
    policy, root = _serving("page_head", policy)
    found = _addresses(_Of(policy.hash, policy))
    given = "" if nonce is None else f' nonce="{escape(nonce)}"'
    lines = [f'<script src="{escape(root + found["gatekeeper.js"])}"{given}></script>']
    if banner:
        lines.append(f'<script src="{escape(root + found["banner.js"])}" defer{given}></script>')
    return "\n".join(lines)


def preferences_page(back: str = "/", policy: Policy | None = None) -> str:
    """Return the address of the preferences page, which needs no script; `back` is the path that it leads back to.

    Raises ConfigError as `page_head` does.
    """
    policy, root = _serving("preferences_page", policy)
    return f"{root}{policy.prefix}/consent?{urlencode({'next': back})}"


def _serving(name: str, given: Policy | None) -> tuple[Policy, str]:
    """The policy, and the path that the app of the request is mounted below."""
    here = context.present()
    if here is not None:
        return here.gate.policy if given is None else given, here.root.rstrip("/")
    if given is None:
        raise ConfigError(f"{name}: no gate serves this request; call it in one, or give policy=load_policy(…)")
    return given, ""


@dataclass(frozen=True, slots=True)
class _Of:
    """A policy, by its hash."""

    hash: str
    policy: Policy = field(compare=False)


@lru_cache(maxsize=4)
def _addresses(of: _Of) -> dict[str, str]:
    return Scripts(of.policy).addresses()
