"""The public face: what each package offers, in order, explained, and nothing by accident."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from types import FunctionType, ModuleType

import pytest

import colonnade
from colonnade import errors

MODULES = [
    colonnade,
    *(
        importlib.import_module(found.name)
        for found in pkgutil.walk_packages(colonnade.__path__, "colonnade.")
        if found.name != "colonnade._compat"  # a drawer for hooks, of which it offers none
    ),
]
OFFERING = [module for module in MODULES if hasattr(module, "__all__")]
PACKAGES = [module for module in MODULES if hasattr(module, "__path__")]
ERRORS = [getattr(errors, name) for name in errors.__all__]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_a_package_says_what_it_offers(package: ModuleType) -> None:
    assert package.__all__


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_a_module_opens_with_what_it_is_in_charge_of(module: ModuleType) -> None:
    assert module.__doc__


@pytest.mark.parametrize("module", OFFERING, ids=lambda module: module.__name__)
def test_public_names_are_sorted_and_unique(module: ModuleType) -> None:
    assert list(module.__all__) == sorted(set(module.__all__), key=constants_classes_functions)


@pytest.mark.parametrize("module", OFFERING, ids=lambda module: module.__name__)
def test_public_names_exist_and_are_explained(module: ModuleType) -> None:
    for name in module.__all__:
        value = getattr(module, name)
        # A constant that holds a function has another name, and nowhere to put a docstring.
        if getattr(value, "__name__", None) == name:
            assert value.__doc__, f"{module.__name__}.{name}"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_the_methods_of_public_classes_are_explained(package: ModuleType) -> None:
    for owner in filter(inspect.isclass, (getattr(package, name) for name in package.__all__)):
        for name, member in vars(owner).items():
            if not name.startswith("_") and isinstance(member, FunctionType | property):
                # getdoc, since an override may leave the word to what it overrides.
                assert inspect.getdoc(getattr(owner, name)), f"{owner.__qualname__}.{name}"


def test_every_error_is_offered() -> None:
    defined = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.ColonnadeError)
    }
    assert set(errors.__all__) == defined


def test_every_error_has_a_code_of_its_own() -> None:
    assert len({error.code for error in ERRORS}) == len(ERRORS)


def test_the_drawn_tree_is_the_tree_of_classes() -> None:
    bases = {
        (error.__name__, base.__name__)
        for error in ERRORS
        for base in error.__bases__
        if base is not Exception
    }
    assert drawn_edges(errors.__doc__ or "") == bases


def constants_classes_functions(name: str) -> tuple[bool, bool, str]:
    return not name.isupper(), not name[0].isupper(), name


def drawn_edges(drawing: str) -> set[tuple[str, str]]:
    """Pair each class of the drawing with the one above it, and with "(also a …)"."""
    edges: set[tuple[str, str]] = set()
    ancestors: list[str] = []
    for branch, name, remark in re.findall(
        r"^ {4}([│├└─ ]*)([A-Z]\w+)(.*)$", drawing, re.MULTILINE
    ):
        depth = len(branch) // len("├── ")
        ancestors[depth:] = [name]
        if depth:
            edges.add((name, ancestors[depth - 1]))
        edges.update((name, other) for other in re.findall(r"also an? (\w+)", remark))
    return edges
