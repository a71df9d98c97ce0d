"""Exit codes that every command keeps, and what a command says where there is nothing to look at.

0    done
1    a check failed: the policy, a test case, the log, a database; or a file or a network failed
2    wrong usage: an option or an argument
3    what was asked for is not there: a record, a log, a key, a dead letter
130  interrupted
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NoReturn

import typer

from gatekeeper.audit.segments import holds_log

FAILED: Final = 1
ABSENT: Final = 3


def absent(sentence: str) -> NoReturn:
    """Say that what was asked for is not there."""
    typer.echo(f"gatekeeper: {sentence}", err=True)
    raise typer.Exit(ABSENT)


def failed(sentence: str) -> NoReturn:
    """Say what stands against it."""
    typer.echo(f"gatekeeper: {sentence}", err=True)
    raise typer.Exit(FAILED)


def need_log(folder: Path) -> None:
    """Stop where there is no log: no answer about it would be true. Raises AuditError."""
    if not holds_log(folder):
        absent(f"there is no audit log in {folder}; a gate makes it with its first decision")
