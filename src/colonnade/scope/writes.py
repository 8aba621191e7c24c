"""Check INSERT and UPDATE statements against a session's scopes before they are executed.

``checked`` adds the session's values for columns that a statement does not name, refuses values of
another tenant, and collects the keys of rows in scoped tables that the statement refers to, which
the session then looks up. A value that cannot be known beforehand, such as that of an SQL
expression, is refused too. ``objects`` does the same for the objects of a flush.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sqlalchemy import BindParameter, ColumnClause, Insert, Update
from sqlalchemy.orm import Mapper
from sqlalchemy.sql.elements import ClauseElement, Null

from colonnade._compat.sqlalchemy_statements import (
    entity_of,
    post_values_of,
    prefixes_of,
    statement_rows_of,
    statement_values_of,
)
from colonnade.errors import OutOfScope, UsageError
from colonnade.scope.bindings import Bindings
from colonnade.scope.declared import Scope
from colonnade.scope.defaults import (
    NOTHING,
    UNKNOWN,
    default_value_of,
    is_computed,
    may_replace_rows,
    may_skip_rows,
)
from colonnade.scope.occurrences import plain_table, targets_of
from colonnade.scope.references import Lookups, Reference, scoped_references_of
from colonnade.scope.rules import Rules, rules_of

__all__ = [
    "CheckedWrite",
    "check_write",
    "is_target_in_scope",
    "scope_columns_of",
    "unknowable_write_error",
]

Row: TypeAlias = dict[str, Any]
Parameters: TypeAlias = Any

_MISSING: Final = object()

#: The clauses after VALUES of an INSERT that can be checked.
_KNOWN_CLAUSES: Final = frozenset(
    {"on_conflict_do_nothing", "on_conflict_do_update", "on_duplicate_key_update"}
)
#: The names by which SQL refers to the row that could not be inserted.
_NEW_ROWS: Final = frozenset({"excluded", "inserted"})


class _Expression:
    """The type of ``_EXPRESSION``, which stands for a value that only the database knows."""


_EXPRESSION: Final = _Expression()


@dataclass(frozen=True, slots=True)
class CheckedWrite:
    """The checked statement, to be executed after ``lookups`` found all of their keys."""

    statement: Any
    parameters: Parameters
    lookups: Lookups


def scope_columns_of(rules: Rules | None, bindings: Bindings) -> dict[str, tuple[str, Any]]:
    """Return what a row must have in its scope columns: by attribute, the scope's name and value.

    Raises ``ScopeUnbound``.
    """
    bindings.require(rules)
    return {
        scope.column: (scope.name, bindings.value(rules.subject(scope)))
        for scope in bindings.active(rules)
        if rules is not None and scope.column is not None
    }


def check_write(statement: Any, parameters: Parameters, bindings: Bindings) -> CheckedWrite | None:
    """Return the checked form of an INSERT or UPDATE; None if no scope concerns it.

    Raises ``OutOfScope``, ``ScopeUnbound`` or ``UsageError``.
    """
    tables = _find_written_tables(statement)
    concerned = [item for item in tables if bindings.active(rules_of(item))]
    concerned += [item for item in tables if scoped_references_of(item, bindings)]
    if not concerned:
        return None
    table = tables[0]
    rules = rules_of(table)
    refs = scoped_references_of(table, bindings)
    if len(tables) > 1:
        own = [rules_of(item) for item in concerned]
        told = [
            *own,
            *(found.rules for item in concerned for found in scoped_references_of(item, bindings)),
        ]
        lifted = dict.fromkeys(scope.name for item in told for scope in bindings.active(item))
        raise unknowable_write_error("a write of several tables", lifted, concerned[0].name)
    return _WriteCheck(statement, table, parameters, rules, refs, bindings).write()


def _find_written_tables(statement: Any) -> list[Any]:
    """Return the tables whose columns a statement writes; in MySQL an UPDATE may set several's."""
    found = targets_of(statement)
    for name in statement_values_of(statement):
        table = None if isinstance(name, str) else getattr(name, "table", None)
        if table is not None and (other := plain_table(table)) not in found:
            found.append(other)
    return found


class _WriteCheck:
    """One check of a statement that writes to one table.

    ``statement`` and ``parameters`` are replaced as values are filled in.
    """

    def __init__(
        self,
        statement: Any,
        table: Any,
        parameters: Parameters,
        rules: Rules | None,
        refs: Sequence[Reference],
        bindings: Bindings,
    ) -> None:
        self.statement = statement
        self.table = table
        self.parameters = parameters
        self.refs = refs
        subject: Any = entity_of(statement)
        self.mapper: Mapper[Any] | None = None if subject is None else subject.mapper
        self.rules = rules
        self.name = str(rules) if rules else table.name
        self.columns = {
            self.key(name): (name, scope, value)
            for name, (scope, value) in scope_columns_of(rules, bindings).items()
        }
        self.scopes: tuple[Scope, ...] = bindings.active(rules)

    def write(self) -> CheckedWrite:
        """Return the statement with its values filled in, and the lookups for it."""
        self.refuse_shapes()
        rows = list(self.given())
        if isinstance(self.statement, Insert):
            self.fill(rows)
        self.fill_by_themselves(rows)
        lookups = Lookups()
        for row in (*rows, *self.on_conflict()):
            self.check(row)
            for reference in self.refs:
                self.look_up(reference, row, lookups)
        # References between the new rows need no lookup. They do if a conflict may leave out a new
        # row silently, since then a row of another tenant may have its key.
        if isinstance(self.statement, Insert) and self.fails_on_conflict():
            lookups.writing(self.table, rows)
        return CheckedWrite(self.statement, self.parameters, lookups)

    def refuse_shapes(self) -> None:
        """Raise ``UsageError`` for statements that take no criteria, or do not show their values.

        OR REPLACE would delete rows of other tenants, and an UPDATE by a list of keys has no WHERE.
        """
        statement = self.statement
        prefixes = prefixes_of(statement)
        if isinstance(statement, Update):
            if self.mapper is not None and isinstance(self.parameters, list) and self.scopes:
                raise self.unknowable("an UPDATE by a list of keys and values")
            if "REPLACE" in prefixes:
                raise self.unknowable("UPDATE OR REPLACE")
            return
        if statement.select is not None:
            raise self.unknowable("INSERT … SELECT")
        if "REPLACE" in prefixes or may_replace_rows(self.table):
            raise self.unknowable("INSERT OR REPLACE")
        clause = post_values_of(statement)
        if clause is not None and clause.__visit_name__ not in _KNOWN_CLAUSES:
            raise self.unknowable("an INSERT with a clause of its own")

    def fails_on_conflict(self) -> bool:
        """Return whether a conflict makes the INSERT fail, so that it stores all of its rows."""
        statement = self.statement
        plain = post_values_of(statement) is None and not prefixes_of(statement)
        return plain and not may_skip_rows(self.table)

    def unknowable(self, what: str) -> UsageError:
        names = [scope.name for scope in self.scopes or self.refs[0].rules.scopes]
        return unknowable_write_error(f"{what} of {self.name}", names, self.name)

    def given(self) -> Iterable[Row]:
        """Yield the values of each row as they were given, by column key."""
        fixed = self.keyed(statement_values_of(self.statement).items())
        parameters = self.parameters
        many = parameters if isinstance(parameters, Sequence) else [parameters or {}]
        # A value in ``values()`` may be a bind parameter, whose value is among the parameters.
        for given in many or [{}]:
            bound = self.keyed(given.items())
            yield {**bound, **{key: _plain_value_of(value, given) for key, value in fixed.items()}}
        for rows in statement_rows_of(self.statement):
            for given in rows:
                named = given.items() if isinstance(given, Mapping) else zip(self.table.c, given)  # noqa: B905 # SQLAlchemy counts them
                yield {key: _plain_value_of(value, {}) for key, value in self.keyed(named).items()}

    def keyed(self, items: Iterable[tuple[Any, Any]]) -> Row:
        return {self.key(name): value for name, value in items}

    def key(self, name: Any) -> str:
        """Return the table's column key for a column, an attribute or a name."""
        if not isinstance(name, str):
            return str(name.key)
        if self.mapper is not None and name in self.mapper.column_attrs:
            return str(self.mapper.column_attrs[name].columns[0].key)
        rules = self.rules
        if name not in self.table.c and rules is not None:
            attribute = getattr(rules.model, name, None)
            column = getattr(getattr(attribute, "property", None), "columns", (None,))[0]
            return name if column is None else str(column.key)
        return name

    def fill(self, rows: list[Row]) -> None:
        """Add the session's values for scope columns that no row names.

        Raise ``OutOfScope`` if only some rows name one.
        """
        for key, (name, _, value) in self.columns.items():
            lacking = [row for row in rows if row.get(key, _MISSING) is _MISSING]
            if not lacking:
                continue
            if len(lacking) != len(rows):
                raise OutOfScope(
                    f"some rows name a value for {self.name}.{name} and some do not",
                    hint="leave it to the scope in all of them, or name it in all",
                    model=self.name,
                    fields=(name,),
                )
            for row in lacking:
                row[key] = value
            # ``values()`` with a list of rows takes no further value for all of them.
            if statement_rows_of(self.statement):
                raise OutOfScope(
                    f"every row must name {self.name}.{name}",
                    hint="hand the rows in as parameters: session.execute(insert(Model), rows)",
                    model=self.name,
                    fields=(name,),
                )
            self.statement = self.statement.values({self.table.c[key]: value})

    def fill_by_themselves(self, rows: list[Row]) -> None:
        """Add the values that unnamed columns get from defaults, so that they are checked."""
        updating = isinstance(self.statement, Update)
        for column in self.columns_by_themselves(updating):
            lacking = [place for place, row in enumerate(rows) if self.lacks(row, column.key)]
            for place in lacking:
                value = default_value_of(column, updating=updating)
                if value is UNKNOWN:
                    raise self.unknowable(f"what the {column.key} gets by itself")
                if value is NOTHING:
                    break
                rows[place][column.key] = value
                if is_computed(column, updating=updating):
                    self.name_value(column, place, value)

    def columns_by_themselves(self, updating: bool) -> list[Any]:
        """Return the columns whose defaults matter: of references, and of scopes on UPDATE."""
        found = {} if not updating else {key: self.table.c[key] for key in self.columns}
        for reference in self.refs:
            if not self.proven(reference):
                found |= {column.key: column for column in reference.columns}
        return list(found.values())

    def lacks(self, row: Row, key: str) -> bool:
        """Return whether the row gets its value from a default."""
        if key not in row:
            return True
        # An ORM bulk INSERT treats None like a missing value.
        in_bulk = self.mapper is not None and isinstance(self.parameters, list)
        return in_bulk and row[key] is None and isinstance(self.statement, Insert)

    def name_value(self, column: Any, place: int, value: Any) -> None:
        """Put a computed default into the statement, so that the checked value is written.

        Otherwise SQLAlchemy would call the default again, which may return another value.
        """
        if isinstance(self.statement, Insert) and statement_rows_of(self.statement):
            raise self.unknowable(f"what the {column.key} gets by itself")
        if isinstance(self.parameters, Sequence) and self.parameters:
            name = column.key
            if self.mapper is not None:
                name = self.mapper.get_property_by_column(column).key
            self.parameters = list(self.parameters)
            self.parameters[place] = {**self.parameters[place], name: value}
        else:
            self.statement = self.statement.values({column: value})

    def check(self, row: Row) -> None:
        """Raise ``OutOfScope`` if a scope column has another value than the session's."""
        for key, (name, scope, value) in self.columns.items():
            given = row.get(key, _MISSING)
            if given is _MISSING:
                continue
            if given is _EXPRESSION:
                raise self.unknowable(f"an expression for the {name}")
            if given != value:
                raise OutOfScope.another(self.name, name, scope)

    def look_up(self, reference: Reference, row: Row, lookups: Lookups) -> None:
        """Add the key that a row has for a reference, unless it is proven to be in scope."""
        keys = {column.key for column in reference.columns}
        named = keys & row.keys()
        if not named:
            return
        if any(row[key] is _EXPRESSION for key in named):
            raise self.unknowable(f"an expression for the {', '.join(sorted(named))}")
        # Only the database knows what the row has in the other columns of the key.
        if named != keys and isinstance(self.statement, Update):
            raise self.unknowable(f"a part of the foreign key ({', '.join(sorted(keys))})")
        key = reference.key(row)
        if key is not None and not self.proven(reference):
            lookups.add(reference, key)

    def proven(self, reference: Reference) -> bool:
        """Return whether the row's own scope columns prove that the target is in scope."""
        return is_target_in_scope(
            reference, {key: scope for key, (_, scope, _) in self.columns.items()}
        )

    def on_conflict(self) -> Iterable[Row]:
        """Yield the values that ON CONFLICT DO UPDATE sets.

        ``excluded.column`` for the same column is left out: that value was checked with its row.
        """
        clause = post_values_of(self.statement)
        given = getattr(clause, "update_values_to_set", None) or getattr(clause, "update", None)
        if not given:
            return
        parameters = self.parameters if isinstance(self.parameters, Mapping) else {}
        row = self.keyed(dict(given).items())
        yield {
            key: _plain_value_of(value, parameters)
            for key, value in row.items()
            if not (
                isinstance(value, ColumnClause)
                and getattr(value.table, "name", None) in _NEW_ROWS
                and value.key == key
            )
        }


def unknowable_write_error(what: str, names: Iterable[str], model: str) -> UsageError:
    """Return the error for a write that cannot be checked before it is executed."""
    lifted = ", ".join(repr(name) for name in names)
    return UsageError(
        f"{what} cannot be kept to the scope",
        hint="write rows or values that can be checked, or lift the scope by name: "
        f"async with session.unscoped({lifted})",
        model=model,
    )


def is_target_in_scope(reference: Reference, checked_columns: Mapping[str, str]) -> bool:
    """Return whether the target must be in scope because the row itself is.

    That is so if all of the target's scopes compare columns that belong to the foreign key, and the
    row's own columns of the key were checked by the same scopes.
    """
    by_remote = {
        other.key: column.key
        for column, other in zip(reference.columns, reference.remote, strict=True)
    }
    for scope in reference.rules.scopes:
        if scope.column is None:
            return False
        attribute = getattr(reference.rules.model, scope.column)
        local = by_remote.get(attribute.property.columns[0].key)
        if local is None or checked_columns.get(local) != scope.name:
            return False
    return True


def _plain_value_of(value: Any, parameters: Mapping[str, Any]) -> Any:
    """Return the plain value of what was given; ``_EXPRESSION`` if only the database knows it."""
    if isinstance(value, BindParameter):
        if value.key in parameters:
            return parameters[value.key]
        # A callable is called again when the statement runs, and may return another value.
        return value.value if value.callable is None else _EXPRESSION
    if isinstance(value, Null):
        return None
    return (
        _EXPRESSION
        if hasattr(value, "__clause_element__") or isinstance(value, ClauseElement)
        else value
    )
