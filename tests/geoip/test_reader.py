"""A reader that follows its file."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from gatekeeper.geoip.reader import POLL_SECONDS, Locations, bundled
from gatekeeper.model import Found
from tests.geoip.builders import JUNE, write_mmdb

DENMARK = {"89.160.20.0/24": {"country": {"iso_code": "DK"}}}
ADDRESS = "89.160.20.112"


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def replaced(path: Path, *, epoch: int = JUNE + 1, networks: dict[str, object] = DENMARK) -> None:
    """Swap a new database in, as geoipupdate and `geoip update` do."""
    fresh = write_mmdb(path.with_suffix(".new"), networks, epoch=epoch)
    fresh.replace(path)


def test_a_new_file_is_picked_up_without_a_restart(tmp_path: Path) -> None:
    """Within thirty seconds, and not by every look-up."""
    clock, path = Clock(), write_mmdb(tmp_path / "city.mmdb")
    locations = Locations(path, clock=clock)
    replaced(path)

    assert locations(ADDRESS) == Found("SE", "E")
    clock.now += POLL_SECONDS - 0.1
    assert locations(ADDRESS) == Found("SE", "E")
    clock.now += 0.2
    assert locations(ADDRESS) == Found("DK")
    assert locations.problem is None


def test_a_file_overwritten_in_place_is_picked_up_too(tmp_path: Path) -> None:
    """The inode stays, time and size tell."""
    clock, path = Clock(), write_mmdb(tmp_path / "city.mmdb")
    locations = Locations(path, clock=clock)
    path.write_bytes(write_mmdb(tmp_path / "new.mmdb", DENMARK).read_bytes())
    clock.now += POLL_SECONDS

    assert locations(ADDRESS) == Found("DK")


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        pytest.param(lambda path: path.unlink(), "there is no such file", id="missing"),
        pytest.param(lambda path: path.write_bytes(b""), "not a sound MaxMind DB file", id="truncated-to-nothing"),
        pytest.param(
            lambda path: path.write_bytes(path.read_bytes()[:900]),
            "not a sound MaxMind DB file",
            id="truncated",
        ),
        pytest.param(lambda path: path.write_text("<html>"), "not a sound MaxMind DB file", id="foreign"),
        pytest.param(
            lambda path: replaced(path, networks={"1.0.0.0/8": {"autonomous_system_number": 1}}),
            "holds no countries",
            id="another-database",
        ),
        pytest.param(lambda path: replaced(path, epoch=JUNE - 1), "older than the one in use", id="older"),
    ],
)
def test_a_bad_new_file_leaves_the_old_one_in_use(tmp_path: Path, spoil, expected: str) -> None:
    """The process lives on with what it had, says why, and takes the next good file."""
    clock, path = Clock(), write_mmdb(tmp_path / "city.mmdb")
    locations = Locations(path, clock=clock)
    spoil(path)
    clock.now += POLL_SECONDS

    assert locations(ADDRESS) == Found("SE", "E")
    assert expected in str(locations.problem)
    assert "the one before stays in use" in str(locations.problem)

    replaced(path)
    clock.now += POLL_SECONDS
    assert locations(ADDRESS) == Found("DK")
    assert locations.problem is None


def test_without_a_file_every_place_is_unknown_until_there_is_one(tmp_path: Path) -> None:
    """A missing database is strict, not fatal."""
    clock, path = Clock(), tmp_path / "later.mmdb"
    locations = Locations(path, clock=clock)

    assert locations(ADDRESS) is None
    assert "there is no such file; every place is unknown" in str(locations.problem)

    write_mmdb(path)
    clock.now += POLL_SECONDS
    assert locations(ADDRESS) == Found("SE", "E")


def test_the_same_build_again_is_fine(tmp_path: Path) -> None:
    """A database rebuilt from the same data is not older."""
    clock, path = Clock(), write_mmdb(tmp_path / "city.mmdb")
    locations = Locations(path, clock=clock)
    replaced(path, epoch=JUNE)
    clock.now += POLL_SECONDS

    assert locations(ADDRESS) == Found("DK")


def test_readers_in_several_threads_see_old_or_new(tmp_path: Path) -> None:
    """A swap under load is never an error and never a mixture."""
    clock, path = Clock(), write_mmdb(tmp_path / "city.mmdb")
    locations = Locations(path, clock=clock)
    seen: set[object] = set()
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            for _ in range(3000):
                seen.add(locations(ADDRESS))
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(5):
        replaced(path, epoch=JUNE + number)
        clock.now += POLL_SECONDS
    for thread in threads:
        thread.join()

    assert failures == []
    assert seen <= {Found("SE", "E"), Found("DK")}


def test_nobodys_address_is_kept(tmp_path: Path) -> None:
    """What is remembered are networks."""
    locations = Locations(write_mmdb(tmp_path / "city.mmdb"))
    locations("216.160.83.57")

    assert locations._database is not None  # noqa: SLF001  # the memory itself: no address may be in it
    assert locations._database._near_ipv4("216.160.83.0") is not None  # noqa: SLF001  # the memory itself: no address may be in it
    assert "216.160.83.57" not in repr(vars(locations))


def test_the_bundled_database_answers() -> None:
    """Country everywhere, subdivision in the US and Canada."""
    locations = Locations()

    assert bundled().is_file()
    assert locations.problem is None
    assert locations("73.0.0.1") == Found("US", "FL")
    assert locations("24.48.0.1") == Found("CA", "QC")
    assert locations("2600::1") == Found("US", "OH")
    german = locations("91.0.0.1")
    assert german is not None
    assert (german.country, german.region) == ("DE", None)
