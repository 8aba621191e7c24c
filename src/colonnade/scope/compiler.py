"""In charge of putting scopes into SQL, wherever a statement names a table that has some.

SQLAlchemy's own way, an option that adds criteria to entities, passes over Core tables and what the
identity map holds. Here it is the compiler that adds them, while it writes a table into FROM, into
a join, into UPDATE or DELETE: what it writes otherwise, in a place that nobody thought of, becomes
a subquery with the criteria inside. The values are bound when a statement is executed, so that one
text serves every tenant.
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
from colonnade.scope.occurrences import aliases, table_of, targets_of
from colonnade.scope.references import references
from colonnade.scope.rules import Rules, rules_of
from colonnade.scope.subjects import Subject
from colonnade.sql.text import compare_bytes

__all__ = ["RELEASES", "Carrier", "carried", "install", "options_for", "values_for"]

_NO_VALUES: Final[Mapping[str, Any]] = MappingProxyType({})
_CACHES: Final = "colonnade_scoped_caches"
_MAP: Final = "schema_translate_map"
#: The execution option, of our own, that has the bindings for the execution.
_BINDINGS: Final = "colonnade_bindings"
#: What to do when SQLAlchemy passes by a scope.
RELEASES: Final = "install the newest Colonnade, or a release of SQLAlchemy that it allows"


class Carrier(dict[str | None, str | None]):
    """What brings a session's bindings to the compiler.

    The map of schemas is the one execution option that SQLAlchemy hands to the compiler as well.
    Ours is empty, unless the user has one, and an empty one changes nothing. A statement that it
    did not reach is not executed: see ``values_for``.
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
        #: Whether what the statement writes was looked at.
        self.checked = checked


def options_for(
    dialect: Dialect,
    bindings: Bindings,
    schemas: Mapping[str | None, str | None] | None = None,
    *,
    checked: bool = False,
) -> dict[str, Any]:
    """The execution options under which statements keep to ``bindings``.

    The text depends on what is lifted and not on values, and so does the cache that holds it. With
    ``checked`` the values that an INSERT or UPDATE has were looked at; without it is refused.
    """
    caches: CompiledCaches = getattr(dialect, _CACHES)
    return {
        _MAP: Carrier(bindings, schemas or {}, checked=checked),
        _BINDINGS: bindings,
        "compiled_cache": caches.of(bindings.lifted),
    }


def carried(options: Mapping[str, Any]) -> Bindings | None:
    """Return the bindings of ``options_for`` that execution options hold."""
    return options.get(_BINDINGS)


def values_for(compiled: Any, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a compiled statement binds for its scopes, as ``options_for`` has it.

    Raise ``ScopeUnbound`` or ``InvalidOperand``. Raise ``UsageError`` for a statement that was
    compiled without these scopes: SQLAlchemy hands the map of schemas to its compiler, and keeps
    what was compiled where it is told to, or no row leaves the database.
    """
    bindings: Bindings | None = options.get(_BINDINGS)
    if bindings is None:
        return _NO_VALUES  # the statement's own parameters for scopes are required ones
    if getattr(compiled, "scopes_lifted", None) != bindings.lifted:
        raise UsageError(
            "a statement is executed that was compiled without the scopes of its session",
            hint=RELEASES,
        )
    subjects: Mapping[str, Subject] = compiled.scope_binds
    if not subjects:
        return _NO_VALUES
    return {key: bindings.value(subject) for key, subject in subjects.items()}


def install(dialect: Dialect) -> None:
    """Make an engine's dialect keep to the scopes of what it executes with ``options_for``.

    Raise ``RuntimeError`` if SQLAlchemy no longer has what this overrides.
    """
    compiler, context = dialect.statement_compiler, dialect.execution_ctx_cls
    check_scoped_execution(compiler, context)
    own: Any = dialect
    own.statement_compiler = type(f"Scoped{compiler.__name__}", (_Exact, _Compiler, compiler), {})
    own.execution_ctx_cls = scoped_context(context, values_for)
    setattr(dialect, _CACHES, CompiledCaches())


class _Criterion(ColumnElement[bool]):
    """A scope's condition for one occurrence, in which the same scope must not occur again."""

    __visit_name__ = "scope_criterion"
    inherit_cache = False

    def __init__(self, element: Any, rules: Rules, scope: Scope) -> None:
        plain = isinstance(element, BinaryExpression) and operators.is_comparison(element.operator)
        # Whatever is not a plain comparison, raw SQL too, must not come apart at an OR.
        self.element = element if plain else Grouping(element)
        self.rules = rules
        self.scope = scope


class _Compiler:
    """Mixed into a dialect's compiler."""

    stack: list[Any]

    def __init__(
        self, *args: Any, schema_translate_map: Mapping[Any, Any] | None = None, **options: Any
    ) -> None:
        carried = isinstance(schema_translate_map, Carrier)
        self._bindings = schema_translate_map.bindings if carried else None  # type: ignore[union-attr]
        self._checked = carried and schema_translate_map.checked  # type: ignore[union-attr]
        #: Which scopes do not hold in this text; None for a text without any scope.
        self.scopes_lifted = None if self._bindings is None else self._bindings.lifted
        #: The scope that each bind parameter stands for.
        self.scope_binds: dict[str, Subject] = {}
        # For each statement that is being written, innermost last: the occurrences whose criteria
        # stand elsewhere in it.
        self._claimed: list[set[Any]] = [set()]
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
        with self._keeping(statement, froms) as statement:
            return super()._compose_select_body(  # type: ignore[misc] # the dialect's compiler
                text, statement, state, inner_columns, froms, *rest
            )

    def visit_update(self, statement: Any, visiting_cte: Any = None, **options: Any) -> Any:
        self._refuse_unseen(statement, visiting_cte)
        with self._keeping(statement, [statement.table]) as statement:
            return super().visit_update(  # type: ignore[misc]
                statement, visiting_cte=visiting_cte, **options
            )

    def visit_delete(self, statement: Any, visiting_cte: Any = None, **options: Any) -> Any:
        with self._keeping(statement, [statement.table]) as statement:
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
        self._refuse_unseen(statement, visiting_cte)
        return super().visit_insert(  # type: ignore[misc]
            statement, visited_bindparam=visited_bindparam, visiting_cte=visiting_cte, **options
        )

    def visit_on_conflict_do_update(self, clause: Any, **options: Any) -> Any:
        """A row of somebody else that is in the way is not updated."""
        entry = self.stack[-1]
        table = table_of(entry["selectable"].table)
        criteria = self._criteria(table)
        if not criteria:
            return super().visit_on_conflict_do_update(clause, **options)  # type: ignore[misc]
        clause = copy_element(clause)
        given = clause.update_whereclause
        clause.update_whereclause = and_(*(() if given is None else (Grouping(given),)), *criteria)
        # For an EXISTS in the criteria the row in the way is what is around it.
        self.stack.append({**entry, "correlate_froms": {table}, "asfrom_froms": {table}})
        try:
            return super().visit_on_conflict_do_update(clause, **options)  # type: ignore[misc]
        finally:
            self.stack.pop()

    def visit_on_duplicate_key_update(self, clause: Any, **options: Any) -> Any:
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
        if self._bindings is not None and join.isouter and not join.full:
            claimed: set[Any] = set()
            criteria = self._claim(join.right, claimed)
            self._claimed[-1] |= claimed
            if criteria:
                # In WHERE they would drop the rows that found nothing.
                join = copy_element(join)
                join.onclause = and_(Grouping(join.onclause), *criteria)
        return super().visit_join(join, asfrom=asfrom, **options)  # type: ignore[misc]

    def visit_table(
        self, table: Any, asfrom: bool = False, enclosing_alias: Any = None, **options: Any
    ) -> Any:
        if asfrom and self._bindings is not None:
            inner = enclosing_alias is not None and enclosing_alias.element is table
            claimed = (enclosing_alias if inner else table) in self._claimed[-1]
            if not claimed and self._bindings.active(rules_of(table)):
                return self._derived(table, named=not inner)
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

    def _derived(self, table: Any, *, named: bool) -> str:
        """The table as a subquery of its rows in scope, under its own name."""
        inner: Any = select(literal_column("*")).select_from(table)
        text = f"({self.process(inner, asfrom=True)})"  # type: ignore[attr-defined]
        if named:
            name = self.preparer.quote(table.name)  # type: ignore[attr-defined]
            text += self.get_render_as_alias_suffix(name)  # type: ignore[attr-defined]
        return text

    @contextmanager
    def _keeping(self, statement: Any, froms: Any) -> Generator[Any]:
        """The statement with the criteria of ``froms`` in its WHERE."""
        if self._bindings is None:
            yield statement
            return
        claimed: set[Any] = set()
        criteria = [found for element in froms for found in self._claim(element, claimed)]
        if criteria:
            given = where_of(statement)
            # Raw SQL among what was given must not come apart at an OR.
            whole = (Grouping(and_(*given)),) if given else ()
            statement = replace_where(statement, and_(*whole, *criteria))
        self._claimed.append(claimed)
        try:
            yield statement
        finally:
            self._claimed.pop()

    def _claim(self, element: Any, claimed: set[Any]) -> list[_Criterion]:
        """The criteria of what an element holds; an outer join's other side keeps its own."""
        if isinstance(element, Join):
            if element.full:
                return []
            found = self._claim(element.left, claimed)
            return found if element.isouter else found + self._claim(element.right, claimed)
        if isinstance(element, FromGrouping):
            return self._claim(element.element, claimed)
        found = self._criteria(element)
        if found:
            claimed.update(aliases(element))
        elif lifted_for(element):
            # This one alias and not its table, which may stand elsewhere with its scopes.
            claimed.add(element)
        return found

    def _criteria(self, element: Any) -> list[_Criterion]:
        table = table_of(element)
        rules = rules_of(table)
        if rules is None or self._bindings is None:
            return []
        entity: Any = rules.model if isinstance(element, Table) else aliased(rules.model, element)
        lifted = lifted_for(element)
        return [
            self._criterion(entity, table, rules, scope)
            for scope in self._bindings.active(rules)
            if scope.name not in lifted
        ]

    def _criterion(self, entity: Any, table: Any, rules: Rules, scope: Scope) -> _Criterion:
        if (rules, scope.name) in self._within:
            raise InvalidMapping(
                f"the scope {scope.name!r} of {rules} is about rows of {rules} in that scope",
                hint="a condition must not lead back to its own model",
                model=str(rules),
            )
        # One name for all of a table, so that a value is bound once, and one for each table, since
        # the types may differ.
        key = f"scope_{scope.name}_{table.fullname.replace('.', '_')}"
        subject = rules.subject(scope)
        while self.scope_binds.get(key, subject) is not subject:
            key += "_"
        element = scope.criterion(entity, scope.bound(rules.model, key))
        if scope.takes_value:
            self.scope_binds[key] = subject
        return _Criterion(element, rules, scope)

    def _refuse_unseen(self, statement: Any, visiting_cte: Any) -> None:
        """Refuse a write whose values the session has not seen.

        It is in another statement, or in something that nobody knows to be a write.
        """
        if self._bindings is None or (visiting_cte is None and self._checked):
            return
        for table in targets_of(statement):
            rules = rules_of(table)
            if self._bindings.active(rules) or references(table, self._bindings):
                raise UsageError(
                    f"an INSERT or UPDATE of {table.name} inside of another statement cannot be "
                    "kept to the scope",
                    hint="run it as a statement of its own",
                )


class _Exact:
    """Mixed into a compiler too: in scopes texts are equal letter by letter, as lookups have it."""

    dialect: Dialect

    #: How many conditions around here compare texts letter by letter.
    _exact = 0

    @contextmanager
    def comparing_bytes(self) -> Generator[None]:
        """Compare texts by their bytes too, in what is compiled in the block."""
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
        # An index serves the first, and the second is exact.
        exact, denied = found
        other: str = super().visit_binary(exact, *args, **options)  # type: ignore[misc]
        return f"({text} {'OR' if denied else 'AND'} {other})"
