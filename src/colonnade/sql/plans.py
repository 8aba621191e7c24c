"""SQL that asks a database for its plan of a statement, and the plan as lines of text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ClauseElement, Executable
from sqlalchemy.sql.visitors import InternalTraversal

from colonnade._compat.sqlalchemy_compiled import forget_result_columns
from colonnade.errors import UsageError

__all__ = ["EstimatedSelect", "ExplainedSelect", "plan_lines"]

#: The words before a statement that ask for its plan: without running it, and with running it.
_EXPLAIN_WORDS: Final[Mapping[str, tuple[str, str | None]]] = {
    "postgresql": ("EXPLAIN", "EXPLAIN (ANALYZE, BUFFERS)"),
    "sqlite": ("EXPLAIN QUERY PLAN", None),
    "mysql": ("EXPLAIN FORMAT=TREE", "EXPLAIN ANALYZE"),
    "mariadb": ("EXPLAIN FORMAT=JSON", "ANALYZE FORMAT=JSON"),
}


class ExplainedSelect(Executable, ClauseElement):
    """A SELECT behind the words that ask for its plan."""

    inherit_cache = False

    def __init__(self, statement: Any, analyze: bool) -> None:
        self.statement = statement
        self.analyze = analyze

    def get_children(self, **_options: Any) -> Iterable[Any]:
        """Return the SELECT, so that a search for tables finds those in it."""
        return (self.statement,)


@compiles(ExplainedSelect)
def _compile_explained(element: ExplainedSelect, compiler: Any, **options: Any) -> str:
    dialect = compiler.dialect
    name = "mariadb" if getattr(dialect, "is_mariadb", False) else dialect.name
    plain, analyzed = _EXPLAIN_WORDS[name]
    if element.analyze and analyzed is None:
        raise UsageError(
            f"{name} has no plan with what running the statement took",
            hint="leave out analyze, and measure the time of the statement",
        )
    text = compiler.process(element.statement, **options)
    # The rows are those of the plan, so the types of the SELECT's columns do not apply.
    forget_result_columns(compiler)
    return f"{analyzed if element.analyze else plain} {text}"


class EstimatedSelect(Executable, ClauseElement):
    """An EXPLAIN of a SELECT, which returns the planner's estimates without running it."""

    inherit_cache = True
    _traverse_internals = [("statement", InternalTraversal.dp_clauseelement)]  # noqa: RUF012 # SQLAlchemy's own attribute

    def __init__(self, statement: Any) -> None:
        self.statement = statement


@compiles(EstimatedSelect)
def _compile_estimated(element: EstimatedSelect, compiler: Any, **options: Any) -> str:
    text = compiler.process(element.statement, **options)
    # The row is that of the plan, so the types of the SELECT's columns do not apply.
    forget_result_columns(compiler)
    return f"EXPLAIN (FORMAT JSON) {text}"


def plan_lines(rows: Sequence[Any], database: str) -> list[str]:
    """Return the lines of a plan, from the rows that EXPLAIN of this database answers with."""
    return _indent_steps(rows) if database == "sqlite" else [str(row[0]) for row in rows]


def _indent_steps(rows: Sequence[Any]) -> list[str]:
    """Return SQLite's steps, which name their parents by number, indented as they are nested."""
    depth = {0: -1}
    lines: list[str] = []
    for number, parent, _, detail in rows:
        depth[number] = depth.get(parent, -1) + 1
        lines.append(f"{'  ' * depth[number]}{detail}")
    return lines
