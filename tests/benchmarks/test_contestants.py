"""Nobody is measured who does less, and nobody who is not there."""

import contextlib
import shutil
import subprocess

import pytest

from benchmarks import samples
from benchmarks.contestants import consent_filter, installed
from benchmarks.result import scenario_record
from benchmarks.run import run_scenario, stage
from benchmarks.scenarios import ALL, call
from benchmarks.shape import AbsentError, CheckError, InProcess, Scenario, Served
from tests.benchmarks.builders import tiny

GA4 = ("ga4", call.GA4, samples.ga4_call())


@contextlib.contextmanager
def nothing():
    """Work that is next to none."""
    yield lambda n: sum(range(n))


def quiet(what, share):
    """Nobody watches."""


@pytest.fixture
def at():
    with stage(Scenario("call", "", (), needs_vendor=True)) as up:
        yield up


def test_a_proxy_that_filters_passes_its_check(at):
    """The granted call arrives without what may not be sent, the refused one not at all."""
    with call.python("pyreqwest", "filter", at) as process:
        call.does_the_same(*GA4, process, at)


def test_a_proxy_that_does_less_is_refused(at):
    """It passed on what the visitor had refused."""
    with call.python("pyreqwest", "plain", at) as process, pytest.raises(CheckError, match=r"the vendor received"):
        call.does_the_same(*GA4, process, at)


def test_a_contestant_that_keeps_a_personal_field_is_refused(at, monkeypatch):
    """Consent alone is not the work."""
    with call.python("pyreqwest", "filter", at) as process:
        monkeypatch.setattr(samples, "STRIPPED", samples.KEPT)
        with pytest.raises(CheckError, match=r"^the request to ga4 holds a field that was not allowed$"):
            call.does_the_same(*GA4, process, at)


@pytest.mark.parametrize(
    ("template", "there"),
    [("nginx.conf.in", installed.nginx_missing), ("nginx_lua.conf.in", installed.lua_missing)],
)
def test_the_nginx_configurations_work_where_nginx_is(at, template, there):
    """With Lua it filters; without it passes everything on."""
    if why := there():
        pytest.skip(why)
    with call.nginx(template, at) as process:
        (call.does_the_same if "lua" in template else call.passes_on)(*GA4, process, at)


@pytest.mark.parametrize("name", ["node + undici", "walkerOS collector"])
def test_the_node_contestants_work_where_they_are(name):
    """undici filters a call; walkerOS delivers an event to four destinations."""
    scenario = ALL["collect" if "walkerOS" in name else "call"]
    served = next(one for one in scenario.contestants if name in one.name)
    assert isinstance(served, Served)
    if why := served.missing():
        pytest.skip(why)
    with stage(scenario) as up, served.start(up) as process:
        served.check(process, up)


def test_a_missing_contestant_is_skipped_and_said(tmp_path, monkeypatch):
    """Each with how to get it; the others are measured."""
    monkeypatch.setenv("GATEKEEPER_BENCH", str(tmp_path / "none"))
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None)
    assert installed.nginx_missing() == "nginx is not installed; run benchmarks/contestants/install"
    assert installed.lua_missing() == "nginx is not installed; run benchmarks/contestants/install"
    assert installed.mitmproxy_missing() == "mitmdump is not installed; run benchmarks/contestants/install"
    assert installed.npm_missing("undici") == "node is not installed; run benchmarks/contestants/install"
    assert installed.python_module("json", "no_such_client")() == "pip install no_such_client"
    there = InProcess("there", lambda at: nothing())
    away = InProcess("away", lambda at: nothing(), missing=installed.mitmproxy_missing)
    outcomes = {}
    run_scenario(Scenario("one", "", (away, there)), tiny(tmp_path), quiet, outcomes)
    assert (outcomes["away"].status, outcomes["there"].status) == ("skipped", "measured")
    record = scenario_record(Scenario("one", "", ()), outcomes)["contestants"]
    assert record["away"]["why"].startswith("mitmdump is not installed") and record["away"]["metrics"] == {}


def test_what_this_build_lacks_is_said_and_what_it_has_is_measured(tmp_path):
    """An app's own calls through the gate, beside the bare clients, which are always there."""
    outcomes = {}
    run_scenario(ALL["outbound"], tiny(tmp_path), quiet, outcomes)
    assert {name: one.status for name, one in outcomes.items() if "gated" not in name} == {
        "httpx": "measured", "requests": "measured",
    }  # fmt: skip
    for name in ("httpx, gated", "requests, gated"):
        told = outcomes[name]
        assert told.status == "measured" or told.why == "not in this build: it has no gatekeeper.outbound", told.why


def test_consent_is_measured_in_cpu_and_in_milliseconds(tmp_path):
    """A look-up, remembered and read, a choice, a withdrawal: each in every round, and each timed on its own."""
    outcomes = {}
    run_scenario(ALL["consent"], tiny(tmp_path), quiet, outcomes)
    assert {name: (one.status, one.why) for name, one in outcomes.items()} == dict.fromkeys(
        ("look-up, remembered", "look-up, read", "choice", "withdrawal", "withdrawal, an event queued"),
        ("measured", None),
    )
    for one in scenario_record(ALL["consent"], outcomes)["contestants"].values():
        assert {name: len(figure["rounds"]) for name, figure in one["metrics"].items()} == {"cpu_us": 2, "p50_ms": 2}
        assert "rate" not in one["latency"] and one["latency"]["p50"] <= one["latency"]["max"]
    median = {name: one.metrics["p50_ms"].rounds[0] for name, one in outcomes.items()}
    assert median["look-up, remembered"] < median["withdrawal"]


@pytest.mark.parametrize("name", ["GA4: gatekeeper", "Meta: gatekeeper"])
def test_our_own_calls_are_checked_as_everyones(name):
    """Or this build does not have them, which is said as such."""
    served = next(one for one in ALL["call"].contestants if one.name == name)
    assert isinstance(served, Served)
    with stage(ALL["call"]) as up, served.start(up) as process:
        try:
            served.check(process, up)
        except AbsentError as error:
            assert "the sidecar answers calls to" in str(error)


def test_the_script_that_installs_them_is_a_script():
    """bash reads it to its end."""
    subprocess.run(["bash", "-n", installed.HERE / "install"], check=True)


def test_one_that_breaks_does_not_stop_the_others(tmp_path):
    """Its row says why."""
    broken = InProcess("broken", lambda at: 1 / 0)
    outcomes = {}
    run_scenario(
        Scenario("one", "", (broken, InProcess("there", lambda at: nothing()))), tiny(tmp_path), quiet, outcomes
    )
    assert outcomes["broken"].status == "failed" and outcomes["broken"].why.startswith("ZeroDivisionError")
    assert outcomes["there"].metrics["cpu_us"].rounds


def test_what_is_added_is_the_difference_round_by_round(tmp_path):
    """A wrapped app's cost without the app's."""
    bare = InProcess("bare", lambda at: nothing())
    wrapped = InProcess("wrapped", lambda at: nothing(), against="bare")
    outcomes = {}
    run_scenario(Scenario("one", "", (bare, wrapped)), tiny(tmp_path), quiet, outcomes)
    rounds = {name: one.metrics["cpu_us"].rounds for name, one in outcomes.items()}
    added = [after - before for after, before in zip(rounds["wrapped"], rounds["bare"], strict=True)]
    assert outcomes["wrapped"].metrics["added_us"].rounds == added


@pytest.mark.parametrize(
    ("vendor", "granted", "gpc", "expected"),
    [
        ("ga4", True, "", True), ("ga4", False, "", False), ("ga4", True, "1", True),
        ("meta_capi", True, "", True), ("meta_capi", True, "1", False), ("meta_capi", False, "", False),
    ],
)  # fmt: skip
def test_the_filter_of_the_python_contestants(vendor, granted, gpc, expected):
    """Consent by cookie; Sec-GPC refuses marketing."""
    assert consent_filter.allowed(vendor, samples.cookie(granted=granted), gpc) is expected


def test_no_cookie_is_no_consent():
    """As under the GDPR."""
    assert not consent_filter.allowed("ga4", "theme=dark", "")


IN_PROCESS = [one for scenario in ALL.values() for one in scenario.contestants if isinstance(one, InProcess)]


@pytest.mark.parametrize("contestant", IN_PROCESS, ids=lambda one: one.name)
def test_what_is_measured_in_the_process_passes_its_check(at, contestant):
    """A row without figures is a fault of the harness, where nothing has to be installed for it."""
    if (why := contestant.missing()) is not None:
        pytest.skip(why)
    with contestant.open(at) as repeat:
        repeat(contestant.step)
