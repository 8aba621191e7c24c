"""Build the validator for a plan's rows, and the objects that stand in for entities.

The validator is a copy of Pydantic's, in which fields are looked up by the plan's keys. A "before"
validator of a schema, or a property of a model, gets a ``StandIn`` in place of an entity: it has
the attributes that the plan read, and runs the model's own properties.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic_core import SchemaValidator

from colonnade._compat.pydantic_core_schema import (
    Node,
    Path,
    copy_with_inner,
    core_schema_of,
    lookup_paths,
    resolve_reference,
)
from colonnade.aggregates import groups_of
from colonnade.aggregates.resolve import aggregate_key
from colonnade.caches import memoized
from colonnade.errors import InvalidSchema
from colonnade.mapping.attributes import attribute_of, code_of
from colonnade.schemas.plan import NestedField, Plan
from colonnade.schemas.plan_builder import ColumnsOnly

__all__ = ["StandIn", "stand_in_class", "validator_of"]


class StandIn:
    """An object with the attributes that were read; others raise ``InvalidSchema`` with a hint."""

    model: type[Any]

    def __init__(self, read: dict[str, Any]) -> None:
        self.__dict__ = read

    def __getattr__(self, name: str) -> Any:
        # Pydantic and the standard library look for special names on any object.
        foreign = name.startswith("__") or self.model is ColumnsOnly
        attribute = None if foreign else attribute_of(self.model, name)
        if attribute is None:
            raise AttributeError(f"{self.model.__name__} has no attribute {name!r}")
        code = code_of(self.model, name)
        if code is not None:
            return code.read(self)
        raise InvalidSchema(
            f"{self.model.__name__}.{name} was not read, and code of the schema or model looks "
            "at it",
            hint=f"declare it where it is needed: Annotated[…, Requires({name!r})], or as a "
            f"ClassVar of the schema, reads: ClassVar = Requires({name!r})",
            model=self.model.__name__,
            fields=(name,),
        )

    def __repr__(self) -> str:
        return f"<{self.model.__name__} as read>"


@memoized
def stand_in_class(model: type[Any]) -> type[StandIn]:
    """Return the class of the objects that stand in for entities of ``model``."""
    return type(model.__name__, (StandIn,), {"model": model, "__module__": model.__module__})


#: Keys of a node about its serialization and its references, which the copy does not need.
_UNCOPIED_KEYS: Final = ("metadata", "ref", "serialization")


@memoized
def validator_of(plan: Plan) -> SchemaValidator:
    """Return the validator for a list of the dictionaries or stand-ins made of the plan's rows."""
    core, definitions = core_schema_of(plan.schema)
    root = core["schema"] if core["type"] == "definitions" else core
    copy = _SchemaCopy(definitions)
    rewritten: Any = {"type": "list", "items_schema": copy.node(root["items_schema"], plan)}
    if definitions:
        kept = [*definitions.values()]
        rewritten = {"type": "definitions", "schema": rewritten, "definitions": kept}
    # The validator that Pydantic has built for the class looks fields up under their aliases.
    return SchemaValidator(rewritten, _use_prebuilt=False)


class _SchemaCopy:
    """Copies Pydantic's core schema down to the fields that columns fill, which are not copied."""

    def __init__(self, definitions: Mapping[str, Node]) -> None:
        self._definitions = definitions

    def node(self, node: Node, plan: Plan) -> Node:
        """Return a copy of a node in which the fields are looked up under the plan's keys."""
        node = resolve_reference(node, self._definitions)
        copied = copy_with_inner(node, lambda item: self.node(item, plan))
        for key in _UNCOPIED_KEYS:
            copied.pop(key, None)
        if node["type"] == "model":
            copied["custom_init"] = False
        elif node["type"] == "model-fields":
            copied["fields"] = {
                name: self._field(name, field, plan) for name, field in node["fields"].items()
            }
        return copied

    def _field(self, name: str, field: Node, plan: Plan) -> Node:
        paths = _lookup_keys(name, field, plan)
        copied = field | {"validation_alias": [list(path) for path in paths]}
        nested = next(filter(None, (_nested_at(plan, path) for path in paths)), None)
        if nested is not None:
            copied["schema"] = self.node(field["schema"], nested.plan)
        return copied


def _lookup_keys(name: str, field: Node, plan: Plan) -> list[Path]:
    """Return the keys of the plan under which a field is looked up."""
    if any(measure.field == name for _, measure in plan.measures):
        return [(aggregate_key(name, objects=plan.objects),)]
    return lookup_paths(field, name) if plan.objects and not groups_of(plan.model) else [(name,)]


def _nested_at(plan: Plan, path: Path) -> NestedField | None:
    """Return the nested plan at the end of a path of attributes, or None; skip indexes of lists."""
    found: NestedField | None = None
    for key in path:
        if isinstance(key, str):
            found = next((item for item in (*plan.ones, *plan.many) if item.field == key), None)
            if found is None:
                return None
            plan = found.plan
    return found
