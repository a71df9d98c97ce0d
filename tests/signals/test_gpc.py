"""Sec-GPC by the letter: tests/vectors/gpc.json."""

import json
from pathlib import Path

import pytest

from gatekeeper.signals import gpc, header_values

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "gpc.json").read_text("utf-8"))


@pytest.mark.parametrize("row", [pytest.param(row, id=row["name"]) for row in VECTORS if "headers" in row["input"]])
def test_only_exactly_1_opts_out(row):
    """Anything else is as if the header were absent."""
    headers = [(name.lower().encode(), value.encode()) for name, value in row["input"]["headers"]]
    assert bool(gpc.read(header_values(headers, b"sec-gpc"))) is row["expect"]["gpc"]
