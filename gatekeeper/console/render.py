"""Pages as HTML. A template and its values in, a text out; everything is escaped that no macro of ours made.

Filters: `words` makes `no_analytics_consent` readable, `amount` writes a number, `ago` a span of seconds, `moment` and
`clock` a time, `size` a number of bytes, `sentence` a sentence, `cause` why a field is stripped.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gatekeeper.console import plots
from gatekeeper.counting import counted

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_OPENS, _ENDS = "<!--later-->", "<!--/later-->"  # values are escaped: none can hold them


class Halves(NamedTuple):
    """A page around the part that may come later: what is before it, the words that one waits with, what is behind."""

    before: str
    waiting: str
    behind: str

    def whole(self, part: str) -> str:
        """The page with its part: it was there in time."""
        return self.before + part + self.behind


def rendered(template: str, values: Mapping[str, Any]) -> str:
    """Return a template's page, filled with these values and escaped."""
    return _environment().get_template(template).render(**values)


def halves(template: str, values: Mapping[str, Any]) -> Halves:
    """A page whose template has `waits(…)`, without the part that stands there."""
    before, _, rest = rendered(template, values).partition(_OPENS)
    waiting, _, behind = rest.partition(_ENDS)
    return Halves(before, waiting, behind)


def waits(sentence: str) -> Markup:
    """Where a part comes later, with what is said meanwhile. The style sheet hides it once something follows it."""
    from markupsafe import Markup

    told = Markup('<p class="waits" role="status">{}</p>').format(sentence)
    return Markup("<!--later-->{}<!--/later-->").format(told)


def words(code: str) -> str:
    """A code as words: `no_analytics_consent` is `no analytics consent`."""
    return code.replace("_", " ")


def amount(number: float | None) -> str:
    """A number for people: `1,204`, `3.5`, or a dash for one that is not known."""
    if number is None:
        return "–"
    return f"{int(number):,}" if number == int(number) else f"{number:,.1f}"


def grouped(cell: str) -> str:
    """A number that is written out, for people: `6231` is `6,231`."""
    return f"{int(cell):,}" if cell.isdecimal() else cell


def sentence(text: str) -> str:
    """Words with a great letter and a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def cause(code: str) -> str:
    """Why a field is stripped: `not_needed` is `not in its allow-list`."""
    return _CAUSES.get(code, words(code))


def clock(text: str) -> str:
    """An RFC 3339 time in UTC for people: `2026-11-30 14:22:05`."""
    return text.replace("T", " ").rstrip("Z").partition(".")[0]


def ago(seconds: float | None) -> str:
    """A span of time, in the largest unit of which it has two: `40 seconds`, `3 hours`."""
    if seconds is None:
        return "–"
    whole = max(0, int(seconds))
    unit, of = next((row for row in _SPANS if whole >= 2 * row[1]), ("second", 1))
    return counted(whole // of, unit)


def moment(seconds: float | None) -> str:
    """A time in UTC: `2026-11-30 14:22:05`."""
    return "–" if seconds is None else time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))


def size(number: float | None) -> str:
    """A number of bytes: `3.4 MiB`."""
    if number is None:
        return "–"
    for unit, of in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if number >= of:
            return f"{number / of:.1f} {unit}"
    return f"{int(number)} B"


_CAUSES: Final = {"purpose": "not of its purpose", "not_needed": "not in its allow-list"}
_SPANS: Final = (("day", 86_400), ("hour", 3_600), ("minute", 60))


@cache
def _environment() -> Environment:
    # Imported with the first page: most processes never show one.
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    made = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False,
        loader=FunctionLoader(_source),
    )  # fmt: skip
    made.filters.update(
        words=words, amount=amount, ago=ago, moment=moment, size=size, grouped=grouped, sentence=sentence, cause=cause,
        clock=clock,
    )  # fmt: skip
    made.globals.update(counted=counted, drawn=plots.drawn, plot_rows=plots.rows, waits=waits)
    return made


def _source(name: str) -> str:
    return files("gatekeeper.console").joinpath("templates", name).read_text("utf-8")
