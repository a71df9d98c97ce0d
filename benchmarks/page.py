"""bench.html: one file without any other, to be kept and mailed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from .charts import figures
from .drawing import svg
from .rows import Table, machine_line, tables

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1f2933;max-width:1360px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .4rem}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:13px;width:100%}
td,th{padding:.25rem .6rem;text-align:right;border-bottom:1px solid #e4e8ec;white-space:nowrap}
td:first-child,th:first-child{text-align:left}td:last-child{text-align:left;white-space:normal;color:#52606d}
.ours{background:#eaf5f0}.warn{background:#fff4e0;padding:.5rem .8rem;border-left:4px solid #c77d0a}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(480px,1fr));gap:1rem}
.figures svg{width:100%;border:1px solid #e4e8ec;border-radius:6px}.scroll{overflow-x:auto}
"""


def page(result: Mapping[str, Any], compared: Sequence[Table] = ()) -> str:
    """A result as a page of HTML."""
    warnings = "".join(f'<p class="warn">{escape(line)}</p>' for line in result["warnings"])
    drawn = "".join(f"<div>{svg(figure)}</div>" for figure in figures(result))
    told = "".join(_table(table) for table in (*compared, *tables(result)))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Gatekeeper: what it costs</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>What the gate costs</h1><p>{escape(machine_line(result))}<br>{escape(result['started'])}, "
        f"{result['seconds']:.0f} s{', a quick run' if result['options']['quick'] else ''}</p>{warnings}"
        f'<div class="figures">{drawn}</div>{told}</body></html>\n'
    )


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(word)}</th>" for word in table.headings)
    body = "".join(
        f"<tr{' class=ours' if row[0].partition(': ')[2].startswith('gate') or row[0].startswith('gate') else ''}>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in row)
        + "</tr>"
        for row in table.rows
    )
    return f'<h2>{escape(table.title)}</h2><div class="scroll"><table><tr>{head}</tr>{body}</table></div>'
