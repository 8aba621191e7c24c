"""Private names of other libraries are used in ``colonnade._compat`` and nowhere else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import colonnade

SOURCE = Path(colonnade.__file__).parent
#: Documented though they begin with an underscore: of named tuples and rows, of CPython, and of
#: ``sqlalchemy.ext.mutable`` and ``sqlalchemy.sql.visitors``.
DOCUMENTED = frozenset(
    {"_asdict", "_fields", "_getframe", "_mapping", "_parents", "_replace", "_traverse_internals"}
)
#: Methods of SQLAlchemy's that a class of ours overrides outside of ``_compat``, each checked by
#: ``_compat.sqlalchemy_compiled.check_scoped_execution``.
OVERRIDDEN = frozenset({"_compose_select_body"})


def is_private(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def own_names(trees: dict[Path, ast.Module]) -> frozenset[str]:
    """Return the private names that classes, functions and variables of ours have."""
    found: set[str] = set()
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                found.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                found.update({node.attr} if of_ours(node.value) else ())
    return frozenset(filter(is_private, found)) - OVERRIDDEN


def of_ours(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id in {"self", "cls"}


def overrides(value: ast.expr, name: str) -> bool:
    is_super = isinstance(value, ast.Call) and ast.unparse(value.func) == "super"
    return is_super and name in OVERRIDDEN


def foreign_uses(tree: ast.Module, own: frozenset[str]) -> Iterator[str]:
    """Yield the private names of other libraries that a module imports, reads, sets or asks for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not (node.module or "").startswith("colonnade"):
            parts = [*(node.module or "").split("."), *(item.name for item in node.names)]
            yield from (name for name in parts if is_private(name))
        elif isinstance(node, ast.Attribute) and is_private(node.attr):
            if node.attr not in own and not overrides(node.value, node.attr):
                yield node.attr
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {
            *("getattr", "setattr", "hasattr", "delattr", "operator.attrgetter", "attrgetter")
        }:
            for item in node.args:
                if isinstance(item, ast.Constant) and isinstance(item.value, str):
                    yield from {item.value} - own if is_private(item.value) else ()


def uses_in(trees: dict[Path, ast.Module]) -> dict[str, set[str]]:
    own = own_names(trees) | DOCUMENTED
    found = {str(path): set(foreign_uses(tree, own)) for path, tree in trees.items()}
    return {path: names for path, names in found.items() if names}


def test_nothing_outside_of_compat_uses_a_private_name_of_another_library() -> None:
    trees = {
        path.relative_to(SOURCE): ast.parse(path.read_text())
        for path in SOURCE.rglob("*.py")
        if "_compat" not in path.parts
    }
    assert len(trees) > 50
    assert uses_in(trees) == {}


def test_each_way_to_use_one_is_seen() -> None:
    module = """
from sqlalchemy.orm.mapper import _all_registries
from pydantic._internal import _model_construction
class Own:
    def __init__(self, other):
        self._own = other._own
        self._foreign(other._replace())
        getattr(other, "_asked")
        other._set = other.public._read
        super()._compose_select_body()
        other._compose_select_body()
"""
    found = uses_in({Path("module.py"): ast.parse(module)})
    assert found["module.py"] == {
        *("_all_registries", "_internal", "_model_construction", "_foreign"),
        *("_asked", "_set", "_read", "_compose_select_body"),
    }


def test_every_file_of_compat_has_canaries() -> None:
    files = {path.stem for path in (SOURCE / "_compat").glob("[!_]*.py")}
    assert {f"test_{name}" for name in files} <= {
        path.stem for path in Path(__file__).parent.glob("test_*.py")
    }
