"""How visitors answer, over time and before and after a notice changed. Pure. What a ledger counted in, numbers out.

Only an answer to a question counts for a rate: what was accepted, refused or saved. What a visitor took back, objected
to or opted out of, and what a browser said by `Sec-GPC`, are counted beside it. A rate is of those who answered; who
ignored the question is in no ledger.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from math import ceil, sqrt
from typing import Final, NamedTuple

from gatekeeper.counting import counted
from gatekeeper.model import Permission, Purpose
from gatekeeper.model.choice import Counted, Method

ENOUGH: Final = 30  # answers before, and as many after, else a difference says nothing
SHOWN: Final = 6  # groups of a plot; smaller ones are put together
OTHERS: Final = "others"
UNKNOWN: Final = "unknown"
TAKEN_BACK: Final = (Method.WITHDRAW, Method.OBJECT, Method.OPT_OUT)
_NO_ANSWER: Final = frozenset({*TAKEN_BACK, Method.GPC})
_SURE: Final = 1.959964  # standard deviations: 95 of 100

Group = Callable[[Counted], str]


class Rate(NamedTuple):
    """Of how many answers about a purpose how many granted it."""

    granted: int = 0
    answers: int = 0

    @property
    def percent(self) -> float | None:
        """The part, of a hundred; `None` without an answer."""
        return 100 * self.granted / self.answers if self.answers else None


class Steps(NamedTuple):
    """A period in steps of so many seconds, from `begin` on (Unix seconds)."""

    begin: float
    step: float
    number: int

    def of(self, one: Counted) -> int:
        """The number of a step that choices fell into."""
        return min(max(int((one.begins - self.begin) // self.step), 0), self.number - 1)

    @property
    def times(self) -> list[float]:
        """Return when each step of the period begins; seconds since 1970."""
        return [self.begin + self.step * n for n in range(self.number)]

    @property
    def end(self) -> float:
        """When the last one is over."""
        return self.begin + self.step * self.number


def steps(now: float, whole: float, step: float) -> Steps:
    """The last `whole` seconds before `now`, in steps that begin at round times."""
    end = ceil(now / step) * step
    number = max(1, round(whole / step))
    return Steps(end - step * number, step, number)


def place(one: Counted) -> str:
    """Where choices were made: `DE`, or `US-CA` where a region is known."""
    return f"{one.country}-{one.region}" if one.country and one.region else one.country or UNKNOWN


def surface(one: Counted) -> str:
    """Where in the site choices were made."""
    return one.surface.value


def version(one: Counted) -> str:
    """Return the version of the notice that a choice was made under, or that it is unknown."""
    return one.version or UNKNOWN


def said(one: Counted, purpose: Purpose) -> Permission | None:
    """What choices say of a purpose."""
    return one.analytics if purpose is Purpose.ANALYTICS else one.marketing


def is_answer(one: Counted) -> bool:
    """Whether choices answer a question."""
    return one.method not in _NO_ANSWER


def rate(found: Iterable[Counted], purpose: Purpose) -> Rate:
    """The rate of some choices, as far as they are answers about the purpose."""
    granted = answers = 0
    for one in found:
        word = said(one, purpose)
        if word is not None and is_answer(one):
            answers += one.many
            granted += one.many if word is Permission.GRANTED else 0
    return Rate(granted, answers)


def rates(found: Sequence[Counted], over: Steps, purpose: Purpose, by: Group) -> dict[str, list[Rate]]:
    """The rates of each group in each step, the largest group first."""
    names = _largest(found, purpose, by)
    parts: dict[str, list[list[Counted]]] = {}
    for one in found:
        if said(one, purpose) is not None and is_answer(one):
            name = by(one) if by(one) in names else OTHERS
            parts.setdefault(name, [[] for _ in range(over.number)])[over.of(one)].append(one)
    return {
        name: [rate(part, purpose) for part in parts[name]] for name in (*names, OTHERS) if name in parts
    }  # fmt: skip


def taken_back(found: Iterable[Counted], over: Steps) -> dict[Method, list[int]]:
    """How many withdrawals, objections and opt-outs there were in each step."""
    made = {method: [0] * over.number for method in TAKEN_BACK}
    for one in found:
        if one.method in made:
            made[one.method][over.of(one)] += one.many
    return made


def gpc(found: Iterable[Counted], over: Steps) -> list[Rate]:
    """Of how many choices in each step the browser sent `Sec-GPC: 1`."""
    with_it, every = [0] * over.number, [0] * over.number
    for one in found:
        every[over.of(one)] += one.many
        with_it[over.of(one)] += one.many if one.gpc else 0
    return [Rate(*pair) for pair in zip(with_it, every, strict=True)]


class Effect(NamedTuple):
    """The rates before and after a notice changed, and between which differences the true one is, 95 times of 100.

    `least` and `most` are in points of a hundred, and `None` where there are too few answers to tell anything.
    """

    purpose: Purpose
    before: Rate
    after: Rate
    least: float | None = None
    most: float | None = None

    @property
    def sentence(self) -> str:
        """What can be said of it."""
        if self.least is None or self.most is None:
            fewest = min(self.before.answers, self.after.answers)
            return f"too few to tell: {counted(fewest, 'answer')} on one side, and {ENOUGH} are needed on each"
        points = (self.after.percent or 0.0) - (self.before.percent or 0.0)
        between = f"between {self.least:+.1f} and {self.most:+.1f} points"
        if self.least <= 0 <= self.most:
            return f"no difference can be told: {between}"
        return f"{'up' if points > 0 else 'down'} by {abs(points):.1f} points, {between}"


class Turn(NamedTuple):
    """A change of the notice: when the newer version was first answered, and what became of the rates.

    Both sides are equally long: `span` seconds, as long as both versions were there, or as long as the period.
    """

    was: str
    now: str
    at: float
    span: float
    effects: tuple[Effect, ...]
    places: dict[str, tuple[Rate, Rate]]  # of marketing: where both sides have answers


def turns(found: Sequence[Counted], over: Steps) -> list[Turn]:
    """Every change of the notice in a period, the newest first."""
    answers = [one for one in found if is_answer(one) and one.version is not None]
    first: dict[str, float] = {}
    for one in sorted(answers, key=lambda one: one.begins):
        first.setdefault(version(one), one.begins)
    order = list(first)
    made = []
    for n, (was, now) in enumerate(pairwise(order)):
        at = first[now]
        after = first[order[n + 2]] if n + 2 < len(order) else over.end
        span = max(min(at - first[was], after - at), over.step)
        sides = ([one for one in answers if version(one) == was and at - span <= one.begins < at],
                 [one for one in answers if version(one) == now and at <= one.begins < at + span])  # fmt: skip
        effects = tuple([effect(purpose, *sides) for purpose in (Purpose.ANALYTICS, Purpose.MARKETING)])
        made.append(Turn(was, now, at, span, effects, _by_place(*sides)))
    return made[::-1]


def effect(purpose: Purpose, before: Iterable[Counted], after: Iterable[Counted]) -> Effect:
    """Two rates and the interval of their difference (Newcombe 1998, method 10, of Wilson's intervals)."""
    one, other = rate(before, purpose), rate(after, purpose)
    if min(one.answers, other.answers) < ENOUGH:
        return Effect(purpose, one, other)
    (low, high), (lower, higher) = _wilson(one), _wilson(other)
    first, second = one.granted / one.answers, other.granted / other.answers
    least = second - first - sqrt((second - lower) ** 2 + (high - first) ** 2)
    most = second - first + sqrt((higher - second) ** 2 + (first - low) ** 2)
    return Effect(purpose, one, other, 100 * least, 100 * most)


def _wilson(one: Rate) -> tuple[float, float]:
    """Between which parts the true one is (Wilson 1927)."""
    n, part, z = one.answers, one.granted / one.answers, _SURE
    middle, wide = part + z * z / (2 * n), z * sqrt(part * (1 - part) / n + z * z / (4 * n * n))
    return (middle - wide) / (1 + z * z / n), (middle + wide) / (1 + z * z / n)


def _by_place(before: Sequence[Counted], after: Sequence[Counted]) -> dict[str, tuple[Rate, Rate]]:
    """Whether it is the same everywhere: a change of where visitors come from looks like one of the notice."""
    made: dict[str, tuple[Rate, Rate]] = {}
    for name in _largest([*before, *after], Purpose.MARKETING, place):
        sides = [rate([one for one in side if place(one) == name], Purpose.MARKETING) for side in (before, after)]
        if all(side.answers for side in sides):
            made[name] = sides[0], sides[1]
    return made


def _largest(found: Iterable[Counted], purpose: Purpose, by: Group) -> list[str]:
    """The groups with the most answers, as many as a plot shows."""
    sizes: Counter[str] = Counter()
    for one in found:
        if said(one, purpose) is not None and is_answer(one):
            sizes[by(one)] += one.many
    ordered = sorted(sizes, key=lambda name: (-sizes[name], name))
    return ordered if len(ordered) <= SHOWN else ordered[: SHOWN - 1]
