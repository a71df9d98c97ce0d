"""What belongs to a vendor is found from its place: its exchanges, its simulator, the simulator's violations."""

import json
import pkgutil
from pathlib import Path

import pytest

from gatekeeper import vendors
from gatekeeper.testing import simulators
from gatekeeper.vendors import DIALECTS, KINDS
from tests.exchanges.exchange import UNSIMULATED, place_of, simulator_of

TESTS = Path(__file__).parents[1]
TOOLS = set("calls_only cookies deletion dialect formats hosts kind products recipients records samples".split())
TOOLS |= {"failures", "settings", "spelling"}
PLACES = {one.name for one in pkgutil.iter_modules(vendors.__path__)} - TOOLS
# One simulator takes the requests for deletion of all vendors: `test_vendor_deletion.py` has what it objects to.
SIMULATED = {name: one for one in simulators.VENDORS if (name := one.__name__.rpartition(".")[2]) != "deletions"}

ONLY_EVENTS = "takes no calls of a vendor's own clients"
ANY_JSON = "a simulator that takes any JSON: `test_json_endpoints.py` has its three objections"
NO_EXCHANGES = {"first_party": ONLY_EVENTS, "http_json": ONLY_EVENTS}
NO_VIOLATIONS = {"first_party": ANY_JSON, "http_json": ANY_JSON}
PRODUCT = "one of the operator's own analytics, which speak to the `first_party` simulator"
SECOND = "takes calls alone; its exchanges and its table are what says what it documents"
NO_SIMULATOR = (
    dict.fromkeys(("amplitude", "matomo", "mixpanel", "plausible", "posthog", "segment", "snowplow", "umami"), PRODUCT)
    | dict.fromkeys(("linkedin", "microsoft", "pinterest", "reddit", "snap", "x"), SECOND)
)  # fmt: skip
TWO_IN_ONE = {"rudderstack": "segment"}  # exchanges of a product whose format stands in another's file


def test_every_place_is_a_vendors_or_a_tools():
    """A new file in `vendors/` is known to be the one or the other; every kind and every format is of a vendor."""
    modules = [*(getattr(one, "__name__", "") for one in KINDS.values()), *map(place_of, DIALECTS)]
    assert {name.split(".")[2] for name in modules if name} <= PLACES
    assert {one.name for one in pkgutil.iter_modules(vendors.__path__)} >= TOOLS


@pytest.mark.parametrize("name", sorted(PLACES))
def test_a_vendor_has_what_belongs_to_it(name):
    """Exchanges in its folder, a simulator under its name, violations in its file; or a reason, and then none."""
    exchanges = list((TESTS / "exchanges" / name).glob("*.json"))
    assert bool(exchanges) is (name not in NO_EXCHANGES)
    assert (name in SIMULATED) is (name not in NO_SIMULATOR)
    file = TESTS / "testing" / "violations" / f"{name}.json"
    assert file.exists() is (name in SIMULATED and name not in NO_VIOLATIONS)
    if file.exists():
        assert json.loads(file.read_text("utf-8"))["simulator"] == SIMULATED[name].KIND


def test_nothing_lies_about_that_belongs_to_no_vendor():
    """No folder of exchanges, no file of violations, no simulator and no reason without a place in `vendors/`."""
    folders = {path.name for path in (TESTS / "exchanges").iterdir() if any(path.glob("*.json"))}
    files = {path.stem for path in (TESTS / "testing" / "violations").glob("*.json")}
    assert {TWO_IN_ONE.get(name, name) for name in folders} | files | set(SIMULATED) <= PLACES
    assert set(NO_EXCHANGES) | set(NO_VIOLATIONS) | set(NO_SIMULATOR) <= PLACES


def test_the_calls_of_a_simulated_vendor_are_judged_by_its_simulator():
    """Every format that has a body of its own, but for the pixels whose hosts are not simulated."""
    names = {place_of(one): one for one in DIALECTS}
    judged = {name for name, dialect in names.items() if simulator_of(dialect) is not None}
    assert {name.split(".")[2] for name in judged} == set(SIMULATED) - set(NO_EXCHANGES)
    assert {name for name in names if name} - judged == {f"gatekeeper.vendors.{'.'.join(one)}" for one in UNSIMULATED}
