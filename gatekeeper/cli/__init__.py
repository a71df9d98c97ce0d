"""The command line: what each command takes. What it does is in the file of its name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gatekeeper._version import __version__
from gatekeeper.cli.people import about_people

app = typer.Typer(
    name="gatekeeper",
    help="A consent gate between an application and every place its tracking data goes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
audit = typer.Typer(help="Read the audit log.", no_args_is_help=True)
dead_letter = typer.Typer(help="Events that could not be delivered.", no_args_is_help=True)
keys = typer.Typer(help="The key folder.", no_args_is_help=True)
geoip = typer.Typer(help="The location database.", no_args_is_help=True)
retention = typer.Typer(help="What may not be kept for ever.", no_args_is_help=True)
outbound = typer.Typer(help="What the app's own HTTP clients call.", no_args_is_help=True)
report = typer.Typer(help="Documents that follow from the policy.", no_args_is_help=True)
app.add_typer(audit, name="audit")
app.add_typer(dead_letter, name="dead-letter")
app.add_typer(keys, name="keys")
app.add_typer(geoip, name="geoip")
app.add_typer(retention, name="retention")
app.add_typer(report, name="report")
app.add_typer(outbound, name="outbound")

Config = Annotated[Path, typer.Option("--config", "-c", help="The policy file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
POLICY = Path("gatekeeper.toml")


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
            help="A dict of your own with kinds, readers, dialects or a store, such as shop_gate:EXTENSIONS.",
        ),
    ] = None,
) -> None:
    """Options of the command itself."""
    from gatekeeper.cli.policy import bring

    bring(extend)


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="Where to write it.")] = POLICY,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
) -> None:
    """Write a commented policy to start from."""
    from gatekeeper.cli.init import run

    run(path, force)


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
def serve(
    config: Config = POLICY,
    host: Annotated[str | None, typer.Option(help="Address to listen on; the policy's if not given.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; the policy's, else 8787.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="How many processes serve; one store, one log.")] = 1,
    app_upstream: Annotated[
        str | None, typer.Option(help="The app to stand in front of, such as http://127.0.0.1:8000; else the policy's.")
    ] = None,
    log_level: Annotated[
        str, typer.Option(envvar="GATEKEEPER_LOG_LEVEL", help="debug (each decision), info, warning or error.")
    ] = "info",
    log_format: Annotated[
        str, typer.Option(envvar="GATEKEEPER_LOG_FORMAT", help="text, or json: one object a line.")
    ] = "text",
) -> None:
    """Run the sidecar until it is stopped. SIGHUP reads the policy again, SIGTERM drains."""
    from gatekeeper.cli.serve import run

    run(config, host, port, workers, app_upstream, log_level=log_level, log_format=log_format)


@app.command()
def explain(
    event: Annotated[str, typer.Argument(help="File with one event as JSON; - for standard input.")] = "-",
    config: Config = POLICY,
    cookie: Annotated[list[str] | None, typer.Option(help="A Cookie header, as a browser sends it.")] = None,
    header: Annotated[list[str] | None, typer.Option(help="Another header, as `Name: value`.")] = None,
    ip: Annotated[str | None, typer.Option(help="The visitor's address.")] = None,
    gpc: Annotated[bool, typer.Option("--gpc", help="As if the browser sent Sec-GPC: 1.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what would happen to an event at each destination, rule by rule. Sends and records nothing."""
    from gatekeeper.cli.explain import run

    run(event, config, cookie or [], header or [], ip, gpc, as_json)


@app.command()
def signals(
    cookie: Annotated[list[str] | None, typer.Option(help="A Cookie header, as a browser sends it.")] = None,
    header: Annotated[list[str] | None, typer.Option(help="Another header, as `Name: value`.")] = None,
    query: Annotated[str, typer.Option(help="A query string with gdpr_consent, gpp, us_privacy, gcs, …")] = "",
    country: Annotated[
        str | None, typer.Option(help="The visitor's place, such as DE or US-CA; the strictest law if not given.")
    ] = None,
    law: Annotated[str | None, typer.Option(help="Under this law alone, such as ccpa.")] = None,
    config: Config = POLICY,
    as_json: AsJson = False,
) -> None:
    """Show what each reader makes of a request's cookies, headers and parameters, and what a place makes of that."""
    from gatekeeper.cli.signals import run

    run(cookie or [], header or [], query, config, as_json, country=country, law=law)


@app.command()
def test(config: Config = POLICY, as_json: AsJson = False) -> None:
    """Run the policy's own test cases (exit code 1 if one fails)."""
    from gatekeeper.cli.test import run

    run(config, as_json)


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Walk through the purchases and stop.")] = False,
    port: Annotated[int, typer.Option(help="Port of the gate; 0 for any free one.")] = 8787,
) -> None:
    """Run a shop behind the gate with vendor simulators on loopback: four purchases here, more in the browser."""
    from gatekeeper.cli.demo import run

    run(once, port)


@app.command()
def bench(
    scenarios: Annotated[list[str] | None, typer.Argument(help="Only these scenarios; all if none is named.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for bench.json, bench.html and bench.png.")] = Path(),
    compare: Annotated[Path | None, typer.Option(help="An older bench.json: what changed since.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Under two minutes; rougher.")] = False,
    soak: Annotated[float, typer.Option(min=0.0, help="Also: so many minutes of load, and what memory does.")] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Measure what the gate costs here, beside what people would use instead (exit code 130: interrupted)."""
    from gatekeeper.cli.bench import run

    run(scenarios or [], out, compare, quick, soak, as_json)


@audit.command("tail")
def audit_tail(
    config: Config = POLICY,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")] = 10,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines.")] = False,
    destination: Annotated[str | None, typer.Option("--destination", "-d", help="Only this destination.")] = None,
    status: Annotated[str | None, typer.Option(help="Only this status: delivered, blocked, failed, …")] = None,
    reason: Annotated[str | None, typer.Option(help="Only this reason code.")] = None,
    event: Annotated[str | None, typer.Option(help="Only decisions on this event.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only this kind of line: decision, outcome, checkpoint, …")] = None,
    as_json: AsJson = False,
) -> None:
    """Print the last lines of the log, in colour; filters narrow them."""
    from gatekeeper.cli.audit import Only, tail

    tail(config, lines, follow, as_json, Only(destination, status, reason, event, kind))


@audit.command("show")
def audit_show(request_id: str, config: Config = POLICY, as_json: AsJson = False) -> None:
    """Print one record and its trail in words: what was said, which law, what became of it (exit code 3 if none)."""
    from gatekeeper.cli.audit import show

    show(request_id, config, as_json)


@audit.command("verify")
def audit_verify(
    config: Config = POLICY,
    folder: Annotated[Path | None, typer.Option(help="Another folder than the policy's, such as a copy.")] = None,
    anchor: Annotated[list[Path] | None, typer.Option(help="A file of checkpoints that were kept elsewhere.")] = None,
    trust: Annotated[list[str] | None, typer.Option(help="Id of a key that you know from elsewhere.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check that nothing in the log was changed (exit code 1 if something was, 3 if there is no log)."""
    from gatekeeper.cli.verify import run

    run(config, folder, anchor or [], trust or [], as_json)


@retention.command("run")
def retention_run(
    config: Config = POLICY,
    dry: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove personal references from the log that are older than the policy's retention.personal_references."""
    from gatekeeper.cli.retention import run

    run(config, dry, as_json)


@outbound.command("hosts")
def outbound_hosts(
    config: Config = POLICY,
    url: Annotated[
        str | None, typer.Option(help="Where the app with the gate answers; the policy's server if not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the hosts that a running app called and no table knows, the most called first (exit code 1 if none)."""
    from gatekeeper.cli.outbound import hosts

    hosts(config, url, as_json)


Destination = Annotated[str | None, typer.Option("--destination", "-d", help="Only those of this destination.")]
Ids = Annotated[list[int] | None, typer.Argument(help="Ids as `list` shows them; all if none is given.")]


@dead_letter.command("list")
def dead_letter_list(config: Config = POLICY, destination: Destination = None, as_json: AsJson = False) -> None:
    """List the newest dead letters with the reason; never what is in them."""
    from gatekeeper.cli.dead_letter import show

    show(config, destination, as_json)


@dead_letter.command("retry")
def dead_letter_retry(
    ids: Ids = None, config: Config = POLICY, destination: Destination = None, as_json: AsJson = False
) -> None:
    """Queue dead letters again (exit code 3 if there is none)."""
    from gatekeeper.cli.dead_letter import retry

    retry(ids or [], config, destination, as_json)


@dead_letter.command("purge")
def dead_letter_purge(
    ids: Ids = None, config: Config = POLICY, destination: Destination = None, as_json: AsJson = False
) -> None:
    """Delete dead letters for good (exit code 3 if there is none)."""
    from gatekeeper.cli.dead_letter import purge

    purge(ids or [], config, destination, as_json)


Since = Annotated[str | None, typer.Option(help="From this time on: 2026-11-24, an RFC 3339 time, or 7d.")]
Until = Annotated[str | None, typer.Option(help="Before this time.")]
Status = Annotated[str | None, typer.Option(help="With this status: delivered, blocked, failed, pending, cancelled.")]
Reason = Annotated[str | None, typer.Option(help="With this reason code.")]
Law = Annotated[str | None, typer.Option(help="Under this law, by its id.")]
EventName = Annotated[str | None, typer.Option(help="Of this event.")]
Country = Annotated[str | None, typer.Option(help="Decided for this country.")]
Sent = Annotated[str | None, typer.Option(help="In which this field was sent.")]
Stripped = Annotated[str | None, typer.Option(help="From which this field was stripped.")]
People = dict[str, str | None]


@audit.command("query")
@about_people
def audit_query(
    config: Config = POLICY,
    since: Since = None,
    until: Until = None,
    destination: Destination = None,
    status: Status = None,
    reason: Reason = None,
    law: Law = None,
    event: EventName = None,
    country: Country = None,
    sent: Sent = None,
    stripped: Stripped = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many, the newest first.")] = 100,
    form: Annotated[str, typer.Option("--format", help="table, json or csv.")] = "table",
    as_json: AsJson = False,
    *,
    people: People,
) -> None:
    """Find deliveries by time, destination, status, reason, law, event, field or person."""
    from gatekeeper.cli.audit_query import query

    words = {
        "since": since, "until": until, "destination": destination, "status": status, "reason": reason, "law": law,
        "event": event, "country": country, "sent": sent, "stripped": stripped,
    }  # fmt: skip
    query(config, words, people, limit, "json" if as_json else form)


@audit.command("export")
@about_people
def audit_export(
    target: Annotated[Path, typer.Argument(help="File to write: .csv, .json or .parquet.")],
    config: Config = POLICY,
    since: Since = None,
    until: Until = None,
    destination: Destination = None,
    status: Status = None,
    reason: Reason = None,
    law: Law = None,
    event: EventName = None,
    country: Country = None,
    sent: Sent = None,
    stripped: Stripped = None,
    *,
    people: People,
) -> None:
    """Write deliveries to a CSV, JSON or Parquet file."""
    from gatekeeper.cli.audit_query import export

    words = {
        "since": since, "until": until, "destination": destination, "status": status, "reason": reason, "law": law,
        "event": event, "country": country, "sent": sent, "stripped": stripped,
    }  # fmt: skip
    export(config, words, people, target)


@audit.command("stats")
@about_people
def audit_stats(
    config: Config = POLICY,
    since: Since = None,
    until: Until = None,
    destination: Destination = None,
    law: Law = None,
    event: EventName = None,
    country: Country = None,
    by: Annotated[str, typer.Option(help="hour, day, week or month.")] = "day",
    html: Annotated[Path | None, typer.Option(help="Write a page with charts there, too.")] = None,
    as_json: AsJson = False,
    *,
    people: People,
) -> None:
    """Draw consent rates and blocked reasons over time."""
    from gatekeeper.cli.audit_query import stats

    words = {
        "since": since, "until": until, "destination": destination, "law": law, "event": event, "country": country,
    }  # fmt: skip
    stats(config, words, people, by, html, as_json)


@keys.command("list")
def keys_list(config: Config = POLICY, as_json: AsJson = False) -> None:
    """List the keys by id; never their values."""
    from gatekeeper.cli.keys import show

    show(config, as_json)


@keys.command("rotate")
def keys_rotate(
    kind: Annotated[str, typer.Argument(help="signing, pseudonym or audit")] = "signing", config: Config = POLICY
) -> None:
    """Add a new key; the older ones go on verifying. The log's old key introduces the new one and is destroyed."""
    from gatekeeper.cli.keys import rotate

    rotate(kind, config)


@geoip.command("info")
def geoip_info(config: Config = POLICY, as_json: AsJson = False) -> None:
    """Show source, age and licence of the location database (exit code 1 if it cannot be used)."""
    from gatekeeper.cli.geoip import info

    info(config, as_json)


@geoip.command("update")
def geoip_update(
    path: Annotated[Path | None, typer.Option(help="Where to put it; the policy's jurisdiction.database.")] = None,
    edition: Annotated[str, typer.Option(help="dbip-city-lite, dbip-country-lite, or a MaxMind edition.")] = (
        "dbip-city-lite"
    ),
    account: Annotated[str | None, typer.Option(envvar="MAXMIND_ACCOUNT_ID", help="MaxMind account id.")] = None,
    key: Annotated[
        str | None, typer.Option(envvar="MAXMIND_LICENSE_KEY", help="MaxMind licence key.", show_envvar=True)
    ] = None,
    config: Config = POLICY,
) -> None:
    """Fetch a newer location database and swap it in; running processes pick it up."""
    from gatekeeper.cli.geoip import update

    update(path, edition, account, key, config)


@report.command("matrix")
def report_matrix(
    config: Config = POLICY,
    on: Annotated[str | None, typer.Option("--on", help="As on this day, YYYY-MM-DD; today if absent.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print what each law makes of each destination under this policy."""
    from gatekeeper.cli.report import matrix

    matrix(config, on, as_json)
