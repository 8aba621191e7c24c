"""In charge of what Pydantic made of a schema: where its validators look at what is handed in.

A validator that runs before Pydantic's own sees the object itself, and so has to be handed one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from pydantic import BaseModel, PydanticUndefinedAnnotation, TypeAdapter

from colonnade.errors import InvalidSchema
from colonnade.mapping import memoized

__all__ = [
    "Node",
    "Path",
    "core_of",
    "fields_of",
    "inner",
    "looks_at_object",
    "lookups",
    "resolved",
]

Node: TypeAlias = dict[str, Any]
Path: TypeAlias = tuple[str | int, ...]

#: Where the schemas stand that a node hands its input, or parts of it, on to.
_INNER: Final[Mapping[str, tuple[str, ...]]] = {
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
#: What hands on its input as it came, or the items in it.
_PLAIN: Final = _INNER.keys() - {"function-before", "function-wrap", "tagged-union", "union"}


@memoized
def core_of(schema: type[BaseModel]) -> tuple[Node, Mapping[str, Node]]:
    """Pydantic's core schema of ``list[schema]``, and the definitions that it refers to.

    Raises ``InvalidSchema`` for a schema that refers to what is nowhere.
    """
    try:
        # A class that names one declared after it is completed at its first use.
        schema.model_rebuild()
    except PydanticUndefinedAnnotation as error:
        raise InvalidSchema(f"{schema.__name__} refers to {error.name}, which is nowhere") from None
    core: Any = TypeAdapter(list[schema]).core_schema  # type: ignore[valid-type] # known at run time
    definitions: list[Node] = core["definitions"] if core["type"] == "definitions" else []
    return core, {item["ref"]: item for item in definitions}


def looks_at_object(
    node: Node, schemas: tuple[type[BaseModel], ...], definitions: Mapping[str, Node]
) -> bool:
    """Whether code sees what is handed to ``node`` before the fields of ``schemas`` are read."""
    node = resolved(node, definitions)
    kind = node["type"]
    if kind == "model-fields":
        return False
    if kind == "model" and node["cls"] not in schemas:
        return True
    if kind == "is-instance":
        return False
    own = kind == "function-wrap" and _is_pydantics(node["function"]["function"])
    if kind not in _PLAIN and not own:
        return True
    return any(looks_at_object(item, schemas, definitions) for item in inner(node))


def inner(node: Node) -> Iterator[Node]:
    """The schemas that a node hands its input on to."""
    for key in _INNER.get(node["type"], ()):
        items: Any = node.get(key, ())
        if isinstance(items, dict):
            items = items.values() if key == "choices" else (items,)
        for item in items:
            found = item[0] if isinstance(item, tuple) else item
            if isinstance(found, dict):  # in a union by tag a tag may name another
                yield found


def with_inner(node: Node, change: Callable[[Node], Node]) -> Node:
    """A copy of a node, with the schemas that it hands its input on to changed."""
    copied = dict(node)
    for key in _INNER.get(node["type"], ()):
        items = node.get(key)
        if isinstance(items, list):
            copied[key] = [_changed(item, change) for item in items]
        elif key == "choices":
            copied[key] = {tag: _changed(item, change) for tag, item in node[key].items()}
        elif items is not None:
            copied[key] = change(node[key])
    return copied


def resolved(node: Node, definitions: Mapping[str, Node]) -> Node:
    """The node that a reference stands for."""
    while node["type"] == "definition-ref":
        node = definitions[node["schema_ref"]]
    return node


def _changed(item: Any, change: Callable[[Node], Node]) -> Any:
    """A schema, or a schema and its label, or (in a union by tag) the name of another tag."""
    if isinstance(item, tuple):
        return (change(item[0]), *item[1:])
    return change(item) if isinstance(item, dict) else item


def _is_pydantics(function: Any) -> bool:
    return str(getattr(function, "__module__", "")).startswith("pydantic.")


def fields_of(schema: type[BaseModel]) -> Mapping[str, Node]:
    """Pydantic's core schema of each field."""
    core, definitions = core_of(schema)
    return _fields(core, definitions)


def lookups(node: Node, name: str, *, by_alias: bool = True) -> list[Path]:
    """Where a field is looked for: at its aliases in their order; then at its name."""
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


def _fields(node: Node, definitions: Mapping[str, Node]) -> Mapping[str, Node]:
    node = resolved(node, definitions)
    if node["type"] == "model-fields":
        fields: Mapping[str, Node] = node["fields"]
        return fields
    for item in inner(node):
        if found := _fields(item, definitions):
            return found
    return {}
