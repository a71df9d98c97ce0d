"""The process log of a command: how much is said, and as text or as JSON, one object a line."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final

from gatekeeper.cli.known import one_of

LEVELS: Final = ("debug", "info", "warning", "error")
FORMATS: Final = ("text", "json")


class AsJson(logging.Formatter):
    """One JSON object for each record: time, level, logger, message; of an exception the class alone."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; the traceback of an exception is left out, because it could show a visitor's data."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
        return json.dumps(line)


def begin(level: str, form: str) -> None:
    """Say what is of a level or above on standard error. Refuses a word that is not a level or a format."""
    one_of("--log-level", level.lower(), LEVELS)
    one_of("--log-format", form.lower(), FORMATS)
    to = logging.StreamHandler(sys.stderr)
    to.setFormatter(AsJson() if form.lower() == "json" else logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[to])
    logging.getLogger("gatekeeper").setLevel(level.upper())
    if level.lower() in ("warning", "error"):
        logging.getLogger().setLevel(level.upper())
