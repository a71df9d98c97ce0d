"""Where commands print: on a terminal as wide as it is, into a file or pipe without cutting or wrapping a line."""

from __future__ import annotations

import sys
from typing import Final

from rich.console import Console

_WIDE: Final = 240


def console() -> Console:
    """Standard output. A terminal's width means nothing to a file."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
