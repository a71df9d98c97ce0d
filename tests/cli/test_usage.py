"""Every command and option with bad values: one message, an exit code of the table, and never a traceback."""

import io
import json
import sys

import pytest
import typer.main

from gatekeeper.__main__ import main
from gatekeeper.cli import app
from gatekeeper.cli.plain import plain

POLICY = """
[policy]
version = "1"
controller = "Shop"
[destinations.ga4]
kind = "ga4"
measurement_id = "G-TEST"
api_secret = "clear-secret-of-a-test"
[destinations.own]
kind = "first_party"
endpoint = "http://127.0.0.1:9/in"
events = ["page_view"]
"""
BAD = ("-1", "99999", "none-of-them", "", "\u2713", "no/such/folder/file", "0x", "a..b")
CODES = {0, 1, 2, 3}
# Commands that run until they are stopped, or write where they are told to, get only values that they refuse.
LONG = {"serve": {"--port", "--workers", "--log-level", "--log-format"}, "demo": {"--port"}, "bench": set()}


def commands(group, path=()):
    """Every command with the words that call it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMAND = typer.main.get_command(app)  # made once: it takes longer than most of what is asked of it
EVERY = dict(commands(COMMAND))


def valued(command):
    """The options that take a value."""
    return [one for one in command.params if one.param_type_name == "option" and not one.is_flag]


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    """The command in this process, in a folder with a policy: exit code and what it printed."""
    (tmp_path / "gatekeeper.toml").write_text(POLICY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("gatekeeper.cli.app", COMMAND)

    def ran(*words, stdin="{}"):
        monkeypatch.setattr(sys, "argv", ["gatekeeper", *words])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        out = capfd.readouterr()
        return code, out.out + out.err

    return ran


CASES = [
    pytest.param(path, option.opts[0], id=" ".join((*path, option.opts[0])))
    for path, command in EVERY.items()
    for option in valued(command)
    if path[0] not in LONG or option.opts[0] in LONG[path[0]]
]


@pytest.mark.parametrize(("path", "option"), CASES)
def test_a_bad_value_of_an_option_is_one_message(run, path, option):
    """Whatever it is; nothing of the libraries underneath is shown."""
    argument = {"show": ("req_x",), "export": ("out.csv",), "explain": ("-",)}.get(path[-1], ())
    for value in BAD:
        code, said = run(*path, *argument, option, value)
        assert code in CODES, (value, said)
        assert "Traceback" not in said and "Input should" not in said and "errors.pydantic" not in said, (value, said)
        assert code == 0 or said.strip(), value


@pytest.mark.parametrize(
    "path", [path for path in EVERY if path[0] not in LONG and path != ("geoip", "update")], ids=" ".join
)
def test_a_policy_that_is_not_there_is_one_message(run, path):
    """For every command that reads one."""
    argument = {"show": ("req_x",), "export": ("out.csv",), "init": ("new.toml",)}.get(path[-1], ())
    config = ("--config", "none.toml") if any("--config" in one.opts for one in EVERY[path].params) else ()
    code, said = run(*path, *argument, *config)
    assert code in CODES and "Traceback" not in said


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_command_that_prints_can_print_json(path):
    """For scripts; those without print a document in a format of its own, or run until they are stopped."""
    without = {
        ("schema",),
        ("serve",),
        ("demo",),
        ("openapi",),
        ("consent", "show"),
        ("erasure", "receipt"),
        ("subject", "export"),
    }
    without |= {path for path in EVERY if path[0] == "report" and path[1] != "matrix"}  # they have --format
    has = any("--json" in one.opts for one in EVERY[path].params)
    assert has != (path in without)


@pytest.mark.parametrize(
    "words",
    [
        ("audit", "tail"), ("audit", "show", "req_x"), ("audit", "verify"), ("audit", "query"), ("audit", "stats"),
        ("audit", "export", "out.csv"), ("keys", "list"), ("dead-letter", "list"), ("dead-letter", "retry"),
        ("dead-letter", "purge"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_where_no_gate_has_run_a_question_is_answered_3_and_makes_nothing(run, tmp_path, words):
    """Not "0 deliveries", which would be evidence; and no folder that another user's gate could not write."""
    code, said = run(*words)
    assert code == 3 and said.startswith("gatekeeper: there ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gatekeeper.toml"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("serve", "--port", "80000"), "it must be 65535 or less"),
        (("serve", "--port", "-1"), "it must be 0 or more"),
        (("serve", "--port", "eighty"), "it is not a whole number"),
        (("serve", "--workers", "0"), "it must be 1 or more"),
        (("demo", "--port", "99999"), "it must be 65535 or less"),
        (("cookie", "--days", "many"), "it is not a number"),
        (("explain", "--law", "gdrp"), 'did you mean "gdpr"?'),
        (("explain", "--country", "XX"), "is not a country"),
        (("explain", "--ip", "999"), "is not an address"),
        (("keys", "rotate", "sining"), 'did you mean "signing"?'),
        (("audit", "export", "out.xls"), "has no known ending"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, tuple) else "",
)
def test_wrong_usage_is_2_in_plain_words(run, words, says):
    """With the range, or with what was probably meant."""
    code, said = run(*words)
    assert code == 2 and says in said


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.9", "a" * 70 + ".example"])
def test_a_host_that_cannot_be_listened_on_names_the_host(run, host):
    """And not the port, with which nothing is wrong."""
    code, said = run("serve", "--port", "0", "--host", host)
    assert code == 1 and said.startswith("gatekeeper: server.host: ") and "--host" in said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("check", "--config", "folder"), "folder: is a folder; name a file"),
        (("check", "--config", "bytes"), "bytes: is not text in UTF-8"),
        (("explain", "none.json"), "none.json: there is no such file"),
        (("explain", "folder"), "folder: is a folder"),
        (("explain", "empty"), "empty: is empty; write an event"),
        (("explain", "bytes"), "the event was not accepted: the body is not JSON"),
        (("explain", "nameless.json"), "event: is not an event name (letters, digits"),
        (("suppression", "import", "none.csv", "--why", "erased"), "none.csv: there is no such file"),
        (("erasure", "receipt", "--check", "none.json"), "none.json: there is no such file"),
        (("erasure", "receipt", "--check", "empty"), "empty: is not a receipt"),
        (("report", "ropa", "--without-log", "--out", "none/page.md"), "none/page.md: its folder does not exist"),
        (("init", "none/policy.toml"), "none/policy.toml: its folder does not exist; make it first"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, tuple) else "",
)
def test_a_file_of_the_wrong_kind_is_said_to_be_one(run, tmp_path, words, says):
    """What is wrong with it, and what to do: never a class of Python's."""
    run("storage", "prepare")
    (tmp_path / "folder").mkdir()
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    (tmp_path / "empty").write_bytes(b"\n")
    (tmp_path / "nameless.json").write_text('{"event": 1}')
    code, said = run(*words)
    assert code in (1, 2) and says in " ".join(said.replace("│", " ").split())


@pytest.mark.parametrize(
    "words", [("audit", "stats", "--html", "none/page.html"), ("init", "none/policy.toml")], ids=" ".join
)
def test_a_file_that_cannot_be_written_is_one_message(run, tmp_path, words):
    """Whatever command writes it."""
    run("init", "gatekeeper.toml", "--force")
    code, said = run(*words)
    assert code in (1, 3) and said.startswith("gatekeeper: ") and len(said.splitlines()) == 1


def test_the_config_can_come_from_the_environment(run, tmp_path, monkeypatch):
    """GATEKEEPER_CONFIG, which --config overrides."""
    (tmp_path / "other.toml").write_text(POLICY)
    monkeypatch.setenv("GATEKEEPER_CONFIG", "other.toml")
    assert "other.toml: 0 errors" in run("check")[1]
    assert "gatekeeper.toml: 0 errors" in run("check", "--config", "gatekeeper.toml")[1]


def test_a_cookie_is_what_explain_understands(run):
    """The command's value is a Cookie header."""
    code, pair = run("cookie", "--analytics")
    assert code == 0
    event = json.dumps({"event": "purchase", "data": {"session_id": "s_1"}})
    told = json.loads(run("explain", "--json", "--cookie", pair.strip(), stdin=event)[1])
    assert told["consent_state"] == {"necessary": True, "analytics": True, "marketing": False}
    refused = run("cookie")[1].strip()
    told = json.loads(run("explain", "--json", "--cookie", refused, stdin=event)[1])
    assert not told["consent_state"]["analytics"]
    assert json.loads(run("cookie", "--json")[1]).keys() == {"name", "value", "cookie", "set_cookie"}
    assert "HttpOnly" in run("cookie", "--set-cookie")[1]


def test_explain_takes_a_place_a_law_and_a_query(run):
    """As `signals` does."""
    event = json.dumps({"event": "purchase", "data": {"session_id": "s_1"}})
    told = json.loads(run("explain", "--json", "--country", "US-CA", stdin=event)[1])
    assert told["jurisdiction"]["country"] == "US" and "ccpa" in told["jurisdiction"]["laws"]
    told = json.loads(run("explain", "--json", "--law", "gdpr", stdin=event)[1])
    assert told["jurisdiction"]["laws"] == ["gdpr"]
    told = json.loads(run("explain", "--json", "--law", "ccpa", "--query", "?us_privacy=1YYN", stdin=event)[1])
    assert [one["source"] for one in told["signals"]] == ["usprivacy"]


def test_nothing_is_wrapped_into_a_pipe(run, monkeypatch):
    """A terminal's width means nothing there: a script that looks for a sentence finds it."""
    monkeypatch.setenv("COLUMNS", "80")
    event = json.dumps({"event": "purchase", "consent": {"analytics": True}, "data": {"session_id": "s_1"}})
    assert "  signal event: analytics granted  the event's own consent object\n" in run("explain", stdin=event)[1]


def test_explain_names_destinations_that_the_event_is_not_routed_to(run):
    """They would be missing without a word."""
    event = json.dumps({"event": "purchase", "data": {"session_id": "s_1"}})
    assert "not routed to own" in run("explain", stdin=event)[1]
    assert json.loads(run("explain", "--json", stdin=event)[1])["not_routed"] == ["own"]


def test_signals_takes_gpc(run):
    """As `explain` does."""
    told = json.loads(run("signals", "--gpc", "--json")[1])
    assert [one["source"] for one in told["signals"]] == ["sec-gpc"]


def test_a_terminal_that_knows_ascii_alone_is_written_to(of_ascii, tmp_path):
    """Our signs have plain forms; JSON stays JSON."""
    (tmp_path / "gatekeeper.toml").write_text(POLICY.replace("Shop", "Caf\u00e9 \U0001f36a"), "utf-8")
    event = json.dumps({"event": "purchase", "data": {"session_id": "s_1"}})

    def said(*words):
        done = of_ascii(*words, stdin=event)
        assert done.returncode in CODES and "Traceback" not in done.stderr
        return done.stdout

    assert "x ga4 blocked" in said("explain")
    assert json.loads(said("explain", "--json"))["deliveries"][0]["destination"] == "ga4"
    for words in (["--help"], ["check"], ["report", "matrix"], ["init", "n\u00e9w.toml"]):
        said(*words)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_can_complete_the_command(gatekeeper, shell):
    """Its script is printed, and names the command."""
    done = gatekeeper("--show-completion", shell, code=0)
    assert "gatekeeper" in done.stdout


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("Input should be greater than or equal to 3", "it must be 3 or more"),
        ("Input should be less than 3", "it must be less than 3"),
        ("Input should be greater than 3", "it must be more than 3"),
        ("Input should be a valid number, unable to parse string as a number", "it is not a number"),
        ("Input should be 'a' or 'b'", "it must be 'a' or 'b'"),
    ],
)
def test_what_a_library_says_of_a_value_is_said_in_our_words(theirs, ours):
    """Each kind of complaint."""
    assert plain(f"Invalid value for '--x': {theirs}") == f"Invalid value for '--x': {ours}"
