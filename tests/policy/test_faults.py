"""All faults of a file are told in one run, in plain words, each with its line."""

import tomllib

import pytest
from pydantic import BaseModel

from gatekeeper import ConfigError, load_policy
from gatekeeper.policy.faults import parts
from gatekeeper.policy.file import PolicyFile
from gatekeeper.policy.lines import lines
from gatekeeper.vendors import KINDS
from tests.builders import DESTINATIONS, make_policy

BOTH_LAYERS = """\
[policy]
version = "1"
controler = "Shop"

[server]
port = "8787"
origins = ["*"]

[destinations.ga4]
kind = "ga4"
measurement_id = "UA-12345-1"
api_secret = { env = "NOT_SET" }
fields = [
  "page_ulr",
]

[destinations.own]
kind = "first_party"
endpoint = "https://own.example/events"
regions = ["Germany"]

[events.purchase]
destinations = ["ga4", "gaa4"]

[[tests]]
name = "first"
event = { event = "purchase" }
expect = { own = "send" }

[[tests]]
name = "second"
event = { event = "purchase", data = { page_ulr = "/" } }
law = "gdrp"
expect = { own = "sendd", ga = "send" }
"""


def test_all_faults_of_both_layers_are_told_in_one_run(tmp_path):
    """What does not fit the models hides nothing that only compiling finds, and each fault is told once."""
    path = tmp_path / "gatekeeper.toml"
    path.write_text(BOTH_LAYERS)
    with pytest.raises(ConfigError) as caught:
        load_policy(path, environ={})
    assert all(problem.startswith(f"{path}:") for problem in caught.value.problems)
    found = [parts(problem, path) for problem in caught.value.problems]
    assert [(fault.line, fault.key) for fault in found] == [
        (3, "policy.controler"),
        (6, "server.port"),
        (7, "server.origins"),
        (11, "destinations.ga4.measurement_id"),
        (13, "destinations.ga4.fields"),
        (20, "destinations.own.regions"),
        (23, "events.purchase.destinations"),
        (32, "tests.1.event.data"),
        (33, "tests.1.law"),
        (34, "tests.1.expect.own"),
        (34, "tests.1.expect"),
    ]
    assert all(fault.remedy for fault in found)


def test_the_lines_are_those_of_the_keys():
    """Lists and texts over several lines, arrays of tables, dotted keys and quoted ones."""
    text = (
        'a = 1\n\n[b]\nc = [\n  1,\n]\nd.e = """\n[f]\n"""\n[[g]]\nh = 1\n[[g]]\nh = 2\n[g.i]\nj = { k = 1 }\n["l m"]\n'
    )
    assert tomllib.loads(text)
    assert lines(text) == {
        "a": 1, "b": 3, "b.c": 4, "b.d": 7, "b.d.e": 7, "g.0": 10, "g.0.h": 11, "g.1": 12, "g.1.h": 13,
        "g.1.i": 14, "g.1.i.j": 15, "g.1.i.j.k": 15, "l m": 16,
    }  # fmt: skip


WRONG = {
    "text": "§ x",
    "empty": "",
    "number": -1,
    "point": 0.5,
    "true": True,
    "list": [],
    "inner": [[]],
    "table": {"§": 1},
}


def _keys():
    for name, field in PolicyFile.model_fields.items():
        model = field.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield from ((name, key) for key in model.model_fields)
    for kind, module in KINDS.items():
        yield from (("destinations", kind, key) for key in module.Settings.model_fields)


@pytest.mark.parametrize("path", list(_keys()), ids=".".join)
def test_no_wrong_value_is_told_in_a_librarys_words(path):
    """Whatever value a key has: it is taken, or the sentence names the key and a remedy, without a pattern."""
    unclear = {name: said for name, wrong in WRONG.items() if (said := _unclear(path, wrong))}
    assert unclear == {}


def _unclear(path, wrong):
    """The problems with this value that name no key, no remedy, or are in a library's words."""
    tables = {"policy": {"version": "1", "controller": "Shop"}}
    if path[0] == "destinations":
        kind = path[1]
        tables["destinations"] = {"to": DESTINATIONS.get(kind, {}) | {"kind": kind, path[2]: wrong}}
    else:
        tables[path[0]] = tables.get(path[0], {}) | {path[1]: wrong}
    try:
        make_policy(**tables)
    except ConfigError as error:
        return [problem for problem in error.problems if _is_unclear(problem)]
    return []


def _is_unclear(problem):
    fault = parts(problem)
    theirs = ("pydantic", "input", "validation", "[a-z", "\\d", "\\s")
    return not (fault.key and fault.remedy) or any(word in problem.lower() for word in theirs)


@pytest.mark.parametrize(
    ("problem", "unclear"),
    [
        ('policy.version: 1 is not a text; write "1"', False),
        ("policy.version: Input should be a valid string; write a text", True),
        ("policy.version: 1 is not a text", True),
    ],
)
def test_a_librarys_words_would_be_seen(problem, unclear):
    """The look for them is one that finds."""
    assert _is_unclear(problem) is unclear


@pytest.mark.parametrize(
    ("table", "keys"),
    [
        pytest.param(
            'kind = "ga4"\nmeasurement_id = "UA-1"\nregions = ["Germany"]\nfields = ["scroll_depht"]',
            ["measurement_id", "regions", "fields"],
            id="value",
        ),
        pytest.param('kind = "http_json"\n[destinations."b d"]\nkind = "ga4"', ["endpoint", "purpose"], id="beside"),
        pytest.param('kind = "http_json"\nregions = ["DE"]', ["endpoint", "purpose"], id="missing"),
        pytest.param('kind = "gaa4"\nregions = ["XX"]', ["kind", "regions"], id="kind"),
        pytest.param('kind = "first_party"\nendpoint = "x"\nregions = 5', ["endpoint", "regions"], id="two"),
        pytest.param(
            'kind = "ga4"\nmeasurement_id = "UA-1"\npurpose = "x"', ["measurement_id", "purpose"], id="purpose"
        ),
    ],
)
def test_a_faulty_destination_hides_no_other_fault_of_its_own(tmp_path, table, keys):
    """What every kind has is looked at although the kind's own keys cannot be."""
    path = tmp_path / "gatekeeper.toml"
    path.write_text(f'policy = {{ version = "1", controller = "Shop" }}\n[destinations.to]\n{table}\n')
    with pytest.raises(ConfigError) as caught:
        load_policy(path, environ={})
    found = {parts(problem, path).key for problem in caught.value.problems if "b d" not in problem}
    assert found == {f"destinations.to.{key}" for key in keys} | ({"destinations.to.api_secret"} & found)


def test_a_fault_without_a_line_names_the_file_too(tmp_path):
    """A missing table has no line."""
    path = tmp_path / "a: b.toml"
    path.write_text("")
    with pytest.raises(ConfigError) as caught:
        load_policy(path, environ={})
    assert caught.value.problems == (f"{path}: policy: missing; add it",)
    assert parts(caught.value.problems[0], path) == (None, "policy", "missing", "add it")


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        pytest.param(
            {"audit": {"checkpoint": "1ms"}}, "audit.checkpoint: '1ms' is too short; 1s is the least", id="unit"
        ),
        pytest.param(
            {"consent": {"onetrst": {"C1": "analytics"}}},
            'consent.onetrst: "onetrst" is not a platform; did you mean "onetrust"?',
            id="platform",
        ),
        pytest.param({"consent": {"dnt": ["x"]}}, "consent.dnt: 'x' is not known; use ", id="element"),
        pytest.param(
            {"outbound": {"allow": ["example.com"]}},
            'outbound.allow: "example.com" is not a known tracking host; remove it',
            id="no-guess",
        ),
        pytest.param(
            {"destinations": {"to": {"kind": "gaa4"}}},
            'destinations.to.kind: "gaa4" is not a kind; did you mean "ga4"?',
            id="kind",
        ),
    ],
)
def test_a_value_is_shown_as_it_was_written_with_the_one_that_was_meant(tables, says):
    """Not a list's number, not a number for a duration, and no guess that is far away."""
    with pytest.raises(ConfigError) as caught:
        make_policy(**tables)
    assert any(problem.startswith(says) for problem in caught.value.problems), caught.value.problems


@pytest.mark.parametrize(
    ("tables", "key"),
    [
        pytest.param({"policy": {"version": "1", "controller": " "}}, "policy.controller", id="controller"),
        pytest.param({"policy": {"version": "", "controller": "x"}}, "policy.version", id="version"),
        pytest.param({"audit": {"anchor": "ftp://x"}}, "audit.anchor", id="anchor"),
        pytest.param({"audit": {"checkpoint": "1ms"}}, "audit.checkpoint", id="checkpoint"),
        pytest.param({"destinations": {"own": DESTINATIONS["own"] | {"dpa": ""}}}, "destinations.own.dpa", id="dpa"),
        pytest.param(
            {"destinations": {"own": DESTINATIONS["own"] | {"retention": "forever"}}},
            "destinations.own.retention",
            id="retention",
        ),
    ],
)
def test_a_value_that_means_nothing_is_refused(tables, key):
    """Values that are easily written and promise what is not there."""
    with pytest.raises(ConfigError) as caught:
        make_policy(**tables)
    assert [parts(problem).key for problem in caught.value.problems] == [key]


def test_a_group_of_countries_is_one_word():
    """EU are the 27 members, EEA three more."""
    policy = make_policy(destinations={"own": DESTINATIONS["own"] | {"regions": ["EEA", "US-CA"]}})
    places = policy.destinations["own"].regions
    assert len(places) == 31 and {"DE", "NO", "US-CA"} <= places and not {"EU", "EEA", "GB", "CH"} & places
    assert (
        len(make_policy(destinations={"own": DESTINATIONS["own"] | {"regions": ["EU"]}}).destinations["own"].regions)
        == 27
    )
