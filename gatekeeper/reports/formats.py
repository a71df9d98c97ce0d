"""A document in the formats that people and programs take. Pure; `xlsx` needs the extra `reports`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from html import escape
from typing import Any, Final

from gatekeeper.browser import RIGHT_TO_LEFT
from gatekeeper.errors import missing
from gatekeeper.reports.cells import Cell, Document, Sheet, State

_WIDE: Final = 6  # columns that fit on a page; a wider sheet is a table for each row
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #1a1a1a }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem } h3 { font-size: 1rem }
table { border-collapse: collapse; width: 100% } th, td { padding: .2rem .6rem; text-align: start; vertical-align: top;
border-bottom: 1px solid #ddd; overflow-wrap: anywhere } small { color: #666; display: block }
.fill { background: #fff3cd } .differs { background: #f8d7da }
@media (prefers-color-scheme: dark) { body { background: #161616; color: #eee } th, td { border-color: #333 }
small { color: #aaa } .fill { background: #4d3c00 } .differs { background: #5c1f24 } }
@media print { body { max-width: none } }
"""
_CLASSES: Final = {State.FINE: "", State.FILL: ' class="fill"', State.DIFFERS: ' class="differs"'}


def safe(text: str) -> str:
    """A cell of a spreadsheet: what would be taken for a formula begins with an apostrophe."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def markdown(document: Document) -> bytes:
    """The document in Markdown: tables, each value followed by its origin."""
    parts = [
        f"# {_plain(document.title)}",
        "",
        *(f"- {_plain(name)}: {_plain(value)}" for name, value in _facts(document)),
        "",
    ]
    parts += [f"> {_plain(document.note)}", ""]
    for title, head, rows in _tables(document):
        parts += [title, "", "| " + " | ".join(map(_plain, head)) + " |", "|" + "---|" * len(head)]
        parts += ["| " + " | ".join(_marked(cell, document.origins) for cell in row) + " |" for row in rows]
        parts.append("")
    parts += ["## Sources", ""] if document.statements else []
    parts += [f"- {_plain(one.text)} ({_plain(one.source)}; read {one.reviewed})" for one in document.statements]
    return ("\n".join(parts) + "\n").encode()


def html(document: Document) -> bytes:
    """The document as one page that loads nothing."""
    body = [f"<h1>{escape(document.title)}</h1><ul>"]
    body += [f"<li>{escape(name)}: {escape(value)}</li>" for name, value in _facts(document)]
    body.append(f"</ul><p><strong>{escape(document.note)}</strong></p>")
    for title, head, rows in _tables(document):
        level = title.count("#", 0, 4)
        body.append(f"<h{level}>{escape(title.lstrip('# '))}</h{level}><table><tr>")
        body += [f"<th>{escape(name)}</th>" for name in head]
        body.append("</tr>")
        for row in rows:
            body.append("<tr>" + "".join(_in_html(cell, document.origins) for cell in row) + "</tr>")
        body.append("</table>")
    body.append("<h2>Sources</h2><ul>" if document.statements else "<ul>")
    body += [
        f"<li>{escape(one.text)} <small>{escape(one.source)}; read {one.reviewed}</small></li>"
        for one in document.statements
    ]
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        f'<!doctype html><html lang="{escape(document.language)}" dir="{_direction(document.language)}">'
        '<meta charset="utf-8">'
        f'<title>{escape(document.title)}</title><meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>{"".join(body)}</ul></html>\n'
    ).encode()


def rows_of(document: Document) -> Iterator[tuple[str, str, str, str, str, str]]:
    """Every cell: sheet, row, column, value, origin, state."""
    for sheet in document.sheets:
        for row in sheet.rows:
            for column, cell in zip(sheet.columns, row, strict=True):
                yield sheet.name, row[0].shown, column, cell.shown, cell.source, cell.state.value


LONG: Final = ("sheet", "row", "column", "value", "origin", "state")


def as_csv(document: Document) -> bytes:
    """A line per cell, then the statements and the note; formulas escaped."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(LONG)
    writer.writerows([[safe(part) for part in line] for line in rows_of(document)])
    writer.writerows(
        [
            ["Sources", one.id, "text", safe(one.text), safe(f"{one.source}; {one.reviewed}"), ""]
            for one in document.statements
        ]
    )
    writer.writerows([["Document", name, "", safe(value), "", ""] for name, value in _facts(document)])
    writer.writerow(["Document", "note", "", safe(document.note), "", ""])
    return out.getvalue().encode("utf-8-sig")


def as_json(document: Document) -> bytes:
    """The document as an object, cells with value, origin and state."""
    made = {
        "report": document.report,
        "title": document.title,
        "language": document.language,
        **dict(_facts(document)),
        "note": document.note,
        "sheets": [
            {
                "name": sheet.name,
                "rows": [
                    {
                        column: {"value": cell.shown, "origin": cell.source, "state": cell.state.value}
                        for column, cell in zip(sheet.columns, row, strict=True)
                    }
                    for row in sheet.rows
                ],
            }
            for sheet in document.sheets
        ],
        "sources": [
            {"id": one.id, "text": one.text, "source": one.source, "reviewed": one.reviewed}
            for one in document.statements
        ],
        "findings": [
            {
                "sheet": one.sheet,
                "row": one.row,
                "column": one.column,
                "state": one.cell.state.value,
                "value": one.cell.shown,
            }
            for one in document.findings
        ],
    }
    return (json.dumps(made, ensure_ascii=False, indent=2) + "\n").encode()


def xlsx(document: Document) -> bytes:
    """A workbook: a sheet per table, one with the origin of every cell, one with sources. Raises ConfigError."""
    try:
        from openpyxl import Workbook
        from openpyxl.cell import WriteOnlyCell
        from openpyxl.styles import Alignment, Font, PatternFill
        from openpyxl.utils.exceptions import IllegalCharacterError
    except ImportError:
        raise missing("a spreadsheet", "openpyxl", "reports") from None
    fills = {State.FILL: PatternFill("solid", "FFF3CD"), State.DIFFERS: PatternFill("solid", "F8D7DA")}
    book = Workbook(write_only=True)
    names: set[str] = set()

    def add(name: str, head: tuple[str, ...], rows: Iterator[list[tuple[str, State]]]) -> None:
        page = book.create_sheet(_sheet_name(name, names))
        page.freeze_panes = "B2"

        def cell(text: str, state: State = State.FINE, bold: bool = False) -> Any:
            try:
                made = WriteOnlyCell(page, safe(text))
            except IllegalCharacterError:
                made = WriteOnlyCell(page, safe("".join(one if one.isprintable() else "\ufffd" for one in text)))
            made.data_type = "s"  # never a formula, whatever it begins with
            made.alignment = Alignment(wrap_text=True, vertical="top")
            made.font = Font(bold=bold)
            if state in fills:
                made.fill = fills[state]
            return made

        page.append([cell(name, bold=True) for name in head])
        for row in rows:
            page.append([cell(text, state) for text, state in row])

    for sheet in document.sheets:
        add(sheet.name, sheet.columns, ([(cell.shown, cell.state) for cell in row] for row in sheet.rows))
    add("Origins", LONG, ([(part, State.FINE) for part in line] for line in rows_of(document)))
    about = [[(name, State.FINE), (value, State.FINE)] for name, value in (*_facts(document), ("note", document.note))]
    about += [[(one.text, State.FINE), (f"{one.source}; {one.reviewed}", State.FINE)] for one in document.statements]
    add("Sources", ("statement", "source"), iter(about))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


FORMATS: Final[Mapping[str, Callable[[Document], bytes]]] = {
    "md": markdown, "html": html, "csv": as_csv, "xlsx": xlsx, "json": as_json,
}  # fmt: skip
"""By the ending of a file, which is also the word for `--format`."""
MEDIA: Final[Mapping[str, str]] = {
    "md": "text/markdown; charset=utf-8", "html": "text/html; charset=utf-8", "csv": "text/csv; charset=utf-8",
    "json": "application/json", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip


def _direction(language: str) -> str:
    return "rtl" if language.partition("-")[0] in RIGHT_TO_LEFT else "ltr"


def _facts(document: Document) -> Iterator[tuple[str, str]]:
    yield from document.facts
    yield "version", document.version


def _tables(document: Document) -> Iterator[tuple[str, tuple[str, ...], list[tuple[Cell | str, ...]]]]:
    """Title, head and rows of every table; a wide sheet becomes a table for each row."""
    for sheet in document.sheets:
        if len(sheet.columns) <= _WIDE:
            yield f"## {sheet.name}", sheet.columns, [*sheet.rows]
            continue
        for row in sheet.rows:
            yield f"### {sheet.name}: {row[0].shown}", ("", ""), _pairs(sheet, row)


def _pairs(sheet: Sheet, row: tuple[Cell, ...]) -> list[tuple[Cell | str, ...]]:
    return [(column, cell) for column, cell in zip(sheet.columns, row, strict=True)]


def _plain(text: str) -> str:
    """A text in a Markdown table: no markup of its own, no new line."""
    text = text.replace("\\", "\\\\").replace("&", "&amp;").replace("<", "&lt;").replace("\n", " ").replace("\r", " ")
    for sign in "|*_`[]#":
        text = text.replace(sign, f"\\{sign}")
    return text


def _marked(cell: Cell | str, origins: bool) -> str:
    if isinstance(cell, str):
        return _plain(cell)
    value = _plain(cell.shown)
    if cell.state is not State.FINE:
        value = f"**{value}**" if value else ""
    if cell.state is State.DIFFERS:
        value = f"▲ {value}"
    return f"{value} ({_plain(cell.source)})" if origins and cell.state is not State.FILL else value


def _in_html(cell: Cell | str, origins: bool) -> str:
    if isinstance(cell, str):
        return f"<th>{escape(cell)}</th>"
    origin = f"<small>{escape(cell.source)}</small>" if origins else ""
    return f"<td{_CLASSES[cell.state]}>{escape(cell.shown)}{origin}</td>"


def _sheet_name(name: str, taken: set[str]) -> str:
    """A name that a workbook takes: 31 characters, without its signs, once each whatever the letter case."""
    base = "".join("_" if one in "[]:*?/\\'" else one for one in name)[:31] or "_"
    made, number = base, 2
    while made.lower() in taken:
        made, number = f"{base[: 30 - len(str(number))]}~{number}", number + 1
    taken.add(made.lower())
    return made
