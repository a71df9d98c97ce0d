"""Consent that events and calls carry along: read as narrowing signals only, they never grant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.flags import google, rudderstack, segment, shopify, walkeros

Categories = Mapping[str, Mapping[str, Purpose]]  # software -> its site-specific category names -> purpose

READERS: Final[Mapping[str, Callable[[object, Mapping[str, Purpose]], tuple[Signal, ...]]]] = {
    google.SOURCE: lambda value, site: google.read_object(value),
    rudderstack.SOURCE: rudderstack.read,
    segment.SOURCE: segment.read,
    shopify.SOURCE: lambda value, site: shopify.read(value),
    walkeros.SOURCE: walkeros.read,
}


def read(flags: Mapping[str, Any], categories: Categories) -> tuple[Signal, ...]:
    """The signals of an event's `flags`: software -> the consent object as that software writes it."""
    return tuple(
        signal
        for software, value in flags.items()
        if software in READERS
        for signal in READERS[software](value, categories.get(software, {}))
    )
