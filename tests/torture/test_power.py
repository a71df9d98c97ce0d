"""The power goes: folders as a disk may hold them are opened by the real store and log, and the promises are checked.

Killing a process cannot show that a sync is missing: the system still has what was written. This can.
"""

import re
import shutil
import time

import orjson
import pytest

from gatekeeper.audit.read import records
from gatekeeper.audit.verify import verify
from tests.torture import strace
from tests.torture.power import MODES, Disk, calls
from tests.torture.promises import Evidence, broken
from tests.torture.rounds import round_in
from tests.torture.scale import FULL, chance, figure
from tests.torture.scenario import POLICY
from tests.torture.vendor import Vendor

pytestmark = pytest.mark.skipif(strace.unavailable() is not None, reason=str(strace.unavailable()))
_ID = re.compile(rb'"event_id":"([^"]+)"')


def recording(parent, folder, *, first_start, bug="", **how):
    """The folder before, and everything that was called, in a round that may end with a kill and a recovery."""
    with round_in(folder, parent, "traced") as one:
        if not first_start:
            one.recover()
        disk = Disk(one.folder)
        killed = one.drive(bug=bug, trace=folder / "drive", **how)
        found = list(calls(folder / "drive"))
        if killed:
            one.recover(bug=bug, trace=folder / "recover")
            more = calls(folder / "recover")
            found += [call.__class__(call.begun + len(found), call.name, call.arguments, call.result) for call in more]
        said = one.said()
    requests = {line["accepted"]: line["request_id"] for line in said if "accepted" in line}
    posted = {name for line in said for name in line.get("posted", ())}
    return disk, found, requests, posted


def cut(parent, folder, state, requests, posted, bug=""):
    """Open what is left after a cut; the broken promises."""
    disk, there = state
    accepted = {
        line["accepted"]: line["request_id"]
        for line in map(orjson.loads, b"".join(disk.said).splitlines())
        if "accepted" in line
    }
    sent = {name.decode() for data in disk.sent if b"POST" in data for name in _ID.findall(data)}
    place = folder / "after"
    place.mkdir()
    for path, content in there.items():
        if content is None:
            (place / path).mkdir(parents=True, exist_ok=True)
        else:
            (place / path).write_bytes(content)
    for key in place.glob("keys/*"):
        key.chmod(0o600)
    written = {one["request_id"] for one in records(place / "audit") if one.get("kind") == "decision"}
    found = [
        f"unrecorded: {name} had left, its decision line did not survive"
        for name in sent
        if (requests.get(name) or name) not in written and (name in requests or name.startswith("req_"))
    ]
    with Vendor(place / "audit") as vendor:
        (place / "gatekeeper.toml").write_text(POLICY.format(endpoint=vendor.url))
        vendor.tail.look()
        parent.begin(do="recover", folder=str(place), bug=bug, seconds=4.0)
        parent.end()
        said = [orjson.loads(line) for line in place.with_suffix(".said").read_bytes().splitlines()]
        if any("recovered" in line for line in said):
            vendor.tail.look()
            evidence = Evidence(
                posted, accepted, list(vendor.receipts), vendor.tail.order, list(records(place / "audit")),
                [line["books"] for line in said if "books" in line], [time.monotonic()],
                verify(place / "audit").problems, frozenset(sent),
            )  # fmt: skip
            found += broken(evidence)
        else:
            found.append("lost: it did not start again: " + place.with_suffix(".err").read_text()[-300:])
    shutil.rmtree(place)
    for suffix in (".said", ".err"):
        place.with_suffix(suffix).unlink()
    return found, len(accepted)


def cuts(parent, folder, random, count, *, only=None, late=False, answered=False, **how):
    """Power cuts at random instants of one recording; what was broken by which, and how many 202s there were before."""
    disk, found, requests, posted = recording(parent, folder, **how)
    interesting = [n for n, call in enumerate(found) if call.name not in ("openat", "close")]
    if late:  # after most of the 202s
        interesting = interesting[len(interesting) * 2 // 3 :]
    if answered:  # just behind the last 202
        last = max(n for n in interesting if any(b'"accepted"' in text for text in found[n].texts))
        interesting = [n for n in interesting if n >= last][:5]
    places = sorted(random.choice(interesting) for _ in range(count))
    wrong, accepted, at = {}, 0, 0
    for n, place in enumerate(places):
        for call in found[at : place + 1]:
            disk.take(call)
        at = max(at, place + 1)
        mode = only or MODES[n % 3]
        broken_now, promised = cut(
            parent, folder, (disk, disk.after_the_cut(mode, random)), requests, posted, how.get("bug", "")
        )
        accepted += promised
        if broken_now:
            wrong[f"{how} {mode} after call {place} of {len(found)}"] = broken_now
            print(mode, place, len(found), found[place].name, broken_now[:3])
    return wrong, accepted


def test_what_was_answered_202_survives_the_power_going(parent, tmp_path):
    """From the very first start, from a used folder, and while recovering from a kill between a line and its sync."""
    began, random = time.monotonic(), chance("power")
    kinds = [
        {"first_start": False},
        {"first_start": True},
        {"first_start": False, "unsynced": 2, "apart": True},
        {"first_start": False, "inject": "sendto:signal=SIGKILL:when=7"},
    ]
    count = (30, 16, 18, 10) if FULL else (2, 0, 2, 0)
    wrong, accepted = {}, 0
    for how, cases in zip(kinds, count, strict=True):
        if cases:
            more, promised = cuts(parent, tmp_path, random, cases, **how)
            wrong |= more
            accepted += promised
    figure("power cuts", cases=sum(count), broken=len(wrong), seconds=time.monotonic() - began, accepted=accepted)
    assert wrong == {}
