"""The options by which a command asks about a person: one for each kind of identifier there is."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Final

import typer

from gatekeeper.audit.subjects import KINDS

PSEUDONYM: Final = "subject"
PEOPLE: Final = "people"  # the parameter of a command that gets them, by name
OPTIONS: Final = {kind.option: kind.help for kind in KINDS.values()} | {PSEUDONYM: "About this pseudonym."}


def about_people(command: Callable[..., None]) -> Callable[..., None]:
    """The command with those options; it gets them as a dictionary in `people`, `None` for those not given."""

    def run(**given: Any) -> None:
        people = {name: given.pop(name) for name in OPTIONS}
        command(**given, **{PEOPLE: people})

    own = inspect.signature(command, eval_str=True)
    made = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[str | None, typer.Option(help=text)],
        )
        for name, text in OPTIONS.items()
    ]
    rest = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for name, one in own.parameters.items() if name != PEOPLE]
    run.__signature__ = own.replace(parameters=[*rest, *made])  # type: ignore[attr-defined]  # functions have one
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    return run
