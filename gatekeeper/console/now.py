"""Now: what flows to whom at this moment, and what needs somebody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gatekeeper.console.page import Answer, Asked, Desk, Page, Shown, Stream
from gatekeeper.console.render import rendered


def page(desk: Desk, asked: Asked) -> Answer:
    """The page."""
    return Shown("now.html", values(desk), "Now")


def values(desk: Desk) -> dict[str, object]:
    """What the page shows."""
    return {"problems": list(desk.problems()), "notes": list(desk.notes()), "books": desk.store.books.count()}


def live(desk: Desk) -> Callable[[], str | None]:
    """The same, again and again."""

    def following() -> str | None:
        """The part of the page that changes."""
        return rendered("now_live.html", values(desk))

    return following


PAGES: Final = (Page("GET", "now", "read", page, nav="Now"),)
STREAMS: Final = (Stream("now/stream", "read", live),)
