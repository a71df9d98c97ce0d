"""The line that a self-audit leaves in the log where what was done is not what the policy says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import orjson

from gatekeeper.audit.lines import Line, timestamp

KIND = "incident"


def incident_line(day: date, findings: Mapping[str, int], at: float) -> Line:
    """What a self-audit of a day found: how many findings each check has. The page of that day says which."""
    record = {"kind": KIND, "timestamp": timestamp(at), "day": day.isoformat(), "findings": dict(findings)}
    return Line(orjson.dumps(record))
