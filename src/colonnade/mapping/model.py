"""Describe a mapped class: columns, relations, its key, its unique sets and its version."""

from __future__ import annotations

from collections import abc
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Final, Literal

import sqlalchemy as sa
from pydantic.fields import FieldInfo
from sqlalchemy.orm import ColumnProperty, Mapper, RelationshipDirection, RelationshipProperty
from sqlalchemy.orm.exc import UnmappedColumnError

from colonnade.errors import InvalidMapping
from colonnade.mapping.cardinality import indexed_parts, is_partial, may_repeat_owner
from colonnade.mapping.configuration import configure
from colonnade.mapping.hints import with_article

__all__ = [
    "Column",
    "Direction",
    "Mapping",
    "Relation",
    "Storage",
    "Unique",
    "check_mapped",
    "mapping_of",
]

_CACHED: Final = "colonnade.mapping"

Direction = Literal["many_to_one", "one_to_many", "many_to_many"]
#: Where a model's rows are: in one table, in the joined tables of a class hierarchy, or in a mapped
#: join or SELECT, which is no table at all.
Storage = Literal["table", "hierarchy", "select"]

_DIRECTIONS: Final[abc.Mapping[RelationshipDirection, Direction]] = {
    RelationshipDirection.MANYTOONE: "many_to_one",
    RelationshipDirection.ONETOMANY: "one_to_many",
    RelationshipDirection.MANYTOMANY: "many_to_many",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A mapped column; ``name`` is the attribute's, ``column.name`` the database's."""

    name: str
    column: sa.Column[Any]
    type: sa.types.TypeEngine[Any]
    nullable: bool
    primary_key: bool
    unique: bool  # by itself, as the key or in a constraint or unique index of its own
    has_default: bool  # given by SQLAlchemy in an INSERT, or by the model to a new object
    has_server_default: bool  # given by the database: a default, an identity, a serial
    has_onupdate: bool  # changes by itself in an UPDATE
    computed: bool  # GENERATED ALWAYS AS (an expression): never written
    #: Makes the default that only the model's field has: SQLModel drops it beside ``sa_column``.
    make_default: Callable[[], Any] | None = None

    @property
    def required(self) -> bool:
        """True if an INSERT must give a value."""
        given = self.has_default or self.has_server_default or self.computed
        return not (self.nullable or given)


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation to ``target``: to ``many`` objects or to one, which is None if ``optional``."""

    name: str
    target: type[Any]
    many: bool
    optional: bool
    direction: Direction
    secondary: sa.FromClause | None  # the link table between the two
    viewonly: bool
    local: tuple[str, ...]  # the attributes of this model that the join compares
    multiplies: bool  # a join may find several rows; also for one object that nothing makes unique


@dataclass(frozen=True, slots=True)
class Unique:
    """Attributes that are unique together; ``partial`` when an index holds for some rows only."""

    name: str | None
    fields: tuple[str, ...]
    partial: bool


@dataclass(frozen=True, slots=True)
class Mapping:
    """The parts of a model, by attribute name. A property, synonym or hybrid is no column."""

    model: type[Any]
    table: sa.FromClause
    columns: abc.Mapping[str, Column]
    relations: abc.Mapping[str, Relation]
    key: tuple[str, ...]
    unique: tuple[Unique, ...]
    version: str | None
    storage: Storage


def check_mapped(model: Any) -> Mapper[Any]:
    """Return the mapper of a class, configured or not. Raise ``InvalidMapping`` without one."""
    mapper: Any = sa.inspect(model, raiseerr=False) if isinstance(model, type) else None
    if isinstance(mapper, Mapper):
        return mapper
    if not isinstance(model, type):
        raise InvalidMapping(
            f"{with_article(type(model).__name__)} is not a mapped class",
            hint="name the class itself, declared as: class Hero(SQLModel, table=True)",
        )
    name = model.__name__
    table = next((base for base in model.__mro__[1:] if hasattr(base, "__mapper__")), None)
    if table is None:
        hint = f"declare it as: class {name}(SQLModel, table=True)"
    else:
        hint = (
            f"SQLModel maps no class that is derived from the table model {table.__name__}: "
            "put what they share into a class without table=True, and derive both from it"
        )
    raise InvalidMapping(f"{name} is not a mapped class", hint=hint, model=name)


def mapping_of(model: type[Any]) -> Mapping:
    """Return the mapping of a mapped class, configured and cached.

    Raises ``InvalidMapping`` for a class that is not mapped, or that cannot be.
    """
    mapper: Any = sa.inspect(model, raiseerr=False)
    if not isinstance(mapper, Mapper):
        mapper = check_mapped(model)
    configure(mapper.registry)
    # A back reference of a model imported later adds an attribute to a mapper already configured.
    size = len(mapper.attrs)
    known = mapper.class_manager.info.get(_CACHED)
    if known is None or known[0] != size:
        known = mapper.class_manager.info[_CACHED] = (size, _build_mapping(mapper))
    mapping: Mapping = known[1]
    return mapping


def attribute_of_column(mapper: Mapper[Any], column: sa.ColumnElement[Any]) -> str | None:
    """Return the attribute that maps a column, or None; the mapper need not be configured."""
    try:
        return mapper.get_property_by_column(column).key
    except UnmappedColumnError:
        return None


def _build_mapping(mapper: Mapper[Any]) -> Mapping:
    # Several columns may be one attribute, as in a class hierarchy whose tables share their key.
    key = _mapped_attributes(mapper, mapper.primary_key)
    unique = tuple(_unique_sets(mapper))
    alone = {item.fields for item in unique if not item.partial} | {key}
    filled = _flush_filled_columns(mapper)
    columns = (_make_model_column(prop, alone, filled) for prop in mapper.column_attrs)
    relations = (_make_model_relation(prop) for prop in mapper.relationships)
    return Mapping(
        model=mapper.class_,
        table=mapper.local_table,
        columns=MappingProxyType({item.name: item for item in columns if item is not None}),
        relations=MappingProxyType({item.name: item for item in relations}),
        key=key,
        unique=unique,
        version=None
        if mapper.version_id_col is None
        else attribute_of_column(mapper, mapper.version_id_col),
        storage=_storage_of(mapper),
    )


def _flush_filled_columns(mapper: Mapper[Any]) -> set[Any]:
    """Return the columns that a flush fills in: the polymorphic discriminator and the version."""
    told = [mapper.polymorphic_on] if mapper.polymorphic_identity is not None else []
    counted = [mapper.version_id_col] if mapper.version_id_generator else []
    return {column for column in (*told, *counted) if column is not None}


def _storage_of(mapper: Mapper[Any]) -> Storage:
    if isinstance(mapper.persist_selectable, sa.Table):
        return "table"
    joined = mapper.inherits is not None and isinstance(mapper.persist_selectable, sa.Join)
    whole = all(isinstance(table, sa.Table) for table in mapper.tables)
    return "hierarchy" if joined and whole else "select"


def _mapped_attributes(mapper: Mapper[Any], columns: Iterable[Any]) -> tuple[str, ...]:
    """Return the attributes that map these columns, each once; fewer where some are not mapped."""
    names = (attribute_of_column(mapper, column) for column in columns)
    return tuple(dict.fromkeys(name for name in names if name is not None))


def _make_model_column(
    prop: ColumnProperty[Any], alone: set[tuple[str, ...]], filled: set[Any]
) -> Column | None:
    """Return the column of a property; None if it is an expression.

    ``filled`` are the columns that a flush fills in.
    """
    column: Any = prop.columns[0]
    if not isinstance(column, sa.Column):  # a column_property of an expression
        return None
    # The key of a class hierarchy has a column in each table, and the first table fills it in.
    same: list[Any] = [item for item in prop.columns if isinstance(item, sa.Column)]
    serial = any(
        isinstance(item.table, sa.Table) and item.table.autoincrement_column is item
        for item in same
    )
    make_default = _field_default(prop, column)
    return Column(
        name=prop.key,
        column=column,
        type=column.type,
        nullable=bool(column.nullable),
        primary_key=column.primary_key,
        unique=(prop.key,) in alone,
        has_default=make_default is not None
        or any(item.default is not None or item in filled for item in same),
        has_server_default=serial or any(item.server_default is not None for item in same),
        has_onupdate=column.onupdate is not None or column.server_onupdate is not None,
        computed=column.computed is not None,
        make_default=make_default,
    )


def _field_default(prop: ColumnProperty[Any], column: sa.Column[Any]) -> Callable[[], Any] | None:
    """Return what makes the default of the model's field, where the column itself has none.

    A field with None for its default leaves the column to what the database fills in.
    """
    fields: abc.Mapping[str, FieldInfo] = getattr(prop.parent.class_, "model_fields", {})
    field = fields.get(prop.key)
    if field is None or column.default is not None or column.computed is not None:
        return None
    if field.is_required():
        return None
    if field.default_factory is None and field.default is None:
        return None
    return partial(field.get_default, call_default_factory=True)


def _make_model_relation(prop: RelationshipProperty[Any]) -> Relation:
    many = bool(prop.uselist)
    local = [pair[0] for pair in prop.local_remote_pairs or ()]
    # A join on columns that no foreign key guards may find nothing, whatever the columns hold.
    guarded = all(column.foreign_keys for column in local)
    holds_key = prop.direction is RelationshipDirection.MANYTOONE and guarded
    return Relation(
        name=prop.key,
        target=prop.mapper.class_,
        many=many,
        optional=not many and not (holds_key and not any(column.nullable for column in local)),
        direction=_DIRECTIONS[prop.direction],
        secondary=prop.secondary,
        viewonly=prop.viewonly,
        local=_mapped_attributes(prop.parent, local),
        multiplies=may_repeat_owner(prop),
    )


def _unique_sets(mapper: Mapper[Any]) -> list[Unique]:
    """Return the unique constraints and indexes whose columns are all mapped."""
    found: list[Unique] = []
    for table in (table for table in mapper.tables if isinstance(table, sa.Table)):
        items: list[sa.UniqueConstraint | sa.Index]
        items = [item for item in table.constraints if isinstance(item, sa.UniqueConstraint)]
        items += [index for index in table.indexes if index.unique]
        for item in items:
            fields = _mapped_attributes(mapper, item.columns)
            if len(fields) == len(indexed_parts(item)):
                name = str(item.name) if isinstance(item.name, str) else None
                found.append(Unique(name, fields, partial=is_partial(item)))
    return sorted(found, key=lambda item: (item.name or "", item.fields))
