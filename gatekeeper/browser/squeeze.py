"""JavaScript without its comments and the space that nothing needs. Pure. Source in, shorter source out.

So a script can be read in the package and is small on the wire, without a build step. Strings, templates and regular
expressions stay as they are; ends of lines stay where a statement may end there. Two rules for what is served: a
regular expression stands behind an operator, a bracket or a comma, and a comment does not stand inside a template.
"""

from __future__ import annotations

import re
from typing import Final

# What a slash begins a regular expression behind; behind anything else it divides.
_OPERATORS: Final = "(,=:[!&|?{};+*<>~^%"
_WORDS: Final = ("return", "typeof", "case", "in", "of", "void")
_TOKEN: Final = re.compile(
    r"""
    (?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)
    |(?P<comment>//[^\n]*|/\*.*?\*/)
    |(?P<space>\s+)
    |(?P<word>[\w$\#]+)
    |(?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_PATTERN: Final = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/[a-z]*")


def squeezed(source: str) -> str:
    """The same script, shorter. Raises ValueError for a string, template or comment without an end."""
    parts: list[str] = []
    gap = ""  # what stood between the last part and the next: nothing, a space, an end of line
    at = 0
    while at < len(source):
        found = _PATTERN.match(source, at) if _may_begin_pattern(parts) else None
        if found is not None and not source.startswith(("//", "/*"), at):
            kind = "text"
        else:
            found = _TOKEN.match(source, at)
            kind = "" if found is None or found.lastgroup is None else found.lastgroup
        if found is None or (kind == "other" and (found[0] in "\"'`" or source.startswith("/*", at))):
            raise ValueError(f"line {source.count(chr(10), 0, at) + 1}: what begins here does not end")
        at = found.end()
        if kind in ("comment", "space"):
            gap = "\n" if "\n" in found[0] + gap else " "
            continue
        if parts and gap:
            parts.append(_between(parts[-1], gap, found[0]))
        parts.append(found[0])
        gap = ""
    return "".join(parts) + "\n"


def _may_begin_pattern(parts: list[str]) -> bool:
    before = next((part for part in reversed(parts) if part.strip()), "")
    return not before or before[-1] in _OPERATORS or before in _WORDS


def _between(before: str, gap: str, after: str) -> str:
    """What is kept of the space between two tokens."""
    last, first = before[-1], after[0]
    if gap == "\n" and last not in "{([,;=&|?:<>*%" and first not in ")],;.?:&|=<>*%":
        return "\n"  # a statement may end here
    wordy = (last.isalnum() or last in "_$#") and (first.isalnum() or first in "_$#")
    return " " if wordy or last + first in ("++", "--", "+-", "-+") or "/" in (last, first) else ""
