"""The stage profile and the curves, on the real thing."""

from pathlib import Path

import pytest

from benchmarks import curves
from benchmarks.profile import profile
from benchmarks.run import stage
from benchmarks.shape import Scenario
from benchmarks.stages import ROOMS, ROOT, STAGES, stage_of
from tests.benchmarks.builders import tiny


@pytest.mark.parametrize(
    ("files", "delivering", "expected"),
    [
        pytest.param([f"{ROOT}signals/gpc.py", f"{ROOT}gate.py"], False, "reading signals", id="innermost-counts"),
        pytest.param(["/lib/re/__init__.py", f"{ROOT}scrub/urls.py"], False, "shaping", id="a-library-works-for-us"),
        pytest.param(["/lib/asyncio/events.py"], False, "server", id="the-loop"),
        pytest.param(["/lib/asyncio/events.py"], True, "client", id="the-deliverers-loop"),
        pytest.param(["/x/uvicorn/main.py", f"{ROOT}cli/serve.py"], False, "server", id="uvicorn-under-our-command"),
        pytest.param([f"{ROOT}storage/sqlite.py"], True, "outbox", id="the-outbox-on-any-thread"),
        pytest.param([f"{ROOT}new_room/x.py"], False, "new_room", id="a-room-without-a-row"),
        pytest.param([], False, "server", id="no-frame"),
    ],
)
def test_a_stack_belongs_to_a_stage(files, delivering, expected):
    """The innermost of our rooms, else the server or the deliverer."""
    assert stage_of(files, delivering=delivering) == expected


def test_the_profile_of_a_collected_event_names_every_big_stage(tmp_path):
    """Server, outbox and shaping cannot cost nothing, and the sum is what the process used."""
    told = profile("collect", tiny(tmp_path))
    assert told["requests"] > 0 and told["ticks"] > 0
    assert {"server", "outbox", "shaping"} <= set(told["stages"])
    assert set(told["stages"]) <= {*STAGES, "cli", "__main__"}
    assert all(us >= 0 for us in told["stages"].values())


def test_the_outbox_stays_as_deep_as_it_was_filled():
    """As many go in as come out: the curve is about depth alone."""
    with stage(Scenario("depth", "", ())) as at, curves.file(300, at) as store, curves.queued(300, store) as work:
        work(128)
        from benchmarks.gates import NoDisk
        from gatekeeper.storage.protocols import Bounds
        from gatekeeper.storage.sqlite import SqliteStore

        count = SqliteStore(at.folder / "outbox.db", Bounds(("own",)), NoDisk()).books.count()["own"]
    assert (count.queued, count.delivered) == (300, 128)


def test_a_curve_has_a_point_for_each_x(tmp_path):
    """In ascending order, with every round."""
    (depth,) = [one for one in curves.CURVES if one.name == "depth"]
    points = list(depth.points(tiny(tmp_path)))
    assert [x for x, _ in points] == [10, 200] and all(len(rounds) == 2 for _, rounds in points)


def test_a_soak_looks_at_the_memory_ten_times(tmp_path):
    """Megabytes over minutes of load."""
    (memory,) = [one for one in curves.CURVES if one.name == "memory"]
    points = list(memory.points(tiny(tmp_path, soak=0.01)))
    assert [x for x, _ in points] == [round(0.001 * look, 3) for look in range(1, 11)]
    assert all(megabytes > 10 for _, (megabytes,) in points)


def test_every_room_is_of_a_stage():
    """Or serves no request; a room without a row would be a stage that no page explains."""
    rooms = {path.name.removesuffix(".py") for path in Path(ROOT).iterdir() if path.suffix == ".py" or path.is_dir()}
    rooms = {name for name in rooms if not name.startswith("_")} - {"py.typed"}
    assert rooms - {name.partition("/")[0] for name in ROOMS} == {"cli", "demo", "reports", "testing"}
    assert set(ROOMS.values()) <= set(STAGES)
