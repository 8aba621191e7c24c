"""Decide whether PostgreSQL can write a schema's JSON exactly as Pydantic does, and how.

The core schema is walked down to the fields. Each pair of a field and a column gets a ``Form``,
which says what the server has to do with the column. Anything that is not known to come out equal
is a reason to read rows instead: a constraint, a validator, a setting that changes the output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from colonnade.loading.anatomy import Node, core_of, resolved
from colonnade.loading.forms import ALWAYS, Form, Inexact, described, form_of, form_of_figure
from colonnade.loading.groups import groups_of
from colonnade.loading.measures import Measure
from colonnade.loading.plan import Leaf, Nested, Plan
from colonnade.mapping import memoized

__all__ = ["Written", "inexact", "written_of"]

#: Settings of a model that change no output for values that come from columns with a ``Form``.
_HARMLESS: Final = frozenset(
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
_MODEL: Final = frozenset(
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
_FIELDS: Final = frozenset(
    {"computed_fields", "extra_behavior", "extras_keys_schema", "fields", "from_attributes"}
    | {"model_name", "strict"}
)
_FIELD: Final = frozenset({"frozen", "schema", "serialization_alias", "validation_alias"})
_DEFAULT: Final = frozenset(
    {"copy_default", "default", "default_factory", "default_factory_takes_data", "schema"}
    | {"validate_default"}
)

#: The most bytes of a name that PostgreSQL does not cut off.
_LONGEST: Final = 63


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """The layout by which PostgreSQL writes one object of ``plan``.

    ``columns``, ``figures``, ``nested`` objects and ``given`` constants each go by the name of
    their field in the JSON; ``order`` has all these names. ``required`` is true if null may not
    stand in place of the object.
    """

    plan: Plan
    required: bool
    columns: tuple[tuple[str, Leaf, Form], ...]
    figures: tuple[tuple[str, Measure, Form], ...]
    nested: tuple[tuple[str, Nested, Written], ...]
    given: tuple[tuple[str, Any], ...]
    order: tuple[str, ...]

    @property
    def forms(self) -> frozenset[str]:
        """The kinds of all forms in the layout, at any depth."""
        own = {form.kind for _, _, form in (*self.columns, *self.figures)}
        return frozenset(own).union(*(written.forms for _, _, written in self.nested))


def written_of(plan: Plan) -> Written | None:
    """Return the layout by which PostgreSQL writes the plan's objects, or None if it cannot."""
    found = _found(plan)
    return found if isinstance(found, Written) else None


def inexact(plan: Plan) -> str | None:
    """Return why PostgreSQL cannot write the plan's objects as Pydantic does; None if it can."""
    found = _found(plan)
    return found if isinstance(found, str) else None


@memoized
def _found(plan: Plan) -> Written | str:
    """Return the layout of the plan's objects, or the reason why there is none."""
    core, definitions = core_of(plan.schema)
    root = core["schema"] if core["type"] == "definitions" else core
    try:
        return _Reading(definitions).object(root["items_schema"], plan, required=True)
    except Inexact as reason:
        return str(reason)


class _Reading:
    """Builds a layout from the nodes of a core schema; raises ``Inexact`` where it cannot."""

    def __init__(self, definitions: Mapping[str, Node]) -> None:
        self._definitions = definitions

    def object(self, node: Node, plan: Plan, *, required: bool) -> Written:
        """Return the layout of the object of a model's node."""
        name = plan.schema.__name__
        if plan.objects:
            raise Inexact(f"{name}: code looks at its attributes")
        if groups_of(plan.model) is not None:
            raise Inexact(f"{name}: groups")
        node = resolved(node, self._definitions)
        if node["type"] != "model" or node["cls"] is not plan.schema:
            raise Inexact(f"{name}: {described(node)}")
        _only(node, _MODEL, name)
        if node.get("root_model") or not issubclass(node["cls"], BaseModel):
            raise Inexact(f"{name}: a root model")
        strict = self._strict(node, name)
        fields = node["schema"]
        if fields["type"] != "model-fields":
            raise Inexact(f"{name}: {described(fields)}")
        _only(fields, _FIELDS, name)
        if fields.get("computed_fields"):
            raise Inexact(f"{name}.{fields['computed_fields'][0]['property_name']}: computed")
        return self._object(fields["fields"], plan, strict=strict, required=required)

    def _strict(self, node: Node, name: str) -> bool:
        """Return whether a model is strict; raise ``Inexact`` for a setting that changes output."""
        config: Mapping[str, Any] = node.get("config") or {}
        for key, value in config.items():
            default = {"allow_inf_nan": True, "ser_json_inf_nan": "null"}.get(key)
            if key not in _HARMLESS and key != "strict" and value != default:
                raise Inexact(f"{name}: the setting {key}")
        return bool(node.get("strict", config.get("strict", False)))

    def _object(
        self, fields: Mapping[str, Node], plan: Plan, *, strict: bool, required: bool
    ) -> Written:
        leaves = {leaf.field: leaf for leaf in plan.columns}
        relations = {nested.field: nested for nested in (*plan.ones, *plan.many)}
        measures = {measure.field: measure for _, measure in plan.measures}
        constants = dict(plan.given)
        columns: list[tuple[str, Leaf, Form]] = []
        figures: list[tuple[str, Measure, Form]] = []
        objects: list[tuple[str, Nested, Written]] = []
        given: list[tuple[str, Any]] = []
        order: list[str] = []
        for field, node in fields.items():
            path = f"{plan.schema.__name__}.{field}"
            _only(node, _FIELD, path)
            alias = str(node.get("serialization_alias", field))
            if not 0 < len(alias.encode()) <= _LONGEST or "\0" in alias:
                raise Inexact(f"{path}: a name that PostgreSQL does not keep")
            if alias in order:
                raise Inexact(f"{path}: two fields are written under one name")
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
                raise Inexact(f"{path}: not read, but given by its default")
        return Written(
            plan,
            required,
            tuple(columns),
            tuple(figures),
            tuple(objects),
            tuple(given),
            tuple(order),
        )

    def _related(self, node: Node, nested: Nested, path: str, *, nullable: bool) -> Written:
        """Return the layout of a related object, or of the items of a list or tuple of them."""
        if not nested.relation.many:
            return self.object(node, nested.plan, required=not nullable)
        if node["type"] == "list":
            _only(node, frozenset({"items_schema", "strict"}), path)
            items = node["items_schema"]
        elif node["type"] == "tuple" and len(node["items_schema"]) == 1:
            _only(node, frozenset({"items_schema", "variadic_item_index"}), path)
            if "variadic_item_index" not in node:
                raise Inexact(f"{path}: a tuple of one")
            items = node["items_schema"][0]
        else:
            raise Inexact(f"{path}: {described(node)}")
        return self.object(items, nested.plan, required=True)

    def _value(self, node: Node, path: str) -> tuple[Node, bool]:
        """Return the node of a field's value without its default, and whether it takes null."""
        nullable = False
        while True:
            node = resolved(node, self._definitions)
            if node["type"] == "nullable":
                _only(node, frozenset({"schema"}), path)
                nullable = True
            elif node["type"] == "default":
                _only(node, _DEFAULT, path)
            else:
                return node, nullable
            node = node["schema"]


def _only(node: Node, keys: frozenset[str], path: str) -> None:
    """Raise ``Inexact`` if a node has any other keys than ``keys``."""
    for key, value in node.items():
        if key not in keys and key not in ALWAYS and value is not None:
            raise Inexact(f"{path}: {key.replace('_', ' ')}")
