"""SQL of groups that databases spell in their own ways: exact texts, shared columns and means."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Double, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from colonnade.models import ExactDecimal

__all__ = ["AnyOfEquals", "ExactText", "FloatMean"]


class ExactText(FunctionElement[str]):
    """A text in a form that is equal only to itself, whatever the collation."""

    type = String()
    inherit_cache = True


class AnyOfEquals(FunctionElement[Any]):
    """A text column of a group, which is grouped by the ``ExactText`` form of it."""

    inherit_cache = True


class FloatMean(FunctionElement[float]):
    """The mean of numbers as a float: databases give decimals of different lengths."""

    type = Double()
    inherit_cache = True


@compiles(ExactText)
@compiles(AnyOfEquals)
def _plainly(element: FunctionElement[Any], compiler: Any, **options: Any) -> str:
    text: str = compiler.process(next(iter(element.clauses)), **options)
    return text


@compiles(ExactText, "mysql", "mariadb")
def _by_digits(element: ExactText, compiler: Any, **options: Any) -> str:
    text = compiler.process(element.clauses, **options)
    return f"HEX(CONVERT({text} USING utf8mb4))"


@compiles(AnyOfEquals, "mysql", "mariadb")
def _any_of_equals(element: AnyOfEquals, compiler: Any, **options: Any) -> str:
    return f"MIN({compiler.process(element.clauses, **options)})"


@compiles(FloatMean)
def _of_doubles(element: FloatMean, compiler: Any, **options: Any) -> str:
    return f"avg(CAST({compiler.process(element.clauses, **options)} AS DOUBLE PRECISION))"


@compiles(FloatMean, "mysql", "mariadb")
def _of_mysql_doubles(element: FloatMean, compiler: Any, **options: Any) -> str:
    return f"avg(CAST({compiler.process(element.clauses, **options)} AS DOUBLE))"


@compiles(FloatMean, "sqlite")
def _of_reals(element: FloatMean, compiler: Any, **options: Any) -> str:
    mean = f"avg({compiler.process(element.clauses, **options)})"
    kind = next(iter(element.clauses)).type
    # An exact decimal is an integer there, which counts units.
    return f"({mean} / {10**kind.scale}.0)" if isinstance(kind, ExactDecimal) else mean
