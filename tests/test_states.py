"""State tables: whole, reachable, and drawn in the docs as they are. That the code goes by them is tested beside it."""

import sys
from pathlib import Path

import pytest

from gatekeeper.delivery import lane, life
from gatekeeper.model.states import diagram
from gatekeeper.rights import states
from gatekeeper.shells.server import states as connection
from gatekeeper.storage import commits

DOCS = Path(__file__).parent.parent / "docs"
TABLES = {
    "connection": (connection.FOLLOWS, connection.Reading, connection.Event, {"REFUSED", "TUNNEL"}),
    "row": (life.FOLLOWS, life.State, life.Event, {"DELIVERED", "EXPIRED", "CANCELLED"}),
    "lane": (lane.FOLLOWS, lane.Look, lane.Event, set()),
    "commit": (commits.FOLLOWS, commits.Phase, commits.Event, {"OVER"}),
    "erasure": (states.FOLLOWS, states.State, states.Event, {"CLOSED", "REFUSED"}),
}
DRAWN = {"connection": "sidecar", "row": "delivery", "lane": "delivery", "commit": "delivery", "erasure": "erasure"}
HERE = Path(__file__).parents[1] / "gatekeeper"


@pytest.mark.parametrize("name", TABLES)
def test_every_state_can_be_reached_and_only_ends_are_never_left(name):
    """From the first state of the table; and every event happens somewhere."""
    table, states, events, ends = TABLES[name]
    first = next(iter(table))[0]
    reached = {first}
    while more := {after for (before, _), after in table.items() if before in reached} - reached:
        reached |= more
    assert reached == set(states)
    left = {before for (before, _), after in table.items() if after is not before}
    assert {state.name for state in set(states) - left} == ends
    assert {event for _, event in table} == set(events)


@pytest.mark.parametrize("name", TABLES)
def test_the_docs_draw_what_the_tables_say(name):
    """The diagram on the page is the one that is made of the table; copy it from here if it is not."""
    assert diagram(TABLES[name][0]) in (DOCS / f"{DRAWN[name]}.md").read_text("utf-8")


def test_every_table_of_states_is_among_these():
    """A module that has one has its diagram in the docs."""
    found = {
        path.relative_to(HERE).as_posix() for path in HERE.rglob("*.py") if "Final[Follows[" in path.read_text("utf-8")
    }
    modules = {sys.modules[table[1].__module__].__file__ for table in TABLES.values()}
    assert found == {Path(name).relative_to(HERE).as_posix() for name in modules}


def test_a_diagram_has_one_arrow_for_each_row():
    """Names and events in words."""
    table = commits.FOLLOWS
    arrows = [line for line in diagram(table).splitlines() if "-->" in line]
    assert len(arrows) == len(table) and '    state "over" as over' not in diagram(table)
    assert arrows[0] == "    open --> over: rolled back"


def test_every_state_of_a_connection_has_its_timer():
    """Also those in which it waits for nothing of the client's."""
    assert set(connection.TIMERS) == set(connection.Reading)
