"""Measure how easy it is to find one's way in ``src/colonnade``; print it to be read or as JSON."""

from __future__ import annotations

import argparse
import ast
import asyncio
import io
import json
import statistics
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from walks import measure_walks

ROOT: Final = Path(__file__).parents[1]
PACKAGE: Final = ROOT / "src" / "colonnade"
FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
#: Docstrings of functions that begin with one of these, or with a noun's article, have no verb.
NO_VERB: Final = {
    *("a", "an", "all", "another", "any", "as", "each", "every", "for", "how", "if", "in", "it"),
    *("its", "neither", "no", "none", "nothing", "of", "one", "our", "some", "that", "the"),
    *("their", "there", "these", "this", "those", "to", "under", "what", "whatever", "when"),
    *("where", "whether", "which", "who", "whose", "with", "without"),
}
DATABASES: Final = {"postgresql", "sqlite", "mysql", "mariadb"}
#: Files that may name a database: each is of one, or is where SQL that differs is written.
DIALECT_FILES: Final = {
    *(*DATABASES, "dialects", "sql", "capabilities", "driver_errors", "_compat", "testing")
}
#: What SQLAlchemy's rows and named tuples document though it begins with an underscore.
DOCUMENTED: Final = {"_asdict", "_fields", "_mapping", "_replace"}
SMALL, LONG = 60, 40


@dataclass(frozen=True)
class Module:
    """One file of the package, read once."""

    path: Path
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def name(self) -> str:
        parts = self.path.relative_to(PACKAGE.parent).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def room(self) -> str:
        return (*self.name.split("."), "")[1]

    @property
    def lines(self) -> int:
        return self.text.count("\n")

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        return (node for node in ast.walk(self.tree) if isinstance(node, FUNCTIONS))

    def defined(self) -> Iterator[str]:
        """Yield the names that the module's top level defines."""
        for node in self.tree.body:
            if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
                yield node.name
            targets = node.targets if isinstance(node, ast.Assign) else []
            if isinstance(node, ast.AnnAssign):
                targets = [node.target]
            yield from (item.id for item in targets if isinstance(item, ast.Name))


def read_modules() -> dict[str, Module]:
    """Return the package's modules by their dotted names."""
    paths = sorted(PACKAGE.rglob("*.py"))
    return {item.name: item for item in (Module(path, path.read_text()) for path in paths)}


def measure_text(modules: dict[str, Module]) -> dict[str, Any]:
    """Return sizes, names, comments and docstrings."""
    sizes = {name: module.lines for name, module in modules.items()}
    functions = [(module, node) for module in modules.values() for node in module.functions()]
    homes: dict[str, set[str]] = defaultdict(set)
    for name, module in modules.items():
        for defined in module.defined():
            if not (defined.startswith("__") and defined.endswith("__")):
                homes[defined].add(name)
    comments, code = map(sum, zip(*map(count_comments, modules.values()), strict=True))
    plain = [node.name for _, node in functions if not node.name.startswith("__")]
    several = sorted(name for name, found in homes.items() if len(found) > 1)
    docstrings = [text for module in modules.values() for text in first_words(module)]
    return {
        "modules": len(modules),
        "median lines": int(statistics.median(sizes.values())),
        "longest module": max(sizes.values()),
        f"modules under {SMALL} lines": sum(1 for size in sizes.values() if size < SMALL),
        f"functions over {LONG} lines": sum(1 for _, node in functions if length(node) > LONG),
        "top-level names": len(homes),
        "names in several modules": len(several),
        "public names in several modules": sum(1 for name in several if not name.startswith("_")),
        "one-word function names, %": round(
            100 * sum(1 for name in plain if "_" not in name.strip("_")) / len(plain)
        ),
        "comment lines per 100 of code": round(100 * comments / code, 1),
        "docstrings": len(docstrings),
        "docstrings without a verb first": sum(1 for word in docstrings if word in NO_VERB),
        "modules in charge of something": sum(
            1
            for item in modules.values()
            if (ast.get_docstring(item.tree) or "").startswith("In ch")
        ),
        "files that name a database": sum(1 for item in modules.values() if names_database(item)),
    }


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def count_comments(module: Module) -> tuple[int, int]:
    """Return the lines that are comments, and the lines of code without docstrings."""
    comments, code = set(), set()
    skipped = (tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    documented = {
        line
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        if token.type == tokenize.COMMENT:
            comments.add(token.start[0])
        elif token.type not in skipped:
            code.update(range(token.start[0], token.end[0] + 1))
    return len(comments - code), len(code - documented)


def first_words(module: Module) -> Iterator[str]:
    """Yield the first word of each function's docstring, in small letters; not of properties."""
    for node in module.functions():
        decorators = {ast.unparse(item).rpartition(".")[2] for item in node.decorator_list}
        text = ast.get_docstring(node)
        if text and not decorators & {"property", "cached_property"}:
            yield text.split()[0].strip("`,.;:'").lower()


def names_database(module: Module) -> bool:
    """Return whether a module that is of no dialect has a database's name in its code."""
    if DIALECT_FILES & {*module.path.relative_to(PACKAGE).with_suffix("").parts}:
        return False
    docs = {id(node.value) for node in ast.walk(module.tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            if node.value.lower() in DATABASES:
                return True
        elif isinstance(node, ast.alias) and node.name.rpartition(".")[2] in DATABASES:
            return True
        elif isinstance(node, ast.Name | ast.Attribute):
            word = node.id if isinstance(node, ast.Name) else node.attr
            if DATABASES & {*word.lower().split("_")}:
                return True
    return False


def measure_floors(modules: dict[str, Module]) -> dict[str, Any]:
    """Return circles of imports, every import counted, and private uses across rooms."""
    edges = {name: imports(module, modules) for name, module in modules.items()}
    circles = [circle for circle in find_circles(edges) if len(circle) > 1]
    return {
        "imports": sum(map(len, edges.values())),
        "circles of imports": len(circles),
        "modules in circles": sum(map(len, circles)),
        "longest circle": max(map(len, circles), default=0),
        "private uses across rooms": sum(1 for _ in private_uses(modules)),
    }


def imports(module: Module, modules: dict[str, Module]) -> set[str]:
    """Return the modules that one imports: anywhere, for types only, and by ``import_module``."""
    found: set[str] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            found.update(item.name for item in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{item.name}" for item in node.names}
            found.update(inner & modules.keys())
            if inner - modules.keys():
                found.add(node.module)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # The lazy faces have their homes in tables of strings.
            found.add(node.value)
    return found & modules.keys() - {module.name, "colonnade"}


def find_circles(edges: dict[str, set[str]]) -> list[set[str]]:
    """Return the strongly connected parts of a graph, as Tarjan finds them."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[set[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in edges[name]:
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            at = stack.index(name)
            found.append({*stack[at:]})
            del stack[at:]

    for name in edges:
        if name not in index:
            visit(name)
    return found


def private_uses(modules: dict[str, Module]) -> Iterator[str]:
    """Yield the uses of ``_names`` that another room defines and the module's own does not."""
    rooms: dict[str, set[str]] = defaultdict(set)
    for module in modules.values():
        rooms[module.room] |= private_names(module)
    for module in modules.values():
        if module.room == "_compat":  # what it uses is of other libraries
            continue
        others = {name for room, names in rooms.items() if room != module.room for name in names}
        others -= rooms[module.room]
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("colonnade"):
                found = {item.name for item in node.names}
            else:
                found = {node.attr} if isinstance(node, ast.Attribute) else set()
            yield from (f"{module.name}: {name}" for name in found & others - DOCUMENTED)


def private_names(module: Module) -> set[str]:
    """Return the ``_names`` that a module gives to functions, classes, variables and attributes."""
    found: set[str] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.update({node.attr} if ast.unparse(node.value) in {"self", "cls"} else ())
    return {name for name in found if name.startswith("_") and not name.endswith("__")}


def measure() -> dict[str, Any]:
    """Return all figures."""
    modules = read_modules()
    walks = asyncio.run(measure_walks(PACKAGE))
    return {**measure_text(modules), **measure_floors(modules), "walks": walks}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print what a program can read")
    figures = measure()
    if parser.parse_args().json:
        print(json.dumps(figures, indent=2))
        return
    walks = figures.pop("walks")
    for name, figure in figures.items():
        print(f"{name:36}{figure:>7}")
    for name, walked in walks.items():
        print(f"{name:36}{walked['modules']:>7} modules, {walked['hops']} hops")


if __name__ == "__main__":
    main()
