"""The `gatekeeper` command. One file per command in `gatekeeper/cli/`; exit codes are in `exits.py` there."""

from __future__ import annotations

import codecs
import gc
import io
import sys
from typing import Final

from gatekeeper.errors import GatekeeperError, missing

# What a terminal that cannot show our signs gets in their place; anything else is written as in JSON.
_PLAIN: Final = {"\u2713": "+", "\u2717": "x", "\u2026": "...", "\u00b7": "-", "\u00d7": "x", "\u2588": "#"}


# The extra that brings a library, for libraries that only commands need.
_EXTRAS: Final = {"typer": "cli", "rich": "cli", "uvicorn": "serve", "starlette": "demo"}


def main() -> None:
    """Run the command line; an error of ours, or of a file, is one message and never a traceback."""
    codecs.register_error("gatekeeper", _replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="gatekeeper")
    try:
        _run()
    except GatekeeperError as error:
        for line in str(error).splitlines():
            print(f"gatekeeper: {line}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:  # `gatekeeper audit tail | head`
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"gatekeeper: {where}{(error.strerror or type(error).__name__).lower()}", file=sys.stderr)
        sys.exit(1)


def _run() -> None:
    """The command line, whose libraries may not be installed. Raises ConfigError."""
    try:
        if "gatekeeper.cli" not in sys.modules:
            _imported()
        from gatekeeper.cli import app

        app()
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library not in _EXTRAS:
            raise
        raise missing("this command", library, _EXTRAS[library]) from None


def _imported() -> None:
    """Import the command line. What it brings lives as long as this process, which is the command's own."""
    # fast: a seventh of what `gatekeeper check` takes. Plain: the import. No garbage is looked for in what stays.
    gc.disable()
    try:
        import gatekeeper.cli  # noqa: F401  # imported for its time
    finally:
        gc.freeze()
        gc.enable()


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    units = (_PLAIN.get(sign) or "".join(f"\\u{unit:04x}" for unit in _units(sign)) for sign in text)
    return "".join(units), error.end


def _units(sign: str) -> list[int]:
    """A character in the code units of UTF-16, as JSON writes it."""
    raw = sign.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(raw[n : n + 2], "big") for n in range(0, len(raw), 2)]


if __name__ == "__main__":
    main()
