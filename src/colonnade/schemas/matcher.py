"""Match a schema with a model: find what fills each field, and build the plan for reading it.

A field looks up what Pydantic looks up with ``from_attributes``: its validation aliases, each in
turn; an alias that the model does not have is taken for one of the response, and then the field's
name counts. A plan is made once for a model and a schema, and raises at once if they do not fit.
"""

from __future__ import annotations

from contextlib import suppress
from types import FunctionType
from typing import Any, Final, NoReturn

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from colonnade._compat.pydantic_core_schema import (
    Path,
    core_schema_of,
    fields_of,
    has_before_validator,
)
from colonnade.aggregates import ResolvedAggregate, resolve_row_aggregates
from colonnade.aggregates.groups import lookup_paths_of
from colonnade.aggregates.resolve import aggregate_key
from colonnade.caches import memoized
from colonnade.errors import InvalidSchema
from colonnade.mapping import Relation, did_you_mean, mapping_of
from colonnade.mapping.attributes import ModelAttribute, PythonAttribute
from colonnade.schemas.annotations import (
    Requires,
    Rows,
    Unscoped,
    allows_none,
    class_requires,
    find_annotation,
    nested_schemas,
)
from colonnade.schemas.hiding import lift_known_scopes, lift_scopes
from colonnade.schemas.plan import Plan
from colonnade.schemas.plan_builder import ColumnsOnly, PlanBuilder

__all__ = ["check_arguments", "plan_of", "plan_of_select"]

_METHODS: Final = (FunctionType, classmethod, staticmethod)


def plan_of(model: type[Any], schema: type[BaseModel], depth: int | None = None) -> Plan:
    """Return the plan for reading ``schema`` from ``model``.

    A schema that is nested in itself is read ``depth`` levels deep; what lies below is empty.
    Raises ``InvalidSchema`` that names the field and the nearest attribute.
    """
    check_arguments(schema, depth)
    return _cached_plan(mapping_of(model).model, schema, depth, ())


def plan_of_select(
    model: type[Any] | None,
    schema: type[BaseModel],
    labels: tuple[str, ...],
    depth: int | None = None,
) -> Plan:
    """Return the plan for reading ``schema`` from a SELECT that has columns with these labels.

    Fields that they do not fill are read from ``model``, if the SELECT has its objects too. Raises
    ``InvalidSchema``, also for a label that no field takes.
    """
    check_arguments(schema, depth)
    owner = ColumnsOnly if model is None else mapping_of(model).model
    plan = _cached_plan(owner, schema, depth, labels)
    taken = {leaf.name for leaf in plan.columns}
    spare = next((label for label in labels if label not in taken), None)
    if spare is not None:
        raise InvalidSchema(
            f"{schema.__name__} has no field for the column {spare!r} of the select",
            hint=did_you_mean(spare, schema.model_fields, schema.__name__),
            fields=(spare,),
        )
    return plan


def check_arguments(schema: Any, depth: int | None) -> None:
    """Raise ``InvalidSchema`` for a class that is no schema, or an impossible depth."""
    if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
        raise InvalidSchema(
            f"{getattr(schema, '__name__', schema)} is no schema",
            hint="hand in a class derived from pydantic.BaseModel",
        )
    if depth is not None and (type(depth) is not int or depth < 1):
        raise InvalidSchema("depth is a whole number of at least 1")


@memoized
def _cached_plan(
    model: type[Any], schema: type[BaseModel], depth: int | None, labels: tuple[str, ...]
) -> Plan:
    """Return the plan: with keys by field if possible, else by attribute."""
    # Most schemas are filled by field. A plan by attribute is made only if code looks at them.
    with suppress(_NeedsObjectsError):
        return _SchemaMatcher(depth, objects=False).plan(PlanBuilder(model, schema, labels))
    return _SchemaMatcher(depth, objects=True).plan(PlanBuilder(model, schema, labels))


class _NeedsObjectsError(Exception):
    """Raised where code reads attributes: the plan's keys must then be attributes too."""


class _SchemaMatcher:
    """One attempt at a plan: with keys by field, or, with ``objects``, by attribute."""

    def __init__(self, depth: int | None, *, objects: bool) -> None:
        self.depth = depth
        self.objects = objects

    def plan(self, draft: PlanBuilder) -> Plan:
        """Return the finished plan.

        Raises ``_NeedsObjectsError`` if its keys have to be attributes.
        """
        self._match_schema(draft, draft.schema, ())
        return draft.build_plan(objects=self.objects)

    def _match_schema(
        self, draft: PlanBuilder, schema: type[BaseModel], above: tuple[type[BaseModel], ...]
    ) -> None:
        _check_schema(schema)
        if _has_early_validator(schema):
            self._needs_objects()
        for requires in class_requires(schema):
            self._add_required(draft, requires, schema.__name__)
        measures = self._find_measures(draft, schema, nested=bool(above))
        for name, field in schema.model_fields.items():
            if name in measures:
                draft.measures[aggregate_key(name, objects=self.objects)] = measures[name]
            else:
                _FieldMatcher(self, draft, schema, name, field, above).fit()

    def _find_measures(
        self, draft: PlanBuilder, schema: type[BaseModel], *, nested: bool
    ) -> dict[str, ResolvedAggregate]:
        """Return the figures of each object that are read, by field."""
        if draft.model is ColumnsOnly:
            return {}
        given = {
            name
            for name in schema.model_fields
            if any(path[0] in draft.labels for path in lookup_paths_of(draft.model, schema, name))
        }
        return resolve_row_aggregates(draft.model, schema, nested=nested, given=given)

    def _needs_objects(self) -> None:
        if not self.objects:
            raise _NeedsObjectsError

    def _add_required(self, draft: PlanBuilder, requires: Requires, told: str) -> None:
        """Add the attributes that ``requires`` names to what is read."""
        for path in requires.paths:
            self._needs_objects()
            at = draft
            *steps, last = path.split(".")
            for step in steps:
                found = at.attribute(step)
                if not isinstance(found, Relation):
                    raise _unfit_error(at, f"{told} requires {path!r}", step, relations=True)
                at = at.add_relation(found, BaseModel)
            attribute = at.attribute(last)
            if attribute is None or isinstance(attribute, PythonAttribute):
                raise _unfit_error(at, f"{told} requires {path!r}", last)
            if isinstance(attribute, Relation):
                at.add_relation(attribute, BaseModel)
            else:
                at.add_column(last, attribute)


class _FieldMatcher:
    """One field of a schema, on its way into the plan."""

    def __init__(
        self,
        fit: _SchemaMatcher,
        draft: PlanBuilder,
        schema: type[BaseModel],
        name: str,
        field: FieldInfo,
        above: tuple[type[BaseModel], ...],
    ) -> None:
        self.fitting = fit
        self.draft = draft
        self.schema = schema
        self.name = name
        self.field = field
        self.above = above
        self.requires = find_annotation(field, Requires)
        self.rows = find_annotation(field, Rows)
        self.unscoped = find_annotation(field, Unscoped)
        #: The scopes that were lifted for the objects on the way.
        self.lifted: frozenset[str] = frozenset()
        self.told = f"{schema.__name__}.{name}"

    def fit(self) -> None:
        """Add what fills the field to the plan. Raises ``InvalidSchema`` if nothing does."""
        if self.requires is not None:
            self.fitting._add_required(self.draft, self.requires, self.told)
        filled = False
        for path in lookup_paths_of(self.draft.model, self.schema, self.name):
            attribute = self.draft.attribute(str(path[0]))
            if attribute is None or _is_method(attribute):
                continue
            filled = True
            if len(path) == 1:
                self._fill_field(self.draft, str(path[0]), attribute)
                return
            # A path with several steps may end early in a given row; then Pydantic tries the next.
            self.fitting._needs_objects()
            self._follow_path(path, attribute)
        # A validator of the schema's own may fill what nothing is read for.
        own = not self.field.is_required() or _has_early_validator(self.schema)
        if not filled and (self.requires is None or not own):
            raise _unfit_error(
                self.draft, f"{self.told}: {self.draft.title} has nothing that fills it", self.name
            )

    def _follow_path(self, path: Path, attribute: ModelAttribute) -> None:
        """Follow a validation path such as ``AliasPath("team", "name")`` over relations."""
        draft = self.draft
        name, *rest = path
        # If the path ends early, Pydantic tries the next path or uses the default.
        others = len(lookup_paths_of(self.draft.model, self.schema, self.name)) > 2
        spare = others or not self.field.is_required()
        while isinstance(attribute, Relation) and (keys := [k for k in rest if isinstance(k, str)]):
            followed, freed = lift_known_scopes(attribute, self.unscoped)
            self.lifted |= freed
            draft = draft.add_relation(followed, BaseModel, takes_none=spare or attribute.many)
            following = draft.attribute(keys[0])
            if following is None or _is_method(following):
                raise _unfit_error(draft, f"{self.told} looks for {_join_path(path)}", keys[0])
            if attribute.many and isinstance(rest[0], str):
                self._refuse(
                    f"looks for {_join_path(path)}, and {name} is a collection, of which Pydantic "
                    "takes places only",
                    hint=f"read {name} into a list of a schema of its own; or write a property of "
                    f"the model, with Annotated[…, Requires({_join_path(path)!r})] for the field",
                )
            rest = rest[rest.index(keys[0]) + 1 :]
            name, attribute = keys[0], following
        self._fill_field(draft, str(name), attribute, many=True if rest else None)

    def _fill_field(
        self, draft: PlanBuilder, name: str, attribute: ModelAttribute, many: bool | None = None
    ) -> None:
        """Add the attribute that fills the field, or refuse it."""
        if self.rows is not None and not (isinstance(attribute, Relation) and attribute.many):
            self._refuse("is no collection, and Rows says which objects of one are read")
        single = isinstance(attribute, Relation) and not attribute.many
        if self.unscoped is not None and not single:
            if draft is self.draft:
                self._refuse("is no relation to one object, for which Unscoped lifts a scope")
            unknown = next((name for name in self.unscoped.names if name not in self.lifted), None)
            if unknown is not None:
                self._refuse(f"no single object on the way has a scope {unknown!r}")
        if isinstance(attribute, PythonAttribute):
            self.fitting._needs_objects()
            if self.requires is None and not attribute.constant:
                self._refuse(
                    f"{draft.model.__name__}.{name} is computed in Python",
                    hint="name the columns that it looks at: Annotated[…, Requires('first', …)]",
                )
        elif isinstance(attribute, Relation):
            self._fill_by_relation(draft, attribute, name, many)
        elif self.fitting.objects:
            draft.add_column(name, attribute)
        else:
            draft.add_column(self.name, attribute)

    def _fill_by_relation(
        self, draft: PlanBuilder, relation: Relation, name: str, one_of_many: bool | None
    ) -> None:
        """Add the relation that fills the field, with a plan for each schema at its end."""
        schemas, is_list = nested_schemas(self.field.annotation)
        if not schemas:
            if self.requires is None:
                self._refuse(
                    "is filled by a relation, which needs a schema of its own",
                    hint="annotate it with a class derived from pydantic.BaseModel",
                )
        elif is_list is not relation.many and self.requires is None and not one_of_many:
            owner = f"{draft.model.__name__}.{relation.name}"
            self._refuse(
                f"{owner} has {'many objects' if relation.many else 'one object'}",
                hint=f"annotate it as {_annotation_example(relation, schemas[0])}",
            )
        node = fields_of(self.schema)[self.name]["schema"]
        sees = len(schemas) != 1 or has_before_validator(
            node, schemas, core_schema_of(self.schema)[1]
        )
        if sees:
            self.fitting._needs_objects()
        if self.unscoped is not None:
            relation = lift_scopes(relation, self.unscoped, self.told)
        # A validator that is handed the object is expected to handle None too.
        takes_none = sees or relation.many or allows_none(self.field.annotation)
        above = (*self.above, self.schema)
        key = name if self.fitting.objects else self.name
        for schema in schemas:
            # A schema that is nested in itself is followed as deep as the caller wants.
            if above.count(schema) >= (self.fitting.depth or 1):
                self._end_recursion(draft, key, relation)
            else:
                target = draft.add_relation(relation, schema, key, self.rows, takes_none=takes_none)
                self.fitting._match_schema(target, schema, above)
        if not schemas:
            draft.add_relation(relation, BaseModel, key, self.rows)

    def _end_recursion(self, draft: PlanBuilder, key: str, relation: Relation) -> None:
        """End a recursive schema at its depth: nothing below it is read."""
        if self.fitting.depth is None:
            raise InvalidSchema(
                f"{self.schema.__name__} is nested in itself without an end",
                hint=f"say how deep: into({self.schema.__name__}, depth=3); "
                "or write a schema for each level that is wanted",
                fields=(self.name,),
            )
        if not relation.many and not allows_none(self.field.annotation):
            self._refuse("has no end: it is always there", hint="annotate it as … | None")
        draft.given[key] = () if relation.many else None

    def _refuse(self, message: str, hint: str | None = None) -> NoReturn:
        """Raise ``InvalidSchema`` about this field."""
        parting = " " if message.startswith("is ") else ": "
        raise InvalidSchema(
            f"{self.told}{parting}{message}",
            hint=hint,
            model=self.draft.model.__name__,
            fields=(self.name,),
        )


def _check_schema(schema: type[BaseModel]) -> None:
    """Raise ``InvalidSchema`` for a table or a schema without fields."""
    if hasattr(schema, "__table__"):
        raise InvalidSchema(
            f"{schema.__name__} is a table, not a schema",
            hint="leave into() out to read its objects, or write a class without table=True",
        )
    if not fields_of(schema):
        raise InvalidSchema(f"{schema.__name__} has no fields")


def _has_early_validator(schema: type[BaseModel]) -> bool:
    """Return whether a validator of the schema sees the input before the fields are filled."""
    core, definitions = core_schema_of(schema)
    return has_before_validator(core, (schema,), definitions)


def _is_method(attribute: ModelAttribute) -> bool:
    return isinstance(attribute, PythonAttribute) and isinstance(attribute.descriptor, _METHODS)


def _unfit_error(
    draft: PlanBuilder, message: str, name: str, *, relations: bool = False
) -> InvalidSchema:
    """Return the error for a name that the model does not have, with the nearest one."""
    names = mapping_of(draft.model).relations if relations else draft.fillable_names()
    return InvalidSchema(
        message,
        hint=did_you_mean(name, names, draft.title),
        model=draft.model.__name__,
        fields=(name,),
    )


def _annotation_example(relation: Relation, inner: type[BaseModel]) -> str:
    if relation.many:
        return f"list[{inner.__name__}]"
    return f"{inner.__name__} | None" if relation.optional else inner.__name__


def _join_path(path: Path) -> str:
    return ".".join(map(str, path))
