"""Map a class for the groups of a grouped schema, so that they can be queried like a model.

Groups are rows too, with the schema's fields as columns. They get a mapped class without a table of
its own: conditions on groups, their order, pages and the schema itself are then checked and built
as for any model. The key of a group is what it is grouped by.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from sqlalchemy import JSON, MetaData, Table, and_, inspect
from sqlalchemy import Column as TableColumn
from sqlalchemy.orm import registry, relationship
from sqlalchemy.types import ARRAY, TypeEngine

from colonnade._compat.pydantic_core_schema import Path, fields_of, lookup_paths
from colonnade.aggregates.declarations import Group
from colonnade.aggregates.resolve import (
    ResolvedAggregate,
    declared_aggregate,
    declared_fields,
    is_grouped,
    is_text,
    kind_of,
    resolve_aggregate,
    resolve_aggregates,
)
from colonnade.caches import memoized
from colonnade.errors import AmbiguousLookup, InvalidSchema, UnknownField
from colonnade.mapping import Column, Expression, Relation, did_you_mean, mapping_of
from colonnade.mapping.attributes import (
    ModelAttribute,
    PythonAttribute,
    attribute_of,
    attributes_of,
)
from colonnade.mapping.paths import column_path

__all__ = [
    "Grouped",
    "Grouping",
    "figures_class_of",
    "groups_of",
    "lookup_paths_of",
    "resolve_groups",
    "resolve_row_aggregates",
]

_ATTRIBUTE: Final = "__colonnade_groups__"
#: What the statement calls the subquery of groups.
_TABLE: Final = "colonnade_groups"


@dataclass(frozen=True, slots=True)
class Grouping:
    """A column that rows are grouped by: the ``attribute`` of the object at the end of ``steps``.

    ``label`` is its column in the groups. For a text there are two: the ``exact`` one, which tells
    texts apart that a collation takes for equal, and the one that is ``shown``.
    """

    label: str
    steps: tuple[Relation, ...]
    attribute: str
    exact: bool = False
    shown: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Grouped:
    """The groups of ``model`` that ``schema`` asks for; ``entity`` is the class mapped for them.

    ``fields`` are those that identify a group.
    """

    model: type[Any]
    schema: type[BaseModel]
    entity: type[Any]
    fields: tuple[str, ...]
    groupings: tuple[Grouping, ...]
    measures: tuple[tuple[str, ResolvedAggregate], ...]

    def source(self, label: str) -> str:
        """Return what a column of the groups holds, in words."""
        figures = dict(self.measures)
        if label in figures:
            return repr(figures[label].aggregate)
        found = next(item for item in self.groupings if item.label == label)
        return ".".join([*(step.name for step in found.steps), found.attribute])


def lookup_paths_of(model: type[Any], schema: type[BaseModel], name: str) -> list[Path]:
    """Return the paths at which a field's value is looked up; for groups its name alone."""
    if groups_of(model):
        return [(name,)]
    by_alias = schema.model_config.get("validate_by_alias") is not False
    return lookup_paths(fields_of(schema)[name], name, by_alias=by_alias)


def groups_of(entity: type[Any]) -> Grouped | None:
    """Return the groups that a class was mapped for; None for any other class."""
    found: Grouped | None = getattr(entity, _ATTRIBUTE, None)
    return found


@memoized
def resolve_groups(model: type[Any], schema: type[BaseModel]) -> Grouped | None:
    """Return the groups that a schema asks for, or None if its objects are the model's rows.

    Raises ``InvalidSchema``.
    """
    return _GroupsBuilder(model, schema).made() if is_grouped(model, schema) else None


def resolve_row_aggregates(
    model: type[Any],
    schema: type[BaseModel],
    *,
    nested: bool,
    given: Collection[str] = (),
) -> dict[str, ResolvedAggregate]:
    """Return the figures, by field, that a schema has of each of the model's rows.

    Something else fills the fields in ``given``. Raises ``InvalidSchema`` for a schema of groups,
    which cannot be nested, and which only ``into`` asks for.
    """
    if groups_of(model) is not None:
        return {}  # they are columns of the groups
    # Only ``into`` of a query replaces the model by the groups, before it asks for the plan.
    if not (nested or given) and is_grouped(model, schema):
        raise InvalidSchema(
            f"{schema.__name__} is about groups of {model.__name__}, not about its rows",
            hint=f"ask for it with where().into({schema.__name__})",
            model=model.__name__,
        )
    found: dict[str, ResolvedAggregate] = {}
    for name in declared_fields(schema):
        if name in given or declared_aggregate(schema, name) is None:
            continue
        measure = resolve_aggregate(model, schema, name)
        if measure is None or not measure.many:
            where = "a select" if given else "another schema"
            raise InvalidSchema(
                f"{schema.__name__}.{name}: groups are not nested in {where}",
                hint="label a column of the select so, to fill it"
                if given
                else 'a figure about children stands in their parent: Count("heroes")',
                model=model.__name__,
                fields=(name,),
            )
        found[name] = measure
    return found


@memoized
def figures_class_of(model: type[Any], schema: type[BaseModel]) -> type[Any] | None:
    """Return a class mapped for the figures that a schema has of each row; None without any."""
    measures = resolve_row_aggregates(model, schema, nested=True)
    if not measures:
        return None
    columns = [
        _make_column(index, item.field, item.result, item.nullable)
        for index, item in enumerate(measures.values())
    ]
    entity = _make_class(schema, {item.field: item.kind for item in measures.values()})
    _map_class(entity, columns, columns, {})
    return entity


def _make_class(schema: type[BaseModel], kinds: dict[str, Any]) -> type[Any]:
    """Return a new class with the schema's name, by which errors and cursors know it.

    ``model_fields`` tells what its columns hold, as in a model, since not every SQL type does.
    """
    fields = {name: FieldInfo(annotation=kind) for name, kind in kinds.items()}
    names = {"__module__": schema.__module__, "__qualname__": schema.__qualname__}
    return type(schema.__name__, (), {**names, "model_fields": fields})


def _map_class(
    entity: type[Any],
    columns: list[TableColumn[Any]],
    key: list[TableColumn[Any]],
    related: dict[str, Any],
) -> None:
    """Map the class to a table that only names the columns."""
    table = Table(_TABLE, MetaData(), *columns)
    # A registry of its own: names of schemas need not be unique.
    registry().map_imperatively(entity, table, properties=related, primary_key=key)


def _make_column(index: int, name: str, kind: TypeEngine[Any], nullable: bool) -> TableColumn[Any]:
    return TableColumn(f"g{index}", kind, key=name, nullable=nullable)


class _GroupsBuilder:
    """The groups of one schema while its fields are collected."""

    def __init__(self, model: type[Any], schema: type[BaseModel]) -> None:
        self.mapping = mapping_of(model)
        self.schema = schema
        self.columns: list[TableColumn[Any]] = []
        self.key: list[TableColumn[Any]] = []
        self.groupings: list[Grouping] = []
        self.relations: list[tuple[str, Relation]] = []
        self.fields: list[str] = []
        self.measures: list[tuple[str, ResolvedAggregate]] = []
        self.kinds: dict[str, Any] = {}

    def made(self) -> Grouped:
        """Return the finished groups. Raises ``InvalidSchema`` for a field that does not fit."""
        measures = {
            item.field: item for item in resolve_aggregates(self.mapping.model, self.schema)
        }
        for name in declared_fields(self.schema):
            if name in measures:
                self._add_aggregate(measures[name])
            else:
                self._add_field(name)
        related = {name: self._make_relation(name, relation) for name, relation in self.relations}
        return self._map_groups(related)

    def _add_aggregate(self, measure: ResolvedAggregate) -> None:
        """Add the column of an aggregate."""
        function, told = measure.aggregate.function, repr(measure.aggregate)
        # A group's figure about children is put together from those of its rows, see
        # ``spec.aggregate_sql.figure``. A mean, or a count of distinct values, cannot be.
        if measure.many and (function == "avg" or measure.aggregate.distinct):
            what = "a mean" if function == "avg" else "a count of distinct values"
            self._refuse(
                measure.field,
                f"{told} of a group would be {what} put together from its rows'",
                hint=f"ask the service of {measure.counted.__name__} for it",
            )
        label = self._add_column(measure.field, measure.result, measure.nullable).name
        self.measures.append((label, measure))
        self.kinds[measure.field] = measure.kind

    def _add_field(self, name: str) -> None:
        """Add what a field is grouped by: a column, or the foreign key of a related object."""
        given = declared_aggregate(self.schema, name)
        self.fields.append(name)
        steps: tuple[Relation, ...] = ()
        found: ModelAttribute
        if isinstance(given, Group) and given.path:
            steps, found = self._resolve_group_path(name, given.path)
        else:
            found = self._find_attribute(name)
        if isinstance(found, Relation):
            self.relations.append((name, found))
            return
        if isinstance(found, PythonAttribute):
            self._refuse(name, f"{self.mapping.model.__name__}.{found.name} is computed in Python")
        kind = kind_of(self.mapping.model, steps, found)
        if isinstance(found.type, JSON | ARRAY) or kind in (dict, list):
            self._refuse(name, f"{found.name} has no equality on every database to group by")
        text = is_text(found.type)
        self._add_grouping(name, steps, found, shown=text)
        if text:
            # A collation may take different texts for equal: group by their bytes as well.
            self._add_grouping(f"{name} (exact)", steps, found, exact=True)

    def _find_attribute(self, name: str) -> ModelAttribute:
        """Return the attribute that fills a field by its aliases or its name, as in any schema."""
        model = self.mapping.model
        paths = lookup_paths(fields_of(self.schema)[name], name)
        attributes: Any = (attribute_of(model, str(path[0])) for path in paths if len(path) == 1)
        found: ModelAttribute | None = next(filter(None, attributes), None)
        if found is None:
            self._refuse(
                name,
                f"{model.__name__} has nothing that fills it",
                hint=did_you_mean(name, attributes_of(model), model.__name__),
            )
        return found

    def _resolve_group_path(
        self, name: str, path: str
    ) -> tuple[tuple[Relation, ...], Column | Expression]:
        """Return the relations and the column that a ``Group`` names."""
        try:
            found = column_path(self.mapping.model, path)
        except (UnknownField, AmbiguousLookup) as error:
            self._refuse(name, f"Group({path!r}): {error.message}", hint=error.hint)
        many = next((step for step in found.steps if step.many), None)
        if many is not None:
            self._refuse(name, f"Group({path!r}): {many.name} has many objects, a row is in one")
        return found.steps, found.column

    def _make_relation(self, name: str, relation: Relation) -> Any:
        """Return the relation from a group to the one object that its rows have in common."""
        owner = self.mapping.model
        if relation.many:
            self._refuse(name, f"{owner.__name__}.{name} has many objects, and a group has none")
        prop = inspect(owner).relationships[name]
        pairs = list(prop.local_remote_pairs or ())
        if relation.direction != "many_to_one" or len(relation.local) != len(pairs):
            self._refuse(name, f"{owner.__name__} has no columns that say which {name} it is")
        local = [self._local_column(item) for item in relation.local]
        joined = [own == pair[1] for own, pair in zip(local, pairs, strict=True)]
        return relationship(
            relation.target,
            primaryjoin=and_(*joined),
            foreign_keys=local,
            uselist=False,
            viewonly=True,
        )

    def _local_column(self, name: str) -> TableColumn[Any]:
        """Return the groups' column for a column of the model; add it if there is none."""
        for item in self.groupings:
            if item.attribute == name and not item.steps and not item.exact:
                return next(made for made in self.columns if made.name == item.label)
        taken = {item.key for item in self.columns} | set(declared_fields(self.schema))
        return self._add_grouping(
            f"{name} (group)" if name in taken else name, (), self.mapping.columns[name]
        )

    def _add_grouping(
        self,
        name: str,
        steps: tuple[Relation, ...],
        found: Column | Expression,
        *,
        exact: bool = False,
        shown: bool = False,
    ) -> TableColumn[Any]:
        """Add a column that rows are grouped by."""
        nullable = any(step.optional for step in steps)
        if isinstance(found, Expression) or found.nullable:
            nullable = True
        made = self._add_column(name, found.type, nullable)
        self.kinds[name] = kind_of(self.mapping.model, steps, found)
        self.groupings.append(Grouping(made.name, steps, found.name, exact, shown))
        if not shown:
            self.key.append(made)
        return made

    def _add_column(self, name: str, kind: TypeEngine[Any], nullable: bool) -> TableColumn[Any]:
        made = _make_column(len(self.columns), name, kind, nullable)
        self.columns.append(made)
        return made

    def _map_groups(self, related: dict[str, Any]) -> Grouped:
        """Map the class for the groups and return them."""
        entity = _make_class(self.schema, self.kinds)
        made = Grouped(
            self.mapping.model,
            self.schema,
            entity,
            tuple(self.fields),
            tuple(self.groupings),
            tuple(self.measures),
        )
        setattr(entity, _ATTRIBUTE, made)
        # Without any grouping there is one object; but a mapper needs a key all the same.
        _map_class(entity, self.columns, self.key or self.columns, related)
        return made

    def _refuse(self, name: str, message: str, hint: str | None = None) -> NoReturn:
        raise InvalidSchema(
            f"{self.schema.__name__}.{name}: {message}",
            hint=hint,
            model=self.mapping.model.__name__,
            fields=(name,),
        )
