"""Decide whether PostgreSQL can write a schema's JSON exactly as Pydantic does, and how.

The core schema is walked down to the fields. Each pair of a field and a column gets a ``JsonForm``,
which says what the server has to do with the column. Anything that is not known to come out equal
is a reason to read rows instead: a constraint, a validator, a setting that changes the output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from colonnade._compat.pydantic_core_schema import Node, core_schema_of, resolve_reference
from colonnade.aggregates import ResolvedAggregate, groups_of
from colonnade.caches import memoized
from colonnade.documents.forms import (
    NEUTRAL_KEYS,
    JsonForm,
    NoServerJson,
    describe_node,
    form_of,
    form_of_figure,
)
from colonnade.schemas import ColumnField, NestedField, Plan

__all__ = ["JsonLayout", "json_layout_of", "why_not_server_json"]

#: Settings of a model that change no output for values from columns with a ``JsonForm``.
_HARMLESS_SETTINGS: Final = frozenset(
    {
        "cache_strings",
        "coerce_numbers_to_str",
        "extra_fields_behavior",
        "from_attributes",
        "hide_input_in_errors",
        "loc_by_alias",
        "polymorphic_serialization",
        "regex_engine",
        "revalidate_instances",
        "ser_json_bytes",
        "ser_json_timedelta",
        "serialize_by_alias",
        "title",
        "typed_dict_total",
        "url_preserve_empty_path",
        "val_json_bytes",
        "validate_by_alias",
        "validate_by_name",
        "validate_default",
        "validation_error_cause",
    }
)
#: Keys of a core schema's nodes that change no output either: of a model, its fields, one field,
#: and a default.
_MODEL_KEYS: Final = frozenset(
    {
        "cls",
        "config",
        "custom_init",
        "extra_behavior",
        "from_attributes",
        "frozen",
        "generic_origin",
        "revalidate_instances",
        "root_model",
        "schema",
        "strict",
    }
)
_FIELDS_KEYS: Final = frozenset(
    {"computed_fields", "extra_behavior", "extras_keys_schema", "fields", "from_attributes"}
    | {"model_name", "strict"}
)
_FIELD_KEYS: Final = frozenset({"frozen", "schema", "serialization_alias", "validation_alias"})
_DEFAULT_KEYS: Final = frozenset(
    {"copy_default", "default", "default_factory", "default_factory_takes_data", "schema"}
    | {"validate_default"}
)

#: The most bytes of a name that PostgreSQL does not cut off.
_LONGEST_NAME: Final = 63


@dataclass(frozen=True, slots=True, eq=False)
class JsonLayout:
    """The layout by which PostgreSQL writes one object of ``plan``.

    ``columns``, ``figures``, ``nested`` objects and ``given`` constants each go by the name of
    their field in the JSON; ``order`` has all these names. ``required`` is true if null may not
    stand in place of the object.
    """

    plan: Plan
    required: bool
    columns: tuple[tuple[str, ColumnField, JsonForm], ...]
    figures: tuple[tuple[str, ResolvedAggregate, JsonForm], ...]
    nested: tuple[tuple[str, NestedField, JsonLayout], ...]
    given: tuple[tuple[str, Any], ...]
    order: tuple[str, ...]

    @property
    def forms(self) -> frozenset[str]:
        """The kinds of all forms in the layout, at any depth."""
        own = {form.kind for _, _, form in (*self.columns, *self.figures)}
        return frozenset(own).union(*(written.forms for _, _, written in self.nested))


def json_layout_of(plan: Plan) -> JsonLayout | None:
    """Return the layout by which PostgreSQL writes the plan's objects, or None if it cannot."""
    found = _find_layout(plan)
    return found if isinstance(found, JsonLayout) else None


def why_not_server_json(plan: Plan) -> str | None:
    """Return why PostgreSQL cannot write the plan's objects as Pydantic does; None if it can."""
    found = _find_layout(plan)
    return found if isinstance(found, str) else None


@memoized
def _find_layout(plan: Plan) -> JsonLayout | str:
    """Return the layout of the plan's objects, or the reason why there is none."""
    core, definitions = core_schema_of(plan.schema)
    root = core["schema"] if core["type"] == "definitions" else core
    try:
        return _LayoutBuilder(definitions).object(root["items_schema"], plan, required=True)
    except NoServerJson as reason:
        return str(reason)


class _LayoutBuilder:
    """Builds a layout from a core schema's nodes; raises ``NoServerJson`` where it cannot."""

    def __init__(self, definitions: Mapping[str, Node]) -> None:
        self._definitions = definitions

    def object(self, node: Node, plan: Plan, *, required: bool) -> JsonLayout:
        """Return the layout of the object of a model's node."""
        name = plan.schema.__name__
        if plan.objects:
            raise NoServerJson(f"{name}: code looks at its attributes")
        if groups_of(plan.model) is not None:
            raise NoServerJson(f"{name}: groups")
        node = resolve_reference(node, self._definitions)
        if node["type"] != "model" or node["cls"] is not plan.schema:
            raise NoServerJson(f"{name}: {describe_node(node)}")
        _refuse_other_keys(node, _MODEL_KEYS, name)
        if node.get("root_model") or not issubclass(node["cls"], BaseModel):
            raise NoServerJson(f"{name}: a root model")
        strict = self._strict(node, name)
        fields = node["schema"]
        if fields["type"] != "model-fields":
            raise NoServerJson(f"{name}: {describe_node(fields)}")
        _refuse_other_keys(fields, _FIELDS_KEYS, name)
        if fields.get("computed_fields"):
            raise NoServerJson(f"{name}.{fields['computed_fields'][0]['property_name']}: computed")
        return self._object(fields["fields"], plan, strict=strict, required=required)

    def _strict(self, node: Node, name: str) -> bool:
        """Return whether a model is strict; raise ``NoServerJson`` if a setting changes output."""
        config: Mapping[str, Any] = node.get("config") or {}
        for key, value in config.items():
            default = {"allow_inf_nan": True, "ser_json_inf_nan": "null"}.get(key)
            if key not in _HARMLESS_SETTINGS and key != "strict" and value != default:
                raise NoServerJson(f"{name}: the setting {key}")
        return bool(node.get("strict", config.get("strict", False)))

    def _object(
        self, fields: Mapping[str, Node], plan: Plan, *, strict: bool, required: bool
    ) -> JsonLayout:
        """Return the layout of an object with these fields."""
        leaves = {leaf.field: leaf for leaf in plan.columns}
        relations = {nested.field: nested for nested in (*plan.ones, *plan.many)}
        measures = {measure.field: measure for _, measure in plan.measures}
        constants = dict(plan.given)
        columns: list[tuple[str, ColumnField, JsonForm]] = []
        figures: list[tuple[str, ResolvedAggregate, JsonForm]] = []
        objects: list[tuple[str, NestedField, JsonLayout]] = []
        given: list[tuple[str, Any]] = []
        order: list[str] = []
        for field, node in fields.items():
            path = f"{plan.schema.__name__}.{field}"
            _refuse_other_keys(node, _FIELD_KEYS, path)
            alias = str(node.get("serialization_alias", field))
            # The alias is a label in SQL, which becomes a key of the JSON object.
            if not 0 < len(alias.encode()) <= _LONGEST_NAME or "\0" in alias:
                raise NoServerJson(f"{path}: a name that PostgreSQL does not keep")
            if alias in order:
                raise NoServerJson(f"{path}: two fields are written under one name")
            order.append(alias)
            inner, nullable = self._value(node["schema"], path)
            if field in leaves:
                leaf = leaves[field]
                form = form_of(inner, leaf, path, strict=strict, nullable=nullable)
                columns.append((alias, leaf, form))
            elif field in measures:
                figure = measures[field]
                form = form_of_figure(inner, figure, path, strict=strict, nullable=nullable)
                figures.append((alias, figure, form))
            elif field in relations:
                nested = relations[field]
                written = self._related(inner, nested, path, nullable=nullable)
                objects.append((alias, nested, written))
            elif field in constants:
                given.append((alias, constants[field]))
            else:
                raise NoServerJson(f"{path}: not read, but given by its default")
        return JsonLayout(
            plan,
            required,
            tuple(columns),
            tuple(figures),
            tuple(objects),
            tuple(given),
            tuple(order),
        )

    def _related(self, node: Node, nested: NestedField, path: str, *, nullable: bool) -> JsonLayout:
        """Return the layout of a related object, or of the items of a list or tuple of them."""
        if not nested.relation.many:
            return self.object(node, nested.plan, required=not nullable)
        if node["type"] == "list":
            _refuse_other_keys(node, frozenset({"items_schema", "strict"}), path)
            items = node["items_schema"]
        elif node["type"] == "tuple" and len(node["items_schema"]) == 1:
            _refuse_other_keys(node, frozenset({"items_schema", "variadic_item_index"}), path)
            if "variadic_item_index" not in node:
                raise NoServerJson(f"{path}: a tuple of one")
            items = node["items_schema"][0]
        else:
            raise NoServerJson(f"{path}: {describe_node(node)}")
        return self.object(items, nested.plan, required=True)

    def _value(self, node: Node, path: str) -> tuple[Node, bool]:
        """Return the node of a field's value without its default, and whether it takes null."""
        nullable = False
        while True:
            node = resolve_reference(node, self._definitions)
            if node["type"] == "nullable":
                _refuse_other_keys(node, frozenset({"schema"}), path)
                nullable = True
            elif node["type"] == "default":
                _refuse_other_keys(node, _DEFAULT_KEYS, path)
            else:
                return node, nullable
            node = node["schema"]


def _refuse_other_keys(node: Node, keys: frozenset[str], path: str) -> None:
    """Raise ``NoServerJson`` if a node has any other keys than ``keys``."""
    for key, value in node.items():
        if key not in keys and key not in NEUTRAL_KEYS and value is not None:
            raise NoServerJson(f"{path}: {key.replace('_', ' ')}")
