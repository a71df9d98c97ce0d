"""`gatekeeper erasure`: what the commands about requests for erasure take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gatekeeper.cli.options import POLICY, AsJson, Config

erasure = typer.Typer(help="Requests of persons to delete their data.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(metavar="ID", help="Id of a request, such as er_….")]
Reason = Annotated[str, typer.Option(help="Why.")]


@erasure.command("request")
def erasure_request(
    config: Config = POLICY,
    user_id: Annotated[str | None, typer.Option(help="User id; - asks for it.")] = None,
    email: Annotated[str | None, typer.Option(help="E-mail address, or its SHA-256; - asks for it.")] = None,
    phone: Annotated[str | None, typer.Option(help="Telephone number, or its SHA-256; - asks for it.")] = None,
    client_id: Annotated[str | None, typer.Option(help="Client id of a browser.")] = None,
    consent_id: Annotated[str | None, typer.Option(help="Consent id, of our cookie or of a platform.")] = None,
    external_id: Annotated[str | None, typer.Option(help="Customer id, or its SHA-256.")] = None,
    session_id: Annotated[str | None, typer.Option(help="A session's id.")] = None,
    browser_id: Annotated[str | None, typer.Option(help="A vendor's browser id, such as _fbp.")] = None,
    click_id: Annotated[str | None, typer.Option(help="A click id, such as gclid.")] = None,
    order_id: Annotated[str | None, typer.Option(help="An order's id.")] = None,
    link: Annotated[list[str] | None, typer.Option(help="A linked identifier that is this person's, too.")] = None,
    law: Annotated[
        str | None, typer.Option(help="Law that counts; the strictest of the person's lines if absent.")
    ] = None,
    verified_by: Annotated[
        str | None, typer.Option(help="How it is known that who asks is the person, such as login.")
    ] = None,
    received: Annotated[str | None, typer.Option(help="Day on which it came in, if not today.")] = None,
    dry: Annotated[bool, typer.Option("--dry-run", help="Only say what there is.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take a request in: search every store, offer linked identifiers, and work out the term."""
    from gatekeeper.cli.erasure import request

    given = {
        "user_id": user_id, "email": email, "phone": phone, "client_id": client_id, "consent_id": consent_id,
        "external_id": external_id, "session_id": session_id, "browser_id": browser_id, "click_id": click_id,
        "order_id": order_id,
    }  # fmt: skip
    request(config, given, link or [], law, verified_by, received, dry, as_json)


@erasure.command("verify")
def erasure_verify(
    id: Id,  # noqa: A002  # the argument's name in messages
    how: Annotated[str, typer.Option(help="How it is known that who asks is the person.")],
    config: Config = POLICY,
    as_json: AsJson = False,
) -> None:
    """Say how it is known that who asks is the person."""
    from gatekeeper.cli.erasure import ME, act

    act(config, as_json, lambda erasures: erasures.verify(id, by=ME, how=how))


@erasure.command("approve")
def erasure_approve(id: Id, config: Config = POLICY, as_json: AsJson = False) -> None:  # noqa: A002  # as above
    """Have a request carried out: by the running gate, or by `erasure run`."""
    from gatekeeper.cli.erasure import ME, act

    act(config, as_json, lambda erasures: erasures.approve(id, by=ME))


@erasure.command("refuse")
def erasure_refuse(
    id: Id,  # noqa: A002  # as above
    reason: Reason,
    config: Config = POLICY,
    as_json: AsJson = False,
) -> None:
    """Do not carry a request out, for one of the reasons that laws know."""
    from gatekeeper.cli.erasure import ME, act

    act(config, as_json, lambda erasures: erasures.refuse(id, by=ME, reason=reason))


@erasure.command("extend")
def erasure_extend(
    id: Id,  # noqa: A002  # as above
    reason: Reason,
    config: Config = POLICY,
    as_json: AsJson = False,
) -> None:
    """Take the law's longer term, with the reason that the person is told."""
    from gatekeeper.cli.erasure import ME, act

    act(config, as_json, lambda erasures: erasures.extend(id, by=ME, reason=reason))


@erasure.command("show")
def erasure_show(id: Id, config: Config = POLICY, as_json: AsJson = False) -> None:  # noqa: A002  # as above
    """Print a request: states, counts and days, never who it is (exit code 3 if there is none)."""
    from gatekeeper.cli.erasure import act

    act(config, as_json, lambda erasures: erasures.show(id))


@erasure.command("list")
def erasure_list(
    config: Config = POLICY,
    state: Annotated[str | None, typer.Option(help="Only requests in this state.")] = None,
    due_before: Annotated[str | None, typer.Option(help="Only those that are due before this day.")] = None,
    as_json: AsJson = False,
) -> None:
    """List requests, those that are due first at the beginning."""
    from gatekeeper.cli.erasure import show_all

    show_all(config, state, due_before, as_json)


@erasure.command("run")
def erasure_run(
    id: Annotated[str | None, typer.Argument(metavar="ID", help="Only this one.")] = None,  # noqa: A002  # as above
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
    evidence: Annotated[str | None, typer.Option(help="What shows it, such as a ticket.")] = None,
    reason: Annotated[str | None, typer.Option(help="With not_possible: why.")] = None,
    config: Config = POLICY,
    as_json: AsJson = False,
) -> None:
    """Write down what became of a destination that people asked."""
    from gatekeeper.cli.erasure import ME, act

    act(
        config, as_json,
        lambda erasures: erasures.settle(id, destination, by=ME, state=state, evidence=evidence, reason=reason),
    )  # fmt: skip


@erasure.command("task")
def erasure_task(
    id: Id,  # noqa: A002  # as above
    destination: Annotated[str, typer.Argument(help="Name of the destination.")],
    config: Config = POLICY,
) -> None:
    """Print what people have to do about a destination, with the text to send. It holds identifiers."""
    from gatekeeper.cli.erasure import task

    task(config, id, destination)


@erasure.command("letter")
def erasure_letter(id: Id, config: Config = POLICY) -> None:  # noqa: A002  # as above
    """Print what the person is told, as it is now."""
    from gatekeeper.cli.erasure import letter

    letter(config, id)


@erasure.command("told")
def erasure_told(id: Id, config: Config = POLICY, as_json: AsJson = False) -> None:  # noqa: A002  # as above
    """Write down that the person was told what `letter` says."""
    from gatekeeper.cli.erasure import ME, act

    act(config, as_json, lambda erasures: erasures.told(id, by=ME))


@erasure.command("receipt")
def erasure_receipt(
    id: Annotated[str | None, typer.Argument(metavar="ID", help="Id of a request.")] = None,  # noqa: A002  # as above
    person: Annotated[bool, typer.Option("--person", help="The person's own copy, with the salt.")] = False,
    check: Annotated[Path | None, typer.Option(help="Check a receipt from this file instead.")] = None,
    config: Config = POLICY,
) -> None:
    """Print the signed receipt, which names nobody; or check one."""
    from gatekeeper.cli.erasure import receipt

    receipt(config, id, person, check)


@erasure.command("replay")
def erasure_replay(
    config: Config = POLICY,
    file: Annotated[Path | None, typer.Option(help="Another copy of the policy's rights.erasures.")] = None,
    as_json: AsJson = False,
) -> None:
    """Erase again whoever was erased before, after a backup was restored. Stop the gates first."""
    from gatekeeper.cli.erasure import replay

    replay(config, file, as_json)
