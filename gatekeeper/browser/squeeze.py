"""JavaScript without comments, without space that nothing needs, and with short names. Pure. Source in, source out.

So a script can be read in the package and is small on the wire, without a build step. Strings, templates and regular
expressions stay as they are; ends of lines stay where a statement may end there. What a served script keeps to:

- a regular expression stands behind an operator, a bracket or a comma;
- a name that it declares is used for no global and for no label.

A name gets a short one if it is declared (`const`, `let`, `function`, or the one parameter of an arrow) and nowhere
looks like the name of a property; in doubt it stays. A declaration ends with a semicolon.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Final, NamedTuple

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
_NAME: Final = re.compile(r"[A-Za-z_$][\w$]*")


class Token(NamedTuple):
    """A token, and what stood before it: nothing, a space or the end of a line."""

    text: str
    gap: str = ""


def squeezed(source: str) -> str:
    """The same script, shorter. Raises ValueError for a string, template or comment without an end."""
    tokens = list(_tokens(source))
    short = _short(tokens)
    parts: list[str] = []
    for token in tokens:
        text = token.text
        if parts and token.gap:
            parts.append(_between(parts[-1], token.gap, text))
        parts.append(short.get(text, text))
    return "".join(parts) + "\n"


def _tokens(source: str) -> Iterator[Token]:
    gap = before = ""
    at = 0
    while at < len(source):
        found = None
        if not source.startswith(("//", "/*"), at) and (not before or before[-1] in _OPERATORS or before in _WORDS):
            found = _PATTERN.match(source, at)
        kind = "text" if found is not None else ""
        if found is None:
            found = _TOKEN.match(source, at)
            kind = "" if found is None or found.lastgroup is None else found.lastgroup
        if found is None or (kind == "other" and (found[0] in "\"'`" or source.startswith("/*", at))):
            raise ValueError(f"line {source.count(chr(10), 0, at) + 1}: what begins here does not end")
        at = found.end()
        if kind in ("comment", "space"):
            gap = "\n" if "\n" in found[0] + gap else " "
            continue
        yield Token(found[0], gap)
        before, gap = found[0], ""


def _short(tokens: Sequence[Token]) -> dict[str, str]:
    """Name -> its short one, the most frequent first."""
    texts = ["", *[token.text for token in tokens], "", "", ""]
    places = {place for n, text in enumerate(texts) if text in ("const", "let") for place in _declares(texts, n + 1)}
    declared = {texts[place] for place in places}
    properties: set[str] = set()
    for n, text in enumerate(texts):
        if text.startswith("`"):
            properties.update(_NAME.findall(text))
        if not _NAME.fullmatch(text):
            continue
        before, after = texts[n - 1], texts[n + 1]
        if before == "function" or (before == "(" and texts[n + 1 : n + 4] == [")", "=", ">"]):
            declared.add(text)
        listed = before in ("{", ",") and after in (",", "}", ":", "=") and n not in places
        if before == "." or listed or (after == "(" and before != "function" and _defines(texts, n + 1)):
            properties.add(text)
    wanted = [name for name, _ in Counter(texts).most_common() if name in declared - properties and len(name) > 2]
    taken = set(texts)
    letters = "abcdefghijklmnopqrstuvwxyz"
    free = [*letters, *map("".join, product(letters, repeat=2))]
    return dict(zip(wanted, [name for name in free if name not in taken], strict=False))


def _declares(texts: Sequence[str], at: int) -> Iterator[int]:
    """Where the names of a declaration stand that begins at this place: first, and behind each comma of its own."""
    depth = 0
    for n in range(at, len(texts)):
        text = texts[n]
        if not depth and _NAME.fullmatch(text) and (n == at or texts[n - 1] == ","):
            yield n
        depth += (text in ("(", "[", "{")) - (text in (")", "]", "}"))
        if depth < 0 or (not depth and text in (";", "of", "in", "")):
            return


def _defines(texts: Sequence[str], at: int) -> bool:
    """Whether the bracket at this place is that of a method's parameters: a body follows."""
    depth = 0
    for n in range(at, len(texts)):
        depth += (texts[n] == "(") - (texts[n] == ")")
        if not depth:
            return texts[n + 1 : n + 2] == ["{"]
    return False


def _between(before: str, gap: str, after: str) -> str:
    """What is kept of the space between two tokens."""
    last, first = before[-1], after[0]
    if gap == "\n" and last not in "{([,;=&|?:<>*%" and first not in ")],;.?:&|=<>*%":
        return "\n"  # a statement may end here
    wordy = (last.isalnum() or last in "_$#") and (first.isalnum() or first in "_$#")
    return " " if wordy or last + first in ("++", "--", "+-", "-+") or "/" in (last, first) else ""
