"""`gatekeeper storage` and `gatekeeper node`: what the commands about a store on a server take."""

from __future__ import annotations

from typing import Annotated

import typer

from gatekeeper.cli.options import POLICY, AsJson, Config

storage = typer.Typer(help="Prepare or move the store of ledger and outbox.", no_args_is_help=True)
node = typer.Typer(help="List and remove machines that share a store.", no_args_is_help=True)


@storage.command("prepare")
def storage_prepare(
    config: Config = POLICY,
    url: Annotated[
        str | None, typer.Option(envvar="GATEKEEPER_OWNER_URL", help="Connect as a role that may create tables.")
    ] = None,
    role: Annotated[str | None, typer.Option(help="The role of the gate; it gets the rights that it needs.")] = None,
    only_print: Annotated[bool, typer.Option("--print", help="Print the SQL and run nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make the tables in PostgreSQL, or bring them up to date; of SQLite, make the file."""
    from gatekeeper.cli.storage import prepare

    prepare(config, url, role, only_print=only_print, as_json=as_json)


@storage.command("move")
def storage_move(
    source: Annotated[str, typer.Argument(help="The file, such as sqlite:///var/gatekeeper.db.")],
    config: Config = POLICY,
    as_json: AsJson = False,
) -> None:
    """Move ledger, queue and all else from a file into the policy's PostgreSQL. Stop the gate first."""
    from gatekeeper.cli.storage import move

    move(source, config, as_json)


@node.command("list")
def node_list(config: Config = POLICY, as_json: AsJson = False) -> None:
    """List the machines: their lease, whether they know all withdrawals, and their log."""
    from gatekeeper.cli.storage import list_nodes

    list_nodes(config, as_json)


@node.command("remove")
def node_remove(
    log: Annotated[str, typer.Argument(help="The log's name, as `node list` shows it.")],
    config: Config = POLICY,
    destroyed: Annotated[
        bool, typer.Option("--destroyed", help="Its log is lost, and no longer expected anywhere.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Remove a machine that will not come back (exit code 3 if there is none of that name)."""
    from gatekeeper.cli.storage import remove_node

    remove_node(log, config, destroyed=destroyed, as_json=as_json)
