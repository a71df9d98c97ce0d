"""`gatekeeper erasure`: what the commands about requests for erasure take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gatekeeper.cli.options import POLICY, AsJson, Config

erasure = typer.Typer(help="Handle requests of persons to delete their data.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(metavar="ID", help="Id of a request, such as er_….")]
Reason = Annotated[str, typer.Option(help="identity_unverified, not_controller, or another of docs/erasure.md.")]


@erasure.command("verify")
def erasure_verify(
    id: Id,  # noqa: A002  # the argument's name in messages
    how: Annotated[str, typer.Option(help="How it is known that the request is the person's own.")],
    config: Config = POLICY,
    as_json: AsJson = False,
) -> None:
    """Record how it is known that the request is the person's own."""
    from gatekeeper.cli.erasure import act

    act(config, as_json, "verify", id, lambda erasures, me: erasures.verify(id, by=me, how=how))


@erasure.command("approve")
def erasure_approve(id: Id, config: Config = POLICY, as_json: AsJson = False) -> None:  # noqa: A002  # as above
    """Approve a request; the running gate or `erasure run` carries it out."""
    from gatekeeper.cli.erasure import act

    act(config, as_json, "approve", id, lambda erasures, me: erasures.approve(id, by=me))


@erasure.command("refuse")
def erasure_refuse(
    id: Id,  # noqa: A002  # as above
    reason: Reason,
    config: Config = POLICY,
    as_json: AsJson = False,
) -> None:
    """Refuse a request, for one of the reasons that laws allow."""
    from gatekeeper.cli.erasure import act

    act(config, as_json, "refuse", id, lambda erasures, me: erasures.refuse(id, by=me, reason=reason))


@erasure.command("extend")
def erasure_extend(
    id: Id,  # noqa: A002  # as above
    reason: Annotated[str, typer.Option(help="Why the law's longer term is needed, in words for the person.")],
    config: Config = POLICY,
    as_json: AsJson = False,
) -> None:
    """Extend the term as the law allows, with the reason that the person is told."""
    from gatekeeper.cli.erasure import act

    act(config, as_json, "extend", id, lambda erasures, me: erasures.extend(id, by=me, reason=reason))


@erasure.command("show")
def erasure_show(id: Id, config: Config = POLICY, as_json: AsJson = False) -> None:  # noqa: A002  # as above
    """Print a request: states, counts and days, never the person (exit code 3 if there is none)."""
    from gatekeeper.cli.erasure import act

    act(config, as_json, "show", id, lambda erasures, me: erasures.show(id))


@erasure.command("list")
def erasure_list(
    config: Config = POLICY,
    state: Annotated[str | None, typer.Option(help="Only requests in this state.")] = None,
    due_before: Annotated[str | None, typer.Option(help="Only requests due before this day.")] = None,
    as_json: AsJson = False,
) -> None:
    """List requests, the earliest due first."""
    from gatekeeper.cli.erasure import show_all

    show_all(config, state, due_before, as_json)


@erasure.command("run")
def erasure_run(
    id: Annotated[str | None, typer.Argument(metavar="ID", help="Only this request.")] = None,  # noqa: A002  # as above
    config: Config = POLICY,
    as_json: AsJson = False,
) -> None:
    """Carry out the steps that are due, as a running gate does every two seconds."""
    from gatekeeper.cli.erasure import run

    run(config, id, as_json)


@erasure.command("settle")
def erasure_settle(
    id: Id,  # noqa: A002  # as above
    destination: Annotated[str, typer.Argument(help="Name of the destination.")],
    state: Annotated[str, typer.Option(help="confirmed, accepted, audience_removed or not_possible.")],
    evidence: Annotated[str | None, typer.Option(help="A reference to the proof, such as a ticket.")] = None,
    reason: Annotated[str | None, typer.Option(help="With not_possible: the reason.")] = None,
    config: Config = POLICY,
    as_json: AsJson = False,
) -> None:
    """Record the result of a destination that a person had to ask."""
    from gatekeeper.cli.erasure import act

    act(
        config,
        as_json,
        "settle",
        id,
        lambda erasures, me: erasures.settle(id, destination, by=me, state=state, evidence=evidence, reason=reason),
    )  # fmt: skip


@erasure.command("task")
def erasure_task(
    id: Id,  # noqa: A002  # as above
    destination: Annotated[str, typer.Argument(help="Name of the destination.")],
    config: Config = POLICY,
    as_json: AsJson = False,
) -> None:
    """Print the task for a destination that a person has to ask, with the text to send. It holds identifiers."""
    from gatekeeper.cli.erasure import task

    task(config, id, destination, as_json)


@erasure.command("letter")
def erasure_letter(id: Id, config: Config = POLICY, as_json: AsJson = False) -> None:  # noqa: A002  # as above
    """Print the letter to the person, in its current state."""
    from gatekeeper.cli.erasure import letter

    letter(config, id, as_json)


@erasure.command("told")
def erasure_told(id: Id, config: Config = POLICY, as_json: AsJson = False) -> None:  # noqa: A002  # as above
    """Record that the person got the letter."""
    from gatekeeper.cli.erasure import act

    act(config, as_json, "told", id, lambda erasures, me: erasures.told(id, by=me))


@erasure.command("receipt")
def erasure_receipt(
    id: Annotated[str | None, typer.Argument(metavar="ID", help="Id of a request.")] = None,  # noqa: A002  # as above
    person: Annotated[bool, typer.Option("--person", help="The person's own copy, with the salt.")] = False,
    check: Annotated[Path | None, typer.Option(help="Check a receipt from this file instead.")] = None,
    config: Config = POLICY,
) -> None:
    """Print the signed receipt, which holds no identifier; or check one."""
    from gatekeeper.cli.erasure import receipt

    receipt(config, id, person, check)


@erasure.command("replay")
def erasure_replay(
    config: Config = POLICY,
    file: Annotated[Path | None, typer.Option(help="Another copy of the policy's rights.erasures.")] = None,
    as_json: AsJson = False,
) -> None:
    """Erase all erased persons again, after a backup was restored. Stop the gates first."""
    from gatekeeper.cli.erasure import replay

    replay(config, file, as_json)
