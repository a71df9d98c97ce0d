"""A histogram of durations with a bounded relative error (HDR: 128 linear steps per power of two). Pure.

Whole microseconds in, percentiles out; the error of a recorded value is below 0.8 %. Two histograms of different
rounds merge without loss, and its pairs are what is written to bench.json.
"""

from __future__ import annotations

from collections.abc import Iterable

_STEPS = 7  # 2**7 linear steps in each power of two


def _bucket(value: int) -> int:
    shift = max(0, value.bit_length() - _STEPS - 1)
    return shift << (_STEPS + 1) | value >> shift


def _highest(bucket: int) -> int:
    shift, step = bucket >> (_STEPS + 1), bucket & (1 << (_STEPS + 1)) - 1
    return (step + 1 << shift) - 1


class Histogram:
    """Counts of durations in whole microseconds."""

    def __init__(self, pairs: Iterable[tuple[int, int]] = ()) -> None:
        """`pairs` are (microseconds, count), as `pairs()` gives them."""
        self._counts: dict[int, int] = {}
        self.count = 0
        self.max = 0
        for value, count in pairs:
            self.record(value, count)

    def record(self, value: int, count: int = 1) -> None:
        """Note a duration; a negative one counts as nought."""
        value = max(0, value)
        bucket = _bucket(value)
        self._counts[bucket] = self._counts.get(bucket, 0) + count
        self.count += count
        self.max = max(self.max, value)

    def merge(self, other: Histogram) -> None:
        """Add everything another histogram holds."""
        for bucket, count in other._counts.items():
            self._counts[bucket] = self._counts.get(bucket, 0) + count
        self.count += other.count
        self.max = max(self.max, other.max)

    def percentile(self, percent: float) -> int:
        """The duration that `percent` of all do not exceed, in microseconds; 0 where nothing was recorded."""
        wanted, seen = self.count * percent / 100, 0
        for bucket in sorted(self._counts):
            seen += self._counts[bucket]
            if seen >= wanted:
                return min(_highest(bucket), self.max)
        return self.max

    def pairs(self) -> list[tuple[int, int]]:
        """(Microseconds, count) in ascending order: a histogram made of them has the same percentiles."""
        return [(min(_highest(bucket), self.max), self._counts[bucket]) for bucket in sorted(self._counts)]

    def summary(self) -> dict[str, float]:
        """p50, p90, p99, p99.9 and max in milliseconds."""
        named = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99.9": 99.9}
        return {name: self.percentile(at) / 1000 for name, at in named.items()} | {"max": self.max / 1000}
