"""Help and messages in plain words: what the libraries underneath say of types and values is not shown."""

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


_METAVARS: Final = (("bool", ""), ("Path", "PATH"), ("int", "NUMBER"), ("float", "NUMBER"), ("str", "TEXT"))
"""What help shows for a value, by the type's name; a flag takes none."""


class PlainGroup(TyperGroup):
    """The command, whose help and complaints about values are in plain words."""

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """Begin a run. Only now all options are there: the library adds some of its own last."""
        _name_values(self)
        return super().make_context(*args, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that is asked for."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = plain(error.message)
            raise


def _name_values(command: Any) -> None:
    """Give each option of a command and of those below it a metavar."""
    for option in (*command.params, command.get_help_option(command.context_class(command))):
        if option.param_type_name == "option" and option.metavar is None:
            shown = str(option.type) if not hasattr(option, "bare_type") else option.bare_type()
            option.metavar = "" if option.is_flag else next((ours for name, ours in _METAVARS if name in shown), None)
    for inner in getattr(command, "commands", {}).values():
        _name_values(inner)


def plain(message: str) -> str:
    """A complaint about a value in plain words."""
    for words, ours in _WORDS:
        message = words.sub(ours, message)
    return message
