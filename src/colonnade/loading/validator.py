"""In charge of the validator that turns what a plan read into a list of the schema's objects.

It is Pydantic's own, but for where the fields are looked up: under the plan's keys, whatever their
aliases are. ``__init__`` is passed over, as Pydantic does when it reads an object's attributes:
SQLModel has one, in Python, which takes three times as long as the rest.
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

#: What says how a node is written, or where it is referred to: nothing that a copy needs.
_LEFT_OUT: Final = ("metadata", "ref", "serialization")


@memoized
def validator_of(plan: Plan) -> SchemaValidator:
    """What validates a list of what the plan's rows were made into."""
    core, definitions = core_of(plan.schema)
    root = core["schema"] if core["type"] == "definitions" else core
    copy = _Copy(definitions)
    rewritten: Any = {"type": "list", "items_schema": copy.node(root["items_schema"], plan)}
    if definitions:
        kept = [*definitions.values()]
        rewritten = {"type": "definitions", "schema": rewritten, "definitions": kept}
    # What Pydantic has built for the class looks under the aliases.
    return SchemaValidator(rewritten, _use_prebuilt=False)


class _Copy:
    """A copy of Pydantic's core schema down to the fields that columns fill, which stay."""

    def __init__(self, definitions: Mapping[str, Node]) -> None:
        self._definitions = definitions

    def node(self, node: Node, plan: Plan) -> Node:
        """The node with everything above and in the fields that the plan fills rewritten."""
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
    """Under which keys of the plan a field is found."""
    if any(measure.field == name for _, measure in plan.measures):
        return [(measure_key(name, objects=plan.objects),)]
    return lookups(field, name) if plan.objects and not groups_of(plan.model) else [(name,)]


def _nested(plan: Plan, path: Path) -> Nested | None:
    """What of the plan is at the end of a path of attributes, past the places in a list."""
    found: Nested | None = None
    for key in path:
        if isinstance(key, str):
            found = next((item for item in (*plan.ones, *plan.many) if item.field == key), None)
            if found is None:
                return None
            plan = found.plan
    return found
