"""In charge of the tables of docs/lookups.md, which are made from the operator table alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from colonnade.filters import OPERATORS, Operator
from colonnade.models import full_text

PAGE = Path(__file__).parents[1] / "docs" / "lookups.md"
OPERANDS = {
    "one": "a value of the column's type",
    "many": "a list, tuple or set of values",
    "pair": "two values",
    "items": "a list of items",
    "text": "a text",
    "pattern": "a pattern",
    "search": "words",
    "flag": "`True` or `False`",
    "state": "`True`, `False` or `None`",
}
NAMES = {"postgresql": "PostgreSQL", "sqlite": "SQLite", "mariadb": "MariaDB"}

TABLE = sa.Table(
    "t",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("age", sa.Integer),
    sa.Column("name", sa.String(80)),
    sa.Column("active", sa.Boolean),
    sa.Column("data", sa.JSON),
    sa.Column("tags", sa.ARRAY(sa.String(20))),
    full_text("name", name="t_search"),
)
#: The columns that an operator is shown on: the first that it fits, and texts where they differ.
COLUMNS = ("age", "active", "name", "data", "tags")


def dialects() -> Iterator[tuple[str, Any]]:
    """What compiles for each database, with parameters that have names."""
    yield "postgresql", postgresql.dialect(paramstyle="named")
    yield "sqlite", sqlite.dialect(paramstyle="named")
    mariadb: Any = mysql.dialect(paramstyle="named", is_mariadb=True)
    yield "mariadb", mariadb


def operators() -> str:
    """One line for each operator."""
    lines = ["| operator | holds where the column is | asked with | on |", "|---|---|---|---|"]
    for item in OPERATORS.values():
        fits = item.applies_to.name
        if len(item.databases) < len(NAMES):
            fits += "; " + ", ".join(NAMES[name] for name in sorted(item.databases)) + " only"
        lines.append(f"| `{item.name}` | {item.summary} | {OPERANDS[item.operand]} | {fits} |")
    return "\n".join(lines)


def compiled() -> str:
    """What each operator becomes on each database."""
    blocks: list[str] = []
    for database, dialect in dialects():
        lines = [f"**{NAMES[database]}**", "", "```sql"]
        for item in OPERATORS.values():
            if database in item.databases:
                lines += [f"-- {item.name}", *(sql(item, name, dialect) for name in shown(item))]
        blocks.append("\n".join([*lines, "```"]))
    return "\n\n".join(blocks)


def shown(item: Operator) -> list[str]:
    """The columns to show it on."""
    fitting = [name for name in COLUMNS if item.supports(TABLE.c[name].type)]
    return fitting[:1] + [name for name in fitting[1:] if name == "name" and item.name in TEXTS]


#: Operators that compile to something else for text.
TEXTS = frozenset({"eq", "ne", "in", "not_in"})


def sql(item: Operator, name: str, dialect: Any) -> str:
    """The condition, on one line."""
    column = TABLE.c[name]
    value: Any = True
    if item.operand not in ("flag", "state"):
        value = item.make_parameter("v", column.type)
    text = str(sa.select(1).where(item.build(column, value)).compile(dialect=dialect))
    condition = text.partition("WHERE ")[2].replace("__[POSTCOMPILE_v]", "…")
    return " ".join(condition.replace("t.", "").split())


def page(text: str) -> str:
    """The page with its tables made anew."""
    for name, made in (("operators", operators()), ("sql", compiled())):
        before, start, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- end of {name} -->")
        text = f"{before}{start}\n{made}\n\n{end}{after}"
    return text


def main() -> int:
    """Write the page, or with ``--check`` answer 1 where that would change it."""
    there = PAGE.read_text()
    made = page(there)
    if sys.argv[1:] == ["--check"]:
        return int(made != there)
    PAGE.write_text(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
