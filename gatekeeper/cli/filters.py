"""The options by which a command chooses deliveries: what they were, and whom they were about."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from typing import Annotated, Any, Final

import typer

from gatekeeper.audit.asking import PSEUDONYM
from gatekeeper.audit.subjects import KINDS
from gatekeeper.cli.options import Destination

_PERIOD: Final = {
    "since": typer.Option(help="From this time on: 2026-11-24, an RFC 3339 time, or 7d."),
    "until": typer.Option(help="Before this time."),
}
_OUTCOME: Final = {
    "status": typer.Option(help="Only deliveries with this status: delivered, blocked, failed, pending, cancelled."),
    "reason": typer.Option(help="Only deliveries with this reason code."),
}
_SITUATION: Final = {
    "law": typer.Option(help="Only deliveries under this law, by its id."),
    "event": typer.Option(help="Only deliveries of this event."),
    "country": typer.Option(help="Only deliveries that were decided for this country."),
}
_FIELDS: Final = {
    "sent": typer.Option(help="Only deliveries that sent this field."),
    "stripped": typer.Option(help="Only deliveries from which this field was stripped."),
}
_WORDS: Final[dict[str, Any]] = {
    **{name: Annotated[str | None, option] for name, option in _PERIOD.items()},
    "destination": Destination,
    **{name: Annotated[str | None, option] for name, option in (_OUTCOME | _SITUATION | _FIELDS).items()},
}
GROUPABLE: Final = (*_PERIOD, "destination", *_SITUATION)  # what numbers over time can be narrowed by
EVERY: Final = tuple(_WORDS)

# One option for each kind of identifier.
_IDENTIFIERS: Final = {kind.option: kind.help for kind in KINDS.values()}
PEOPLE: Final = _IDENTIFIERS | {PSEUDONYM: "Only deliveries about this pseudonym."}
Words = dict[str, str | None]
_GIVEN: Final = ("words", "people")  # the parameters of a command that gets them, by name


def identified(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each kind of identifier, as `people`; `None` for one that was not given."""
    options = {name: Annotated[str | None, typer.Option(help=text)] for name, text in _IDENTIFIERS.items()}

    def run(**given: Any) -> None:
        people = {name: given.pop(name) for name in options}
        command(**given, people=people)

    return _with(command, run, options)


def filtered(names: Collection[str] = EVERY) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options `names` as a dictionary `words`, and those about a person as `people`.

    The value is `None` for an option that was not given.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        def run(**given: Any) -> None:
            words = {name: given.pop(name) for name in names}
            people = {name: given.pop(name) for name in PEOPLE}
            command(**given, words=words, people=people)

        options = {name: _WORDS[name] for name in names} | {
            name: Annotated[str | None, typer.Option(help=text)] for name, text in PEOPLE.items()
        }
        return _with(command, run, options)

    return decorate


def _with(command: Callable[..., None], run: Callable[..., None], options: dict[str, Any]) -> Callable[..., None]:
    """`run` with the signature of a command and its options."""
    own = inspect.signature(command, eval_str=True)
    parameters = [
        *(one.replace(kind=one.KEYWORD_ONLY) for name, one in own.parameters.items() if name not in _GIVEN),
        *(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
            for name, annotation in options.items()
        ),
    ]
    run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]  # functions have one
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    return run
