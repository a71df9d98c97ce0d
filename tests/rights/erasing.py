"""Requests for erasure at a real gate, with a clock that can be put forward and vendors without a socket."""

from __future__ import annotations

import contextlib
import gzip
import re
import time
import zlib

from gatekeeper.errors import DeliveryError
from gatekeeper.model import Answer
from gatekeeper.rights.drive import service
from gatekeeper.rights.progress import Progress
from gatekeeper.testing.deletions import Deletions
from tests.rights.vendors import answered

STRONG = "5f0c3a9d71e24b685f0c3a9d71e24b6a"
POLICY = f"""
[policy]
version = "1"
controller = "Shop GmbH"

[jurisdiction]
default = "gdpr"

[destinations.own]
kind = "first_party"
endpoint = "http://127.0.0.1:9/events"
erasure_endpoint = "http://127.0.0.1:9/dsr"
fields = ["page_url", "order_value", "user_id", "client_id", "session_id"]
erasure = {{ secret = "{STRONG}" }}

[destinations.ga4]
kind = "ga4"
measurement_id = "G-TEST"
api_secret = "S"
endpoint = "http://127.0.0.1:9"
erasure_endpoint = "http://127.0.0.1:9"
erasure = {{ token = "T", property_id = "123" }}

[destinations.ads]
kind = "http_json"
purpose = "marketing"
endpoint = "http://127.0.0.1:9/in"
fields = ["page_url", "order_value", "email", "phone", "external_id", "fbp", "fbclid"]

[destinations.meta]
kind = "meta_capi"
pixel_id = "1"
access_token = "T"
endpoint = "http://127.0.0.1:9"
"""
FINAL = {"own": "confirmed", "ga4": "accepted", "ads": "manual", "meta": "not_possible"}


class Clock:
    """Time that can be put forward."""

    def __init__(self):
        self.ahead = 0.0

    def __call__(self):
        return time.time() + self.ahead

    def days(self, count):
        self.ahead += count * 86_400.0


class Office:
    """Everything about requests at one gate. `answer` stands in for every vendor's."""

    def __init__(self, runtime, vendor=None, edge=lambda name: None):
        self.clock, self.vendor = Clock(), vendor or Deletions(STRONG)
        self.sent, self.answer, self.down = [], None, False
        self.erasures = service(
            lambda: runtime.policy,
            lambda: runtime.keys,
            runtime.store,
            runtime.erasing.erasures.ports.writer,
            self.clock,
        )
        self.progress = Progress(self.erasures, self._opened, edge)

    @contextlib.asynccontextmanager
    async def _opened(self):
        yield self._send

    async def _send(self, outgoing):
        self.sent.append(outgoing)
        if self.down:
            raise DeliveryError("unreachable")
        if self.answer is not None:
            return Answer(*self.answer)
        got, problems = answered(self.vendor, outgoing)
        assert problems == (), problems
        return got

    def request(self, **given):
        options = {
            key: given.pop(key) for key in ("link", "law", "verified_by", "by", "received", "dry_run") if key in given
        }
        options = {"verified_by": "login", "by": "ann", "law": "gdpr"} | options
        return self.erasures.request([{"type": kind, "value": value} for kind, value in given.items()], **options)

    def approved(self, **given):
        erasure = self.request(**given)["id"]
        self.erasures.approve(erasure, by="bob")
        return erasure

    def run(self, erasure):
        (found,) = self.progress.run(erasure)
        return found

    def states(self, erasure):
        return {one["name"]: one["state"] for one in self.erasures.show(erasure)["destinations"]}


def every_byte(folder):
    """All files under a folder, as they are and opened: gzip, zlib, Parquet."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        yield path, data
        if data[:2] == b"\x1f\x8b":
            with contextlib.suppress(OSError, EOFError):
                yield path, gzip.decompress(data)
        yield from ((path, one) for one in _inflated(data))
        if path.suffix == ".parquet":
            import duckdb

            rows = duckdb.sql(f"SELECT * FROM read_parquet('{path}')").fetchall()
            yield path, repr(rows).encode()


def _inflated(data):
    """Every zlib stream that begins somewhere in some bytes, as SQLite holds lines that wait."""
    for start in (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"):
        at = data.find(start)
        while at >= 0:
            with contextlib.suppress(zlib.error):
                found = zlib.decompressobj().decompress(data[at:], 1_000_000)
                if len(found) > 16:
                    yield found
            at = data.find(start, at + 1)


def holding(folder, needles):
    """The files in which one of the needles stands, with the needle."""
    by_shape, rest = shaped(needles)
    found = []
    for path, data in every_byte(folder):
        found += [(path.name, one.decode()) for one in rest if one in data]
        for shape, wanted in by_shape.items():
            there = b"\0".join({*shape.findall(data)})  # far less than the data
            found += [(path.name, one.decode()) for one in wanted if there and one in there]
    return found


SHAPES = (re.compile(rb"p_[0-9a-f]{22}"), re.compile(rb"[0-9a-f]{64,}"), re.compile(rb"[\w.@-]*canary[\w.@-]*"))
"""What most needles look like. Thousands of them are looked for among what a file has of that shape."""


def shaped(needles):
    """Needles by the shape that they are whole of, and those without one."""
    by_shape, rest = {}, []
    for one in {needle.encode() for needle in needles}:
        shape = next((shape for shape in SHAPES if shape.fullmatch(one)), None)
        (rest if shape is None else by_shape.setdefault(shape, [])).append(one)
    return by_shape, rest


__all__ = ["FINAL", "POLICY", "Office", "every_byte", "holding"]
