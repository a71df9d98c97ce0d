"""A log of any number of lines, made fast: the gate's own decision line, sealed again for other persons and times.

Streams, segments and signatures are those of the writer, so that the log is sound. Segments are compressed as soon as
they are full: ten million lines take about two gigabytes.
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from gatekeeper.audit import read, segments
from gatekeeper.audit.chores import compress
from gatekeeper.audit.lines import Line, timestamp
from gatekeeper.audit.signing import Signer
from gatekeeper.audit.stream import ROTATE, Stream
from gatekeeper.installation import ids
from gatekeeper.policy import Policy
from gatekeeper.runtime import Runtime
from tests.rights import people

EACH = 5_000  # lines that are written at once
VISITS = 12  # lines of a person, on three devices
DAYS = 90.0


def pseudonym(n: int) -> str:
    """One of somebody made up."""
    return f"p_{n * 0x9E3779B97F4A7C15 % (1 << 88):022x}"


def named_at(n: int, at: float) -> str:
    """The id of the n-th line, which was made at a time."""
    return f"{ids.request_id(at)[:14]}{n:016d}"


def template(runtime: Runtime) -> tuple[bytes, bytes, bytes]:
    """The core of a decision line of this gate, before and after its time and its request id."""
    people.send(runtime.gate, {"user_id": "u", "page_url": "/", "order_value": 2.0}, headers=people.cookie("analytics"))
    runtime.write()
    (raw,) = [
        line
        for segment in read.files(runtime.policy.audit_folder)
        for line in segments.lines(segment)
        if b'"kind":"decision"' in line
    ]
    record = orjson.loads(raw)
    for key in ("stream", "n", "mac", "commitment", "hash", "subjects", "names", "salt"):
        record.pop(key, None)
    at, request = record["timestamp"].encode(), record["request_id"].encode()
    before, _, rest = orjson.dumps(record).partition(at)
    between, _, after = rest.partition(request)
    assert at not in after and request not in after
    return before, between, after


def lines(
    parts: tuple[bytes, bytes, bytes], count: int, end: float, person: frozenset[str], busy: frozenset[str]
) -> Iterator[list[Line]]:
    """Lines up to a time, spread over `DAYS`.

    `person` comes on twelve days and leaves eight lines each time, `busy` leaves the last and each ten-thousandth line.
    """
    before, between, after = parts
    named = {count * (day + 1) // (VISITS + 1) + n: sorted(person) for day in range(VISITS) for n in range(8)}
    named |= {n: sorted(busy) for n in (*range(9_999, count, 10_000), count - 1)}
    made: list[Line] = []
    for n in range(count):
        at = end - DAYS * 86_400 * (1 - n / count)
        who = n // VISITS
        device = pseudonym(-1 - 3 * who - n % 3)
        refs = (*named[n], device) if n in named else (pseudonym(3 * who), device, pseudonym((1 << 60) + n))
        core = b"%s%s%s%s%s" % (before, timestamp(at).encode(), between, named_at(n, at).encode(), after)
        made.append(Line(core, refs))
        if len(made) == EACH:
            yield made
            made = []
    yield made


def write(
    policy: Policy,
    parts: tuple[bytes, bytes, bytes],
    count: int,
    end: float,
    person: frozenset[str],
    busy: frozenset[str],
    *,
    rotate: int = ROTATE,
) -> None:
    """Add a stream of so many lines to the log of an installation whose gate does not run."""
    stream = Stream(policy.audit_folder, signer=Signer(policy.keys_folder), rotate=rotate, fsync=False)
    for some in lines(parts, count, end, person, busy):
        stream.write(some)
        stream.checkpoint()  # in life a minute has fewer lines
        while stream.closed:
            compress(stream.closed.pop())
    last = stream.segment()
    stream.close()
    for one in (*stream.closed, last):
        segments.pack(one)
