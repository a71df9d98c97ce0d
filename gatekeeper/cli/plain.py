"""Messages about wrong options in plain words: what the libraries underneath say of a value is not shown."""

from __future__ import annotations

import re
from typing import Any, Final

import typer
from typer.core import TyperGroup

# What pydantic, by which typer reads values, says of them; and what we say.
_WORDS: Final = (
    (re.compile(r"Input should be (?:less than or equal to|at most) (.+)"), r"it must be \1 or less"),
    (re.compile(r"Input should be (?:greater than or equal to|at least) (.+)"), r"it must be \1 or more"),
    (re.compile(r"Input should be less than (.+)"), r"it must be less than \1"),
    (re.compile(r"Input should be greater than (.+)"), r"it must be more than \1"),
    (re.compile(r"Input should be a valid integer.*"), "it is not a whole number"),
    (re.compile(r"Input should be a (?:valid|finite) number.*"), "it is not a number"),
    (re.compile(r"Input should be (.+)"), r"it must be \1"),
)


class PlainGroup(TyperGroup):
    """The command, whose complaints about values are in plain words."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that is asked for."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = plain(error.message)
            raise


def plain(message: str) -> str:
    """A complaint about a value in plain words."""
    for words, ours in _WORDS:
        message = words.sub(ours, message)
    return message
