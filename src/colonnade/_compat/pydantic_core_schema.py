"""Walk the core schema that Pydantic builds for a schema, from node to node.

The layout of the nodes is not documented. They show which validators get the input before its
fields are read (such a validator expects an object, and must not get a dictionary), and under which
names each field is looked up. Tried first: ``model_fields`` and ``__pydantic_decorators__``, which
show neither validators in annotations nor what a custom core schema does. A node of an unknown type
counts as code that sees the input, so a new release costs speed and no answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from pydantic import BaseModel, PydanticUndefinedAnnotation, TypeAdapter

from colonnade.caches import memoized
from colonnade.errors import InvalidSchema

__all__ = [
    "Node",
    "Path",
    "copy_with_inner",
    "core_schema_of",
    "fields_of",
    "has_before_validator",
    "inner_schemas",
    "lookup_paths",
    "resolve_reference",
]

Node: TypeAlias = dict[str, Any]
Path: TypeAlias = tuple[str | int, ...]

#: By the type of a node: its keys for the schemas to which it passes its input, or parts of it.
_INNER_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "chain": ("steps",),
    "default": ("schema",),
    "definitions": ("schema",),
    "frozenset": ("items_schema",),
    "function-after": ("schema",),
    "function-before": ("schema",),
    "function-wrap": ("schema",),
    "generator": ("items_schema",),
    "json-or-python": ("python_schema",),
    "lax-or-strict": ("lax_schema", "strict_schema"),
    "list": ("items_schema",),
    "model": ("schema",),
    "nullable": ("schema",),
    "set": ("items_schema",),
    "tagged-union": ("choices",),
    "tuple": ("items_schema",),
    "union": ("choices",),
}
#: Types of nodes that pass their input, or its items, on unchanged and without reading it.
_TRANSPARENT: Final = _INNER_KEYS.keys() - {
    "function-before",
    "function-wrap",
    "tagged-union",
    "union",
}


@memoized
def core_schema_of(schema: type[BaseModel]) -> tuple[Node, Mapping[str, Node]]:
    """Return Pydantic's core schema of ``list[schema]``, and the definitions that it refers to.

    Raises ``InvalidSchema`` for a schema whose annotations name a class that does not exist.
    """
    try:
        # A schema whose annotations name a class that is declared after it is not complete yet.
        schema.model_rebuild()
    except PydanticUndefinedAnnotation as error:
        raise InvalidSchema(f"{schema.__name__} refers to {error.name}, which is nowhere") from None
    core: Any = TypeAdapter(list[schema]).core_schema  # type: ignore[valid-type] # known at run time
    definitions: list[Node] = core["definitions"] if core["type"] == "definitions" else []
    return core, {item["ref"]: item for item in definitions}


def has_before_validator(
    node: Node, schemas: tuple[type[BaseModel], ...], definitions: Mapping[str, Node]
) -> bool:
    """Return whether a validator gets the input before the fields of ``schemas`` are read."""
    node = resolve_reference(node, definitions)
    kind = node["type"]
    if kind == "model-fields":
        return False
    if kind == "model" and node["cls"] not in schemas:
        return True
    if kind == "is-instance":
        return False
    own = kind == "function-wrap" and _is_pydantics(node["function"]["function"])
    if kind not in _TRANSPARENT and not own:
        return True
    return any(has_before_validator(item, schemas, definitions) for item in inner_schemas(node))


def inner_schemas(node: Node) -> Iterator[Node]:
    """Yield the schemas that get a node's input."""
    for key in _INNER_KEYS.get(node["type"], ()):
        items: Any = node.get(key, ())
        if isinstance(items, dict):
            items = items.values() if key == "choices" else (items,)
        for item in items:
            found = item[0] if isinstance(item, tuple) else item
            if isinstance(found, dict):  # else, in a tagged union, the name of another tag
                yield found


def copy_with_inner(node: Node, change: Callable[[Node], Node]) -> Node:
    """Return a copy of a node, with ``change`` applied to the schemas that get its input."""
    copied = dict(node)
    for key in _INNER_KEYS.get(node["type"], ()):
        items = node.get(key)
        if isinstance(items, list):
            copied[key] = [_change_item(item, change) for item in items]
        elif key == "choices":
            copied[key] = {tag: _change_item(item, change) for tag, item in node[key].items()}
        elif items is not None:
            copied[key] = change(node[key])
    return copied


def resolve_reference(node: Node, definitions: Mapping[str, Node]) -> Node:
    """Return the node that a reference stands for; any other node itself."""
    while node["type"] == "definition-ref":
        node = definitions[node["schema_ref"]]
    return node


def fields_of(schema: type[BaseModel]) -> Mapping[str, Node]:
    """Return Pydantic's core schema of each field."""
    core, definitions = core_schema_of(schema)
    return _find_fields(core, definitions)


def lookup_paths(node: Node, name: str, *, by_alias: bool = True) -> list[Path]:
    """Return the paths under which a field is looked up: its aliases in order, then its name."""
    alias = node.get("validation_alias") if by_alias else None
    if alias is None:
        paths = []
    elif isinstance(alias, str):
        paths = [(alias,)]
    elif isinstance(alias[0], list):
        paths = [tuple(path) for path in alias]
    else:
        paths = [tuple(alias)]
    return list(dict.fromkeys([*paths, (name,)]))


def _change_item(item: Any, change: Callable[[Node], Node]) -> Any:
    """Apply ``change`` to a schema, alone or in a tuple with its label; return others unchanged.

    Another item is the name of another tag, in a tagged union.
    """
    if isinstance(item, tuple):
        return (change(item[0]), *item[1:])
    return change(item) if isinstance(item, dict) else item


def _is_pydantics(function: Any) -> bool:
    return str(getattr(function, "__module__", "")).startswith("pydantic.")


def _find_fields(node: Node, definitions: Mapping[str, Node]) -> Mapping[str, Node]:
    """Return the fields of the first model at or below a node."""
    node = resolve_reference(node, definitions)
    if node["type"] == "model-fields":
        fields: Mapping[str, Node] = node["fields"]
        return fields
    for item in inner_schemas(node):
        if found := _find_fields(item, definitions):
            return found
    return {}
