"""Add the criteria of scopes to SQL, wherever a statement names a table that has scopes.

SQLAlchemy's own option, ``with_loader_criteria``, does not reach Core tables. Here the compiler
adds the criteria while it writes the statement: into WHERE for the tables in FROM and for the
target of an UPDATE or DELETE, into ON for the right side of an outer join. Before it writes a FROM
clause it notes ("claims") the tables whose criteria are in one of these places. A table that it
writes without a claim, in a construct that nobody thought of, becomes a subquery with the criteria
inside: so a gap in this module costs speed and never shows rows of another tenant.

The values of scopes are bound when a statement is executed, so that one compiled text serves every
tenant.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Join, Table, and_, literal_column, select
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import aliased
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BinaryExpression, ColumnElement, Grouping
from sqlalchemy.sql.selectable import FromGrouping

from colonnade._compat.sqlalchemy_compiled import check_scoped_execution, scoped_context
from colonnade._compat.sqlalchemy_statements import copy_element, replace_where, where_of
from colonnade.caches import CompiledCaches
from colonnade.errors import InvalidMapping, UsageError
from colonnade.mapping import with_article
from colonnade.mapping.links import lifted_for
from colonnade.scope.bindings import Bindings
from colonnade.scope.declared import Scope
from colonnade.scope.occurrences import iterate_aliased, table_of, targets_of
from colonnade.scope.references import scoped_references_of
from colonnade.scope.rules import Rules, rules_of
from colonnade.scope.subjects import Subject
from colonnade.sql.text import compare_bytes

__all__ = [
    "UPGRADE_HINT",
    "BindingsCarrier",
    "bindings_in",
    "install_scopes",
    "options_for",
    "values_for",
]

_NO_VALUES: Final[Mapping[str, Any]] = MappingProxyType({})
_CACHES: Final = "colonnade_scoped_caches"
_MAP: Final = "schema_translate_map"
#: Our own execution option, which has the bindings for the execution.
_BINDINGS: Final = "colonnade_bindings"
#: The hint when a release of SQLAlchemy did not apply a scope.
UPGRADE_HINT: Final = "install the newest Colonnade, or a release of SQLAlchemy that it allows"


class BindingsCarrier(dict[str | None, str | None]):
    """A ``schema_translate_map`` that carries a session's bindings to the compiler.

    It is the only execution option that SQLAlchemy also hands to the compiler. Ours holds the
    user's map, or nothing, and an empty map changes no statement. A statement that was compiled
    without it is not executed: see ``values_for``.
    """

    def __init__(
        self,
        bindings: Bindings,
        schemas: Mapping[str | None, str | None] = {},
        *,
        checked: bool = False,
    ) -> None:
        super().__init__(schemas)
        self.bindings = bindings
        #: Whether the values that the statement writes were checked (``scope.writes``).
        self.checked = checked


def options_for(
    dialect: Dialect,
    bindings: Bindings,
    schemas: Mapping[str | None, str | None] | None = None,
    *,
    checked: bool = False,
) -> dict[str, Any]:
    """Return the execution options under which statements keep to ``bindings``.

    The compiled text depends on which scopes are lifted and not on values, so each set of lifted
    scopes has a compiled cache. ``checked`` says that the values of an INSERT or UPDATE were
    checked; without it the compiler refuses one that writes to a table with scopes.
    """
    caches: CompiledCaches = getattr(dialect, _CACHES)
    return {
        _MAP: BindingsCarrier(bindings, schemas or {}, checked=checked),
        _BINDINGS: bindings,
        "compiled_cache": caches.of(bindings.lifted),
    }


def bindings_in(options: Mapping[str, Any]) -> Bindings | None:
    """Return the bindings that ``options_for`` put into execution options, or None."""
    return options.get(_BINDINGS)


def values_for(compiled: Any, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the values of a compiled statement's scopes by the names of their bind parameters.

    Raise ``ScopeUnbound`` or ``InvalidOperand``. Raise ``UsageError`` for a statement that was
    compiled without these scopes. That happens if a release of SQLAlchemy does not hand the
    ``BindingsCarrier`` to the compiler, or takes the statement from another cache: then it must not
    run.
    """
    bindings: Bindings | None = options.get(_BINDINGS)
    if bindings is None:
        # If it was compiled with scopes all the same it fails, for their parameters are required.
        return _NO_VALUES
    if getattr(compiled, "scopes_lifted", None) != bindings.lifted:
        raise UsageError(
            "a statement is executed that was compiled without the scopes of its session",
            hint=UPGRADE_HINT,
        )
    subjects: Mapping[str, Subject] = compiled.scope_binds
    if not subjects:
        return _NO_VALUES
    return {key: bindings.value(subject) for key, subject in subjects.items()}


def install_scopes(dialect: Dialect) -> None:
    """Replace the compiler and execution context of an engine's dialect by ones that apply scopes.

    They apply to statements that are executed with ``options_for``. Raise ``RuntimeError`` if
    SQLAlchemy no longer has the methods that are overridden.
    """
    compiler, context = dialect.statement_compiler, dialect.execution_ctx_cls
    check_scoped_execution(compiler, context)
    own: Any = dialect
    own.statement_compiler = type(
        f"Scoped{compiler.__name__}", (_ExactTexts, _Compiler, compiler), {}
    )
    own.execution_ctx_cls = scoped_context(context, values_for)
    setattr(dialect, _CACHES, CompiledCaches())


class _Criterion(ColumnElement[bool]):
    """A scope's condition for one occurrence, in which the same scope must not occur again."""

    __visit_name__ = "scope_criterion"
    inherit_cache = False

    def __init__(self, element: Any, rules: Rules, scope: Scope) -> None:
        plain = isinstance(element, BinaryExpression) and operators.is_comparison(element.operator)
        # Anything but a plain comparison gets parentheses. Raw SQL may have an OR at its top, which
        # would bind less tightly than the AND that follows.
        self.element = element if plain else Grouping(element)
        self.rules = rules
        self.scope = scope


class _Compiler:
    """A mixin for a dialect's compiler that adds the criteria of scopes to what it writes."""

    stack: list[Any]

    def __init__(
        self, *args: Any, schema_translate_map: Mapping[Any, Any] | None = None, **options: Any
    ) -> None:
        carried = isinstance(schema_translate_map, BindingsCarrier)
        self._bindings = schema_translate_map.bindings if carried else None  # type: ignore[union-attr]
        self._checked = carried and schema_translate_map.checked  # type: ignore[union-attr]
        #: The scopes that are lifted in this text; None if it was compiled without bindings.
        self.scopes_lifted = None if self._bindings is None else self._bindings.lifted
        #: The scope that each bind parameter stands for.
        self.scope_binds: dict[str, Subject] = {}
        # For each statement that is being written, the innermost last: the occurrences of tables
        # whose criteria stand in its WHERE or in an ON.
        self._claimed: list[set[Any]] = [set()]
        # The criteria that are being written, the innermost last; see ``_build_criterion``.
        self._within: list[tuple[Rules, str]] = []
        options["schema_translate_map"] = schema_translate_map
        super().__init__(*args, **options)

    def _compose_select_body(
        self,
        text: str,
        statement: Any,
        state: Any,
        inner_columns: Any,
        froms: Any,
        *rest: Any,
    ) -> Any:
        with self._with_criteria(statement, froms) as statement:
            return super()._compose_select_body(  # type: ignore[misc] # the dialect's compiler
                text, statement, state, inner_columns, froms, *rest
            )

    def visit_update(self, statement: Any, visiting_cte: Any = None, **options: Any) -> Any:
        self._refuse_unchecked(statement, visiting_cte)
        with self._with_criteria(statement, [statement.table]) as statement:
            return super().visit_update(  # type: ignore[misc]
                statement, visiting_cte=visiting_cte, **options
            )

    def visit_delete(self, statement: Any, visiting_cte: Any = None, **options: Any) -> Any:
        with self._with_criteria(statement, [statement.table]) as statement:
            return super().visit_delete(  # type: ignore[misc]
                statement, visiting_cte=visiting_cte, **options
            )

    def visit_insert(
        self,
        statement: Any,
        visited_bindparam: Any = None,
        visiting_cte: Any = None,
        **options: Any,
    ) -> Any:
        self._refuse_unchecked(statement, visiting_cte)
        return super().visit_insert(  # type: ignore[misc]
            statement, visited_bindparam=visited_bindparam, visiting_cte=visiting_cte, **options
        )

    def visit_on_conflict_do_update(self, clause: Any, **options: Any) -> Any:
        """Add the criteria to DO UPDATE's WHERE, so that a conflicting row out of scope stays."""
        entry = self.stack[-1]
        table = table_of(entry["selectable"].table)
        criteria = self._build_criteria(table)
        if not criteria:
            return super().visit_on_conflict_do_update(clause, **options)  # type: ignore[misc]
        clause = copy_element(clause)
        given = clause.update_whereclause
        clause.update_whereclause = and_(*(() if given is None else (Grouping(given),)), *criteria)
        # An EXISTS in the criteria must correlate to the conflicting row, so the table stands here
        # as one of the enclosing statement's FROM.
        self.stack.append({**entry, "correlate_froms": {table}, "asfrom_froms": {table}})
        try:
            return super().visit_on_conflict_do_update(clause, **options)  # type: ignore[misc]
        finally:
            self.stack.pop()

    def visit_on_duplicate_key_update(self, clause: Any, **options: Any) -> Any:
        """Refuse the clause for a table with scopes: MySQL's has no WHERE to put criteria in."""
        rules = rules_of(table_of(self.stack[-1]["selectable"].table))
        if self._bindings is not None and self._bindings.active(rules):
            raise UsageError(
                f"ON DUPLICATE KEY UPDATE would change {with_article(str(rules))} outside "
                "of the scope too",
                hint="read, then insert or update; or lift the scope by name",
                model=str(rules),
            )
        return super().visit_on_duplicate_key_update(clause, **options)  # type: ignore[misc]

    def visit_join(self, join: Any, asfrom: bool = False, **options: Any) -> Any:
        """Add the criteria of a left outer join's right side to its ON.

        Inner joins were claimed with the statement. In a full join neither side is claimed: ON
        cannot hide rows there, so each table becomes a subquery.
        """
        if self._bindings is not None and join.isouter and not join.full:
            claimed: set[Any] = set()
            criteria = self._claim_tables(join.right, claimed)
            self._claimed[-1] |= claimed
            if criteria:
                # In WHERE they would also drop the left side's rows without a match.
                join = copy_element(join)
                join.onclause = and_(Grouping(join.onclause), *criteria)
        return super().visit_join(join, asfrom=asfrom, **options)  # type: ignore[misc]

    def visit_table(
        self, table: Any, asfrom: bool = False, enclosing_alias: Any = None, **options: Any
    ) -> Any:
        """Write a table in FROM; as a subquery if its criteria stand nowhere else."""
        if asfrom and self._bindings is not None:
            # For ``table AS alias`` the alias is what was claimed, and it gives the name.
            inner = enclosing_alias is not None and enclosing_alias.element is table
            claimed = (enclosing_alias if inner else table) in self._claimed[-1]
            if not claimed and self._bindings.active(rules_of(table)):
                return self._write_subquery(table, named=not inner)
        return super().visit_table(  # type: ignore[misc]
            table, asfrom=asfrom, enclosing_alias=enclosing_alias, **options
        )

    def visit_scope_criterion(self, criterion: _Criterion, **options: Any) -> str:
        self._within.append((criterion.rules, criterion.scope.name))
        try:
            text: str = self.process(criterion.element, **options)  # type: ignore[attr-defined]
        finally:
            self._within.pop()
        return text

    def _write_subquery(self, table: Any, *, named: bool) -> str:
        """Return the SQL of a subquery of the table's rows in scope, named like the table."""
        inner: Any = select(literal_column("*")).select_from(table)
        text = f"({self.process(inner, asfrom=True)})"  # type: ignore[attr-defined]
        if named:
            name = self.preparer.quote(table.name)  # type: ignore[attr-defined]
            text += self.get_render_as_alias_suffix(name)  # type: ignore[attr-defined]
        return text

    @contextmanager
    def _with_criteria(self, statement: Any, froms: Any) -> Generator[Any]:
        """Yield the statement with the criteria of ``froms`` in its WHERE.

        While the block runs, the tables in ``froms`` count as claimed.
        """
        if self._bindings is None:
            yield statement
            return
        claimed: set[Any] = set()
        criteria = [found for element in froms for found in self._claim_tables(element, claimed)]
        if criteria:
            given = where_of(statement)
            # In parentheses, since raw SQL in the given WHERE may have an OR at its top.
            whole = (Grouping(and_(*given)),) if given else ()
            statement = replace_where(statement, and_(*whole, *criteria))
        self._claimed.append(claimed)
        try:
            yield statement
        finally:
            self._claimed.pop()

    def _claim_tables(self, element: Any, claimed: set[Any]) -> list[_Criterion]:
        """Return the criteria for WHERE of an element of FROM, and add its tables to ``claimed``.

        Of a left outer join only the left side counts; ``visit_join`` does the right one.
        """
        if isinstance(element, Join):
            if element.full:
                return []
            found = self._claim_tables(element.left, claimed)
            return found if element.isouter else found + self._claim_tables(element.right, claimed)
        if isinstance(element, FromGrouping):
            return self._claim_tables(element.element, claimed)
        found = self._build_criteria(element)
        if found:
            claimed.update(iterate_aliased(element))
        elif lifted_for(element):
            # All scopes are lifted for this alias. Its table may occur elsewhere, in scope.
            claimed.add(element)
        return found

    def _build_criteria(self, element: Any) -> list[_Criterion]:
        """Return the criteria of the scopes that hold for one occurrence of a table."""
        table = table_of(element)
        rules = rules_of(table)
        if rules is None or self._bindings is None:
            return []
        entity: Any = rules.model if isinstance(element, Table) else aliased(rules.model, element)
        lifted = lifted_for(element)
        return [
            self._build_criterion(entity, table, rules, scope)
            for scope in self._bindings.active(rules)
            if scope.name not in lifted
        ]

    def _build_criterion(self, entity: Any, table: Any, rules: Rules, scope: Scope) -> _Criterion:
        """Return a scope's criterion for a model or an alias of it.

        Raise ``InvalidMapping`` inside of the same criterion, which would have no end.
        """
        if (rules, scope.name) in self._within:
            raise InvalidMapping(
                f"the scope {scope.name!r} of {rules} is about rows of {rules} in that scope",
                hint="a condition must not lead back to its own model",
                model=str(rules),
            )
        # All occurrences of a table share one parameter, so that its value is bound once. Another
        # table has another one, since the column's type may differ.
        key = f"scope_{scope.name}_{table.fullname.replace('.', '_')}"
        subject = rules.subject(scope)
        while self.scope_binds.get(key, subject) is not subject:
            key += "_"
        element = scope.criterion(entity, scope.bound(rules.model, key))
        if scope.takes_value:
            self.scope_binds[key] = subject
        return _Criterion(element, rules, scope)

    def _refuse_unchecked(self, statement: Any, visiting_cte: Any) -> None:
        """Raise ``UsageError`` for a write into a table with scopes whose values were not checked.

        Such a write is inside of another statement (a CTE), or reached the compiler by a way that
        does not pass ``scope.writes``.
        """
        if self._bindings is None or (visiting_cte is None and self._checked):
            return
        for table in targets_of(statement):
            rules = rules_of(table)
            if self._bindings.active(rules) or scoped_references_of(table, self._bindings):
                raise UsageError(
                    f"an INSERT or UPDATE of {table.name} inside of another statement cannot be "
                    "kept to the scope",
                    hint="run it as a statement of its own",
                )


class _ExactTexts:
    """A mixin for a compiler in whose scopes texts are equal letter by letter, as in lookups.

    A collation that ignores case or accents would take another tenant's name for this one's.
    """

    dialect: Dialect

    #: How many ``comparing_bytes`` blocks are open.
    _exact = 0

    @contextmanager
    def comparing_bytes(self) -> Generator[None]:
        """Compare texts by their bytes too, in everything that is compiled in the block."""
        self._exact += 1
        try:
            yield
        finally:
            self._exact -= 1

    def visit_scope_criterion(self, criterion: Any, **options: Any) -> str:
        with self.comparing_bytes():
            return super().visit_scope_criterion(criterion, **options)  # type: ignore[misc,no-any-return]

    def visit_binary(self, binary: Any, *args: Any, **options: Any) -> str:
        text: str = super().visit_binary(binary, *args, **options)  # type: ignore[misc]
        found = compare_bytes(binary, self.dialect.name) if self._exact else None
        if found is None:
            return text
        # Both: an index can serve the plain comparison, and the second one makes it exact.
        exact, denied = found
        other: str = super().visit_binary(exact, *args, **options)  # type: ignore[misc]
        return f"({text} {'OR' if denied else 'AND'} {other})"
