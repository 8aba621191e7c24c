"""Ask a database how it would run a statement, and return its plan as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from colonnade.engine import PreparedSelect
from colonnade.filters import And, Comparison, ComputedRelation, Node
from colonnade.ordering import missing_index
from colonnade.reading.document import document_of, document_parameters, why_plan_reads_rows
from colonnade.reading.program import program_of
from colonnade.reading.terms import Terms
from colonnade.schemas import Plan
from colonnade.session import Session
from colonnade.spec import Spec, select_entities
from colonnade.sql.plans import ExplainedSelect, plan_lines

__all__ = ["explain_document", "explain_entities", "explain_rows"]


async def explain_entities(session: Session, spec: Spec, analyze: bool) -> str:
    """Return the plan for reading entities, the index that would help, and the relations loaded.

    Runs one statement; with ``analyze`` the database runs the SELECT too.
    """
    lines = await _explain_statement(session, spec, select_entities(spec), analyze)
    apart = (path for path in spec.shape.load if path[-1].multiplies)
    many = (".".join(step.name for step in path) for path in apart)
    lines += [f"and a statement of its own for {path}" for path in many]
    return "\n".join(lines)


async def explain_rows(
    session: Session, spec: Spec, plan: Plan, terms: Terms, analyze: bool
) -> str:
    """Return the plan of a schema's first statement, and what all its statements read."""
    statement = program_of(spec, plan, terms).statement
    plain = statement.statement if isinstance(statement, PreparedSelect) else statement
    return "\n".join([*await _explain_statement(session, spec, plain, analyze), str(plan)])


async def explain_document(
    session: Session, spec: Spec, plan: Plan, terms: Terms, analyze: bool
) -> str:
    """Return the plan of the statement that writes JSON, or that for rows and why they are read."""
    why = why_plan_reads_rows(plan, session.family)
    if why is not None:
        told = await explain_rows(session, spec, plan, terms, analyze)
        return f"{told}\nas JSON: from rows ({why})"
    statement = document_of(spec, plan, terms, "array").statement
    plain = statement.statement if isinstance(statement, PreparedSelect) else statement
    lines = await _explain_statement(
        session, spec, plain, analyze, document_parameters(spec, terms)
    )
    return "\n".join([*lines, str(plan), "as JSON: 1 statement, written by the database"])


async def _explain_statement(
    session: Session,
    spec: Spec,
    statement: Any,
    analyze: bool,
    bound: Mapping[str, Any] | None = None,
) -> list[str]:
    rows = await session.rows(ExplainedSelect(statement, analyze), bound or spec.parameters)
    lines = plan_lines(rows, session.family)
    if spec.of is not None:
        return lines  # groups are sorted after they are counted: no index helps
    steps = {step for term in spec.shape.order for step in term.steps}
    # Figures are subqueries, which ``missing_index`` knows nothing of.
    if any(isinstance(step, ComputedRelation) for step in steps):
        return [*lines, "no index serves an order by a figure, which is found out for every row"]
    missing = missing_index(
        spec.shape.model, spec.shape.order, equal=_fixed_columns(spec.shape.where)
    )
    return [*lines, missing] if missing else lines


def _fixed_columns(nodes: Iterable[Node]) -> set[str]:
    """Return the model's own columns for which conditions allow one value only."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, And):
            found |= _fixed_columns(node.nodes)
        elif isinstance(node, Comparison) and not node.steps and _allows_one_value(node):
            found.add(node.column.name)
    return found


def _allows_one_value(node: Comparison) -> bool:
    return node.operator.name == "eq" or (node.operator.name == "isnull" and node.flag is True)
