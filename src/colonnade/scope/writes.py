"""In charge of what INSERT and UPDATE statements may write under a session's scopes.

What is missing is filled in, what names another tenant is refused, and what refers to rows of a
table with scopes is gathered, to be looked up. What cannot be known beforehand, such as the value
of an SQL expression, is refused too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sqlalchemy import BindParameter, ColumnClause, Insert, Table, Update
from sqlalchemy.orm import Mapper
from sqlalchemy.sql.elements import ClauseElement, Null

from colonnade.errors import OutOfScope, UsageError
from colonnade.scope.bindings import Bindings
from colonnade.scope.declared import Scope
from colonnade.scope.references import Lookups, Reference, references
from colonnade.scope.rules import Rules, rules_of

__all__ = ["Write", "checked", "columns_of", "proven", "unknowable"]

Row: TypeAlias = dict[str, Any]
Parameters: TypeAlias = Any

_MISSING: Final = object()


class _Expression:
    """A value that only the database knows."""


_EXPRESSION: Final = _Expression()


@dataclass(frozen=True, slots=True)
class Write:
    """What may be executed in place of what was asked, once ``lookups`` have found all."""

    statement: Any
    parameters: Parameters
    lookups: Lookups


def columns_of(rules: Rules | None, bindings: Bindings) -> dict[str, tuple[str, Any]]:
    """What a row of the model has to have: by attribute the scope's name and its value.

    Raises ``ScopeUnbound``.
    """
    bindings.require(rules)
    return {
        scope.column: (scope.name, bindings.values[scope.name])
        for scope in bindings.active(rules)
        if scope.column is not None
    }


def checked(statement: Any, parameters: Parameters, bindings: Bindings) -> Write | None:
    """The write that an INSERT or UPDATE may be; None if no scope has to do with it.

    Raises ``OutOfScope``, ``ScopeUnbound`` or ``UsageError``.
    """
    table: Any = statement.table
    table = table._deannotate() if isinstance(table, Table) else table
    rules = rules_of(table)
    refs = references(table, bindings)
    if not bindings.active(rules) and not refs:
        return None
    return _Check(statement, table, parameters, rules, refs, bindings).write()


class _Check:
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
        subject: Any = statement._propagate_attrs.get("plugin_subject")
        self.mapper: Mapper[Any] | None = None if subject is None else subject.mapper
        self.rules = rules
        self.name = str(rules) if rules else table.name
        self.columns = {
            self.key(name): (name, scope, value)
            for name, (scope, value) in columns_of(rules, bindings).items()
        }
        self.scopes: tuple[Scope, ...] = bindings.active(rules)

    def write(self) -> Write:
        self.refuse_shapes()
        rows = list(self.given())
        if isinstance(self.statement, Insert):
            self.fill(rows)
        lookups = Lookups()
        for row in (*rows, *self.on_conflict()):
            self.check(row)
            for reference in self.refs:
                self.look_up(reference, row, lookups)
        if isinstance(self.statement, Insert):
            lookups.writing(self.table, rows)
        return Write(self.statement, self.parameters, lookups)

    def refuse_shapes(self) -> None:
        """What no criteria can be put into, or no values can be seen in."""
        statement = self.statement
        if isinstance(statement, Update):
            if self.mapper is not None and isinstance(self.parameters, list) and self.scopes:
                raise self.unknowable("an UPDATE by a list of keys and values")
            return
        if statement.select is not None:
            raise self.unknowable("INSERT … SELECT")
        prefixes = " ".join(str(prefix) for prefix, _ in statement._prefixes)
        if "REPLACE" in prefixes.upper():
            raise self.unknowable("INSERT OR REPLACE")

    def unknowable(self, what: str) -> UsageError:
        names = [scope.name for scope in self.scopes or self.refs[0].rules.scopes]
        return unknowable(f"{what} of {self.name}", names, self.name)

    def given(self) -> Iterable[Row]:
        """The values of each row as they are given, by column key where it is one."""
        fixed = self.keyed((self.statement._values or {}).items())
        parameters = self.parameters
        many = parameters if isinstance(parameters, Sequence) else [parameters or {}]
        for given in many or [{}]:
            bound = self.keyed(given.items())
            yield {**bound, **{key: _literal(value, given) for key, value in fixed.items()}}
        for rows in self.statement._multi_values:
            for given in rows:
                named = given.items() if isinstance(given, Mapping) else zip(self.table.c, given)  # noqa: B905 # SQLAlchemy counts them
                yield {key: _literal(value, {}) for key, value in self.keyed(named).items()}

    def keyed(self, items: Iterable[tuple[Any, Any]]) -> Row:
        return {self.key(name): value for name, value in items}

    def key(self, name: Any) -> str:
        """The key that the table has for a column, an attribute or a name."""
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
        """Give every row that names no value of a scope's column the session's."""
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
            if self.statement._multi_values:
                raise OutOfScope(
                    f"every row must name {self.name}.{name}",
                    hint="hand the rows in as parameters: session.execute(insert(Model), rows)",
                    model=self.name,
                    fields=(name,),
                )
            self.statement = self.statement.values({self.table.c[key]: value})

    def check(self, row: Row) -> None:
        for key, (name, scope, value) in self.columns.items():
            given = row.get(key, _MISSING)
            if given is _MISSING:
                continue
            if given is _EXPRESSION:
                raise self.unknowable(f"an expression for the {name}")
            if given != value:
                raise OutOfScope.another(self.name, name, scope)

    def look_up(self, reference: Reference, row: Row, lookups: Lookups) -> None:
        keys = {column.key for column in reference.columns}
        named = keys & row.keys()
        if not named:
            return
        if any(row[key] is _EXPRESSION for key in named):
            raise self.unknowable(f"an expression for the {', '.join(sorted(named))}")
        if named != keys and isinstance(self.statement, Update):
            raise self.unknowable(f"a part of the foreign key ({', '.join(sorted(keys))})")
        key = reference.key(row)
        if key is not None and not self.proven(reference):
            lookups.add(reference, key)

    def proven(self, reference: Reference) -> bool:
        """Whether a column that was checked says by itself that the target is in scope."""
        return proven(reference, {key: scope for key, (_, scope, _) in self.columns.items()})

    def on_conflict(self) -> Iterable[Row]:
        """What ON CONFLICT DO UPDATE sets, but for what the checked row itself has."""
        clause = getattr(self.statement, "_post_values_clause", None)
        given = getattr(clause, "update_values_to_set", None)
        if not given:
            return
        parameters = self.parameters if isinstance(self.parameters, Mapping) else {}
        row = self.keyed(dict(given).items())
        yield {
            key: _literal(value, parameters)
            for key, value in row.items()
            if not (
                isinstance(value, ColumnClause)
                and getattr(value.table, "name", None) == "excluded"
                and value.key == key
            )
        }


def unknowable(what: str, names: Iterable[str], model: str) -> UsageError:
    """The error for a write that cannot be checked before it happens."""
    lifted = ", ".join(repr(name) for name in names)
    return UsageError(
        f"{what} cannot be kept to the scope",
        hint="write rows or values that can be checked, or lift the scope by name: "
        f"async with session.unscoped({lifted})",
        model=model,
    )


def proven(reference: Reference, checked_columns: Mapping[str, str]) -> bool:
    """Whether the target is in scope because the row itself is.

    So it is when the target's only scopes compare the very columns that are referred to, and the
    row's own columns were compared with the same values.
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


def _literal(value: Any, parameters: Mapping[str, Any]) -> Any:
    """The value itself, of a bind parameter too; an expression if only the database knows it."""
    if isinstance(value, BindParameter):
        return parameters.get(value.key, value.effective_value)
    if isinstance(value, Null):
        return None
    return (
        _EXPRESSION
        if hasattr(value, "__clause_element__") or isinstance(value, ClauseElement)
        else value
    )
