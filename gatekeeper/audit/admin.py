"""The line that stands in the log before an operator does something with people's data. Pure. No record, no act.

It names who acts, what they do, and how much; never whom it is about: an erasure does not remove it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import orjson

from gatekeeper.audit.lines import Line, timestamp


def admin_line(
    *,
    at: float,
    who: str,
    action: str,
    kinds: Iterable[str] = (),
    counts: Mapping[str, int] | None = None,
    erasure: str | None = None,
    result: str = "allowed",
) -> Line:
    """One act: `who` is the name of a token in the policy, or `cli:` and a user's number.

    `kinds` are types of the identifiers that were given, `counts` what it is about, `erasure` an `er_…` or `sup_…`, and
    `result` is `allowed` or why it was refused.
    """
    record = {
        "kind": "admin", "timestamp": timestamp(at), "who": who, "action": action, "identifiers": sorted(kinds),
        "counts": dict(counts or {}), "erasure": erasure, "result": result,
    }  # fmt: skip
    return Line(orjson.dumps(record))
