"""The command line: what each command takes. What it does is in the file of its name; groups are in `commands/`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gatekeeper._version import __version__
from gatekeeper.cli.commands.audit import audit
from gatekeeper.cli.commands.consent import consent
from gatekeeper.cli.commands.dead_letter import dead_letter
from gatekeeper.cli.commands.erasure import erasure
from gatekeeper.cli.commands.geoip import geoip
from gatekeeper.cli.commands.keys import keys
from gatekeeper.cli.commands.replay import replay
from gatekeeper.cli.commands.report import report
from gatekeeper.cli.commands.running import outbound, retention
from gatekeeper.cli.commands.self_audit import self_audit
from gatekeeper.cli.commands.storage import node, storage
from gatekeeper.cli.commands.subject import subject
from gatekeeper.cli.commands.suppression import suppression
from gatekeeper.cli.options import POLICY, AsJson, Config, Country, Gpc, OneLaw, Query
from gatekeeper.cli.plain import PlainGroup

app = typer.Typer(
    name="gatekeeper",
    cls=PlainGroup,
    help="A consent gate between an application and every place its tracking data goes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(audit, name="audit")
app.add_typer(dead_letter, name="dead-letter")
app.add_typer(storage, name="storage")
app.add_typer(node, name="node")
app.add_typer(keys, name="keys")
app.add_typer(consent, name="consent")
app.add_typer(erasure, name="erasure")
app.add_typer(geoip, name="geoip")
app.add_typer(retention, name="retention")
app.add_typer(report, name="report")
app.add_typer(subject, name="subject")
app.add_typer(suppression, name="suppression")
app.add_typer(outbound, name="outbound")
app.command()(replay)
app.command("self-audit")(self_audit)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gatekeeper {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    extend: Annotated[
        str | None,
        typer.Option(
            "--extend",
            metavar="MODULE:NAME",
            help="A dict with your kinds, readers, dialects or store, such as shop_gate:EXTENSIONS.",
        ),
    ] = None,
) -> None:
    """Options of the command itself."""
    from gatekeeper.cli.policy import bring

    bring(extend)


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="File to write.")] = POLICY,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
    system: Annotated[
        bool,
        typer.Option(
            "--system", help="For a service: data in /var/lib/gatekeeper, and a systemd unit beside the policy."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write a commented policy to start from."""
    from gatekeeper.cli.init import run

    run(path, force, as_json, system)


@app.command()
def check(config: Config = POLICY, as_json: AsJson = False) -> None:
    """Check a policy: errors (exit code 1) and warnings such as a missing DPA (exit code 0)."""
    from gatekeeper.cli.check import run

    run(config, as_json)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the policy file, for editors."""
    from gatekeeper.cli.check import print_schema

    print_schema()


@app.command()
def openapi() -> None:
    """Print the contract of /gk/consent and /gk/admin as OpenAPI 3.1."""
    from gatekeeper.cli.openapi import text

    typer.echo(text(), nl=False)


@app.command()
def serve(
    config: Config = POLICY,
    host: Annotated[str | None, typer.Option(help="Address to listen on; the policy's by default.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port to listen on; the policy's by default, otherwise 8787.")
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Number of processes; they share one store and one log.")
    ] = 1,
    app_upstream: Annotated[
        str | None,
        typer.Option(help="The app behind the gate, such as http://127.0.0.1:8000; the policy's by default."),
    ] = None,
    upstream_proxy: Annotated[
        str | None,
        typer.Option(help="Forward proxy to vendors, such as http://proxy.internal:3128; the policy's by default."),
    ] = None,
    log_level: Annotated[
        str, typer.Option(envvar="GATEKEEPER_LOG_LEVEL", help="debug (each decision), info, warning or error.")
    ] = "info",
    log_format: Annotated[
        str, typer.Option(envvar="GATEKEEPER_LOG_FORMAT", help="text, or json (one object a line).")
    ] = "text",
) -> None:
    """Run the sidecar until it is stopped. SIGHUP reads the policy again, SIGTERM drains."""
    from gatekeeper.cli.serve import run

    run(config, host, port, workers, app_upstream, upstream_proxy, log_level=log_level, log_format=log_format)


@app.command()
def explain(
    event: Annotated[str, typer.Argument(help="File with one event as JSON; - for standard input.")] = "-",
    config: Config = POLICY,
    cookie: Annotated[list[str] | None, typer.Option(help="A Cookie header, as a browser sends it.")] = None,
    header: Annotated[list[str] | None, typer.Option(help="Another header, as `Name: value`.")] = None,
    ip: Annotated[str | None, typer.Option(help="The visitor's address.")] = None,
    gpc: Gpc = False,
    country: Country = None,
    law: OneLaw = None,
    query: Query = "",
    as_json: AsJson = False,
) -> None:
    """Say what would happen to an event at each destination, rule by rule. Sends and records nothing."""
    from gatekeeper.cli.explain import run

    run(event, config, cookie or [], header or [], ip, gpc, as_json, country=country, law=law, query=query)


@app.command()
def cookie(
    analytics: Annotated[bool, typer.Option("--analytics", help="The visitor consents to analytics.")] = False,
    marketing: Annotated[bool, typer.Option("--marketing", help="The visitor consents to marketing.")] = False,
    notice: Annotated[str | None, typer.Option(help="The notice the visitor saw; the policy's by default.")] = None,
    subject: Annotated[str | None, typer.Option(help="A pseudonymous id of the visitor; random by default.")] = None,
    days: Annotated[float, typer.Option(min=0, max=36_500, help="The choice was made this many days ago.")] = 0.0,
    set_cookie: Annotated[bool, typer.Option("--set-cookie", help="Print a Set-Cookie header's value.")] = False,
    config: Config = POLICY,
    as_json: AsJson = False,
) -> None:
    """Print the consent cookie of a visitor with these choices, for curl, explain and tests; by default a refusal."""
    from gatekeeper.cli.cookie import run

    run(
        config, analytics=analytics, marketing=marketing, notice=notice, subject=subject, days=days,
        set_cookie=set_cookie, as_json=as_json,
    )  # fmt: skip


@app.command()
def signals(
    cookie: Annotated[list[str] | None, typer.Option(help="A Cookie header, as a browser sends it.")] = None,
    header: Annotated[list[str] | None, typer.Option(help="Another header, as `Name: value`.")] = None,
    query: Query = "",
    gpc: Gpc = False,
    country: Country = None,
    law: OneLaw = None,
    config: Config = POLICY,
    as_json: AsJson = False,
) -> None:
    """Show what is read from a request's cookies, headers and parameters, and the resulting consent in a place."""
    from gatekeeper.cli.signals import run

    run(cookie or [], header or [], query, config, as_json, country=country, law=law, gpc=gpc)


@app.command()
def test(
    config: Config = POLICY,
    as_json: AsJson = False,
    from_audit: Annotated[
        bool, typer.Option("--from-audit", help="Print test cases made from the log, as TOML.")
    ] = False,
    since: Annotated[str | None, typer.Option(help="With --from-audit: lines from this time on, such as 7d.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="With --from-audit: print at most this many cases.")] = 20,
) -> None:
    """Run the policy's own test cases (exit code 1 if one fails), and list outcomes that no case expects."""
    from gatekeeper.cli.test import from_audit as write_cases
    from gatekeeper.cli.test import run

    if from_audit:
        write_cases(config, since, limit)
    else:
        run(config, as_json)


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Show the four purchases and stop.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port of the gate; 0 for any free one.")] = 8787,
    history: Annotated[
        bool | None,
        typer.Option(help="Whether to make up an hour of visitors; by default only without --once."),
    ] = None,
    minutes: Annotated[
        int, typer.Option(min=5, max=1_440, help="How many minutes before the start the made-up visitors begin.")
    ] = 60,
    seed: Annotated[int, typer.Option(help="The same number makes up the same visitors.")] = 2026,
) -> None:
    """Run a shop behind the gate, with simulators of its vendors and its console, on loopback."""
    from gatekeeper.cli.demo import run

    made_up = not once if history is None else history
    run(once, port, minutes if made_up else 0, seed)


@app.command()
def bench(
    scenarios: Annotated[list[str] | None, typer.Argument(help="Only these scenarios; all by default.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for bench.json, bench.html and bench.png.")] = Path(),
    compare: Annotated[Path | None, typer.Option(help="An older bench.json, to show what changed.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Measure for under two minutes, with less precision.")] = False,
    soak: Annotated[float, typer.Option(min=0.0, help="Also run this many minutes of load, and watch memory.")] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Measure what the gate costs on this machine, beside alternatives (exit code 130: interrupted)."""
    from gatekeeper.cli.bench import run

    run(scenarios or [], out, compare, quick, soak, as_json)
