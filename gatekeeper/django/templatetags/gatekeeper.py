"""`{% load gatekeeper %}`: the scripts of a page, the way back to the choice, and tags that wait for a purpose.

    {% gatekeeper_head %}                                       in <head>, before any tag
    {% gatekeeper_choices "Privacy choices" %}                  a link for the footer, which works without script
    {% gatekeeper_tag "marketing" src="https://…" %}            a script that runs once the purpose is granted

Where the request has `csp_nonce` (django-csp), scripts get it.
"""

from __future__ import annotations

from typing import Any, Final

from django import template
from django.utils.html import format_html
from django.utils.safestring import mark_safe

from gatekeeper.model import OPTIONAL
from gatekeeper.shells.consent.markup import page_head, preferences_page

register: Final[Any] = template.Library()
_PURPOSES: Final = frozenset(purpose.value for purpose in OPTIONAL)


def gatekeeper_head(context: Any, banner: bool = True) -> Any:
    """The scripts for `<head>`. `banner=False` where the site shows its own words."""
    nonce = getattr(getattr(context, "request", None), "csp_nonce", None)
    head = page_head(nonce=None if nonce is None else str(nonce), banner=banner)
    return mark_safe(head)  # noqa: S308  # addresses of ours, escaped


def gatekeeper_choices(context: Any, words: str = "Privacy choices") -> Any:
    """A link to the preferences: in the banner's dialog, or, without script, on a page of its own that leads back."""
    request = getattr(context, "request", None)
    back = "/" if request is None else request.get_full_path()
    link = '<a href="{}" data-gatekeeper-show="preferences">{}</a>'
    return format_html(link, preferences_page(back), words)


def gatekeeper_tag(purposes: str, *, src: str) -> Any:
    """A script of a vendor that waits for its purposes, such as "marketing" or "analytics marketing"."""
    wanted = purposes.split()
    if not wanted or not _PURPOSES.issuperset(wanted):
        raise template.TemplateSyntaxError(
            f'gatekeeper_tag: "{purposes}" is not a purpose; write "analytics", "marketing" or both'
        )
    script = '<script type="text/plain" data-purpose="{}" data-src="{}"></script>'
    return format_html(script, " ".join(wanted), src)


for _function in (gatekeeper_head, gatekeeper_choices):
    register.simple_tag(_function, takes_context=True)
register.simple_tag(gatekeeper_tag)
