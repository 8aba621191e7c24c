"""Explain common mistakes with a query: to await it, to iterate it, or to misname a method.

The base classes here raise ``TypeError`` or ``AttributeError`` with the right call in the message,
for people who know Django, SQLAlchemy, Tortoise, Peewee or SQLModel.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NoReturn

from colonnade.mapping import find_nearest

__all__ = ["MisuseHints", "NameHints"]

#: Method names of Django, SQLAlchemy, Tortoise, Peewee and SQLModel, with what to call here.
_FOREIGN_METHODS: Final = MappingProxyType(
    {
        **dict.fromkeys(("filter", "filter_by", "find", "search", "having_by"), "where(…)"),
        **dict.fromkeys(("exclude", "filter_not"), "where(not_(…))"),
        **dict.fromkeys(
            ("select_related", "prefetch_related", "options", "include", "prefetch", "join",
             "outerjoin", "joinedload", "selectinload", "fetch_related"),
            'load("team"); a lookup such as team__name="x" joins by itself',
        ),
        **dict.fromkeys(("order", "sort", "sort_by", "orderby"), 'order_by("-age")'),
        **dict.fromkeys(
            ("fetch_all", "fetchall", "to_list", "scalars", "fetch", "execute", "list", "get_all",
             "select", "get_multi"),
            "await all()",
        ),
        **dict.fromkeys(("fetch_one", "scalar", "get_one", "first_or_none"), "await first()"),
        **dict.fromkeys(("scalar_one", "get_by"), "await where(…).one()"),
        **dict.fromkeys(
            ("scalar_one_or_none", "get_one_or_none", "one_or_404", "filter_one"),
            "await where(…).one_or_none()",
        ),
        **dict.fromkeys(
            ("get_or_404", "first_or_404", "get_object_or_404"),
            "await get(key), whose NotFound connect() answers with 404",
        ),
        **dict.fromkeys(
            ("values", "values_list", "only", "defer", "load_only", "columns", "with_only_columns",
             "as_dict", "dicts", "tuples", "project"),
            "into(Schema): what the schema names is read",
        ),
        **dict.fromkeys(
            ("annotate", "aggregate", "group_by", "sum", "avg", "min", "max"),
            "into(Schema), with Count(), Sum(…) and their like in the schema's fields",
        ),
        **dict.fromkeys(("paginate", "get_page"), "await page(2), or scroll(after=cursor)"),
        **dict.fromkeys(("iterator", "yield_per", "iterate", "stream_scalars"), "stream()"),
        **dict.fromkeys(("select_for_update", "with_for_update", "for_update"), "lock()"),
        **dict.fromkeys(("take", "top"), "limit(…)"),
        **dict.fromkeys(("skip",), "offset(…)"),
        **dict.fromkeys(
            ("save", "add", "insert", "add_one"), "await create(payload) of the service"
        ),
        **dict.fromkeys(
            ("bulk_create", "add_all", "add_many", "insert_many", "bulk_insert"),
            "await create_many(payloads) of the service",
        ),
        **dict.fromkeys(
            ("delete", "remove", "bulk_delete", "delete_where"),
            "await delete(key) of the service, or where(…).delete_all()",
        ),
        **dict.fromkeys(
            ("update", "bulk_update", "patch", "update_where"),
            "await update(key, payload) of the service, or where(…).update_all({…})",
        ),
        **dict.fromkeys(("len", "size", "total"), "await count()"),
    }
)  # fmt: skip


class NameHints:
    """A class whose ``AttributeError`` names our method for another library's."""

    __slots__ = ()

    if not TYPE_CHECKING:  # else a type checker would accept every attribute name

        def __getattr__(self, name: str) -> Any:
            kind = type(self)
            if hasattr(kind, name):  # a property raised AttributeError: raise its own error
                return object.__getattribute__(self, name)
            told = f"{kind.__name__!r} object has no attribute {name!r}"
            if not name.startswith("_"):
                near = find_nearest(name, (item for item in dir(kind) if not item.startswith("_")))
                if name in _FOREIGN_METHODS:
                    told += f": here it is {_FOREIGN_METHODS[name]}"
                elif near is not None:
                    told += f": did you mean {near!r}?"
            raise AttributeError(told, name=name, obj=self)


class MisuseHints(NameHints):
    """A query that raises ``TypeError`` where it is used as if it were its own result."""

    __slots__ = ()

    if not TYPE_CHECKING:  # without these methods, type checkers report the misuse themselves

        def __await__(self) -> NoReturn:
            raise _misuse_error(
                self, "is not awaited itself", "await query.all(), or first(), one()"
            )

        def __bool__(self) -> NoReturn:
            raise _misuse_error(self, "is neither true nor false", "await query.exists()")

        def __len__(self) -> NoReturn:
            raise _misuse_error(self, "has no length", "await query.count()")

        def __iter__(self) -> NoReturn:
            raise _misuse_error(
                self, "cannot be iterated", "await query.all(), or async for … in query.stream()"
            )

        def __contains__(self, _: Any) -> NoReturn:
            raise _misuse_error(self, "contains nothing", "await query.where(…).exists()")

        def __aiter__(self) -> NoReturn:
            raise _misuse_error(self, "is not iterated itself", "async for … in query.stream()")

        def __getitem__(self, _: Any) -> NoReturn:
            raise _misuse_error(
                self, "has no places", "await query.first(), or query.offset(…).limit(…).all()"
            )


def _misuse_error(question: object, what: str, instead: str) -> TypeError:
    name = type(question).__name__
    return TypeError(f"a {name} is a question and {what}; ask it: {instead}")
