"""The pages of the console, in the order of the navigation. A page is added by a line here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gatekeeper.console import audit, consent, destinations, now
from gatekeeper.console.page import Page, Stream

PAGES: Final[Sequence[Page]] = (*now.PAGES, *consent.PAGES, *destinations.PAGES, *audit.PAGES)
STREAMS: Final[Sequence[Stream]] = (*now.STREAMS,)
