"""bench.json: what a run found, as plain values (docs/benchmarks.md says what each key means)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from gatekeeper.errors import ConfigError

from .shape import Outcome, Scenario
from .spread import middle

FORMAT = 1


def scenario_record(scenario: Scenario, outcomes: Mapping[str, Outcome]) -> dict[str, Any]:
    """One scenario."""
    return {
        "title": scenario.title,
        "contestants": {name: _contestant(outcome) for name, outcome in outcomes.items()},
    }


def _contestant(outcome: Outcome) -> dict[str, Any]:
    return {
        "status": outcome.status,
        "why": outcome.why,
        "note": outcome.note,
        "memory_mb": outcome.memory_mb,
        "metrics": {
            name: {
                "unit": metric.unit,
                "better": metric.better,
                "rounds": metric.rounds,
                "unclean": metric.unclean,
                **middle(metric.rounds),
            }
            for name, metric in outcome.metrics.items()
            if metric.rounds
        },
        "latency": outcome.latency,
    }


def write(path: Path, result: Mapping[str, Any]) -> None:
    """Write it whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2))
    part.replace(path)


def read(path: Path) -> dict[str, Any]:
    """A result file. Raises ConfigError, in one line, if it is none or of another format."""
    try:
        result = orjson.loads(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"--compare: {path}: {(error.strerror or 'cannot be read').lower()}") from None
    except orjson.JSONDecodeError:
        raise ConfigError(f"--compare: {path} is not JSON") from None
    if not isinstance(result, dict) or not isinstance(result.get("format"), int):
        raise ConfigError(f"--compare: {path} is not a result of gatekeeper bench")
    if result["format"] != FORMAT:
        raise ConfigError(
            f"--compare: {path} has format {result['format']}, this version reads {FORMAT}; "
            "measure the older state again with this harness"
        )
    return result
