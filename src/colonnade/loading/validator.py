"""Build the validator that makes a list of a schema's objects from what a plan read.

It is Pydantic's own, except that fields are looked up under the plan's keys, not under their
aliases. ``__init__`` is not called, as in Pydantic itself when it reads an object's attributes:
that of SQLModel is written in Python, and takes three times as long as everything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic_core import SchemaValidator

from colonnade.loading.anatomy import Node, Path, core_of, lookups, resolved, with_inner
from colonnade.loading.groups import groups_of
from colonnade.loading.measures import measure_key
from colonnade.loading.plan import Nested, Plan
from colonnade.mapping import memoized

__all__ = ["validator_of"]

#: Keys of a node about its serialization and its references, which the copy does not need.
_LEFT_OUT: Final = ("metadata", "ref", "serialization")


@memoized
def validator_of(plan: Plan) -> SchemaValidator:
    """Return the validator for a list of the dictionaries or stand-ins made of the plan's rows."""
    core, definitions = core_of(plan.schema)
    root = core["schema"] if core["type"] == "definitions" else core
    copy = _Copy(definitions)
    rewritten: Any = {"type": "list", "items_schema": copy.node(root["items_schema"], plan)}
    if definitions:
        kept = [*definitions.values()]
        rewritten = {"type": "definitions", "schema": rewritten, "definitions": kept}
    # The validator that Pydantic has built for the class looks fields up under their aliases.
    return SchemaValidator(rewritten, _use_prebuilt=False)


class _Copy:
    """Copies Pydantic's core schema down to the fields that columns fill, which are not copied."""

    def __init__(self, definitions: Mapping[str, Node]) -> None:
        self._definitions = definitions

    def node(self, node: Node, plan: Plan) -> Node:
        """Return a copy of a node in which the fields are looked up under the plan's keys."""
        node = resolved(node, self._definitions)
        copied = with_inner(node, lambda item: self.node(item, plan))
        for key in _LEFT_OUT:
            copied.pop(key, None)
        if node["type"] == "model":
            copied["custom_init"] = False
        elif node["type"] == "model-fields":
            copied["fields"] = {
                name: self._field(name, field, plan) for name, field in node["fields"].items()
            }
        return copied

    def _field(self, name: str, field: Node, plan: Plan) -> Node:
        paths = _paths(name, field, plan)
        copied = field | {"validation_alias": [list(path) for path in paths]}
        nested = next(filter(None, (_nested(plan, path) for path in paths)), None)
        if nested is not None:
            copied["schema"] = self.node(field["schema"], nested.plan)
        return copied


def _paths(name: str, field: Node, plan: Plan) -> list[Path]:
    """Return the keys of the plan under which a field is looked up."""
    if any(measure.field == name for _, measure in plan.measures):
        return [(measure_key(name, objects=plan.objects),)]
    return lookups(field, name) if plan.objects and not groups_of(plan.model) else [(name,)]


def _nested(plan: Plan, path: Path) -> Nested | None:
    """Return the nested plan at the end of a path of attributes, or None; skip indexes of lists."""
    found: Nested | None = None
    for key in path:
        if isinstance(key, str):
            found = next((item for item in (*plan.ones, *plan.many) if item.field == key), None)
            if found is None:
                return None
            plan = found.plan
    return found
