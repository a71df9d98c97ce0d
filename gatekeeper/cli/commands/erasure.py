"""`gatekeeper erasure`: what the commands about requests for erasure take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gatekeeper.cli.options import POLICY, AsJson, Config

erasure = typer.Typer(help="Requests of persons to delete their data.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(metavar="ID", help="Id of a request, such as er_….")]
Reason = Annotated[str, typer.Option(help="Why.")]


@erasure.command("verify")
def erasure_verify(
    id: Id,  # noqa: A002  # the argument's name in messages
    how: Annotated[str, typer.Option(help="How it is known that the request is the person's own.")],
    config: Config = POLICY,
    as_json: AsJson = False,
) -> None:
    """Say how it is known that who asks is the person."""
    from gatekeeper.cli.erasure import act

    act(config, as_json, "verify", id, lambda erasures, me: erasures.verify(id, by=me, how=how))


@erasure.command("approve")
def erasure_approve(id: Id, config: Config = POLICY, as_json: AsJson = False) -> None:  # noqa: A002  # as above
    """Have a request carried out: by the running gate, or by `erasure run`."""
    from gatekeeper.cli.erasure import act

    act(config, as_json, "approve", id, lambda erasures, me: erasures.approve(id, by=me))


@erasure.command("refuse")
def erasure_refuse(
    id: Id,  # noqa: A002  # as above
    reason: Reason,
    config: Config = POLICY,
    as_json: AsJson = False,
) -> None:
    """Do not carry a request out, for one of the reasons that laws know."""
    from gatekeeper.cli.erasure import act

    act(config, as_json, "refuse", id, lambda erasures, me: erasures.refuse(id, by=me, reason=reason))


@erasure.command("extend")
def erasure_extend(
    id: Id,  # noqa: A002  # as above
    reason: Reason,
    config: Config = POLICY,
    as_json: AsJson = False,
) -> None:
    """Take the law's longer term, with the reason that the person is told."""
    from gatekeeper.cli.erasure import act

    act(config, as_json, "extend", id, lambda erasures, me: erasures.extend(id, by=me, reason=reason))


@erasure.command("show")
def erasure_show(id: Id, config: Config = POLICY, as_json: AsJson = False) -> None:  # noqa: A002  # as above
    """Print a request: states, counts and days, never who it is (exit code 3 if there is none)."""
    from gatekeeper.cli.erasure import act

    act(config, as_json, "show", id, lambda erasures, me: erasures.show(id))


@erasure.command("list")
def erasure_list(
    config: Config = POLICY,
    state: Annotated[str | None, typer.Option(help="Only requests in this state.")] = None,
    due_before: Annotated[str | None, typer.Option(help="Only requests due before this day.")] = None,
    as_json: AsJson = False,
) -> None:
    """List requests, those that are due first at the beginning."""
    from gatekeeper.cli.erasure import show_all

    show_all(config, state, due_before, as_json)


@erasure.command("run")
def erasure_run(
    id: Annotated[str | None, typer.Argument(metavar="ID", help="Only this request.")] = None,  # noqa: A002  # as above
    config: Config = POLICY,
    as_json: AsJson = False,
) -> None:
    """Go on with what is due: what a running gate does every two seconds."""
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
    """Write down what became of a destination that people asked."""
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
    """Print what people have to do about a destination, with the text to send. It holds identifiers."""
    from gatekeeper.cli.erasure import task

    task(config, id, destination, as_json)


@erasure.command("letter")
def erasure_letter(id: Id, config: Config = POLICY, as_json: AsJson = False) -> None:  # noqa: A002  # as above
    """Print what the person is told, as it is now."""
    from gatekeeper.cli.erasure import letter

    letter(config, id, as_json)


@erasure.command("told")
def erasure_told(id: Id, config: Config = POLICY, as_json: AsJson = False) -> None:  # noqa: A002  # as above
    """Write down that the person was told what `letter` says."""
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
