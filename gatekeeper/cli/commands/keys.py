"""`gatekeeper keys`: what the commands about the key folder take."""

from __future__ import annotations

from typing import Annotated

import typer

from gatekeeper.cli.options import POLICY, AsJson, Config

keys = typer.Typer(help="List and rotate keys.", no_args_is_help=True)


@keys.command("list")
def keys_list(config: Config = POLICY, as_json: AsJson = False) -> None:
    """List the keys by id, with the use that a gate of this policy makes of each; never their values."""
    from gatekeeper.cli.keys import show

    show(config, as_json)


@keys.command("rotate")
def keys_rotate(
    kind: Annotated[str, typer.Argument(help="signing, pseudonym, suppression, sealing or audit")] = "signing",
    config: Config = POLICY,
    as_json: AsJson = False,
) -> None:
    """Add a new key; the older ones still verify. The log's old key introduces the new one and is destroyed."""
    from gatekeeper.cli.keys import rotate

    rotate(kind, config, as_json)
