"""State what each database can do, so that other modules ask for a capability by its name.

Only the SQL of a database (``sql``) and the connections to it (``dialects``) know it by name. What
else depends on the database depends on one of these, and a database that is added says here which
it has. The defaults are those of a database that nobody has described.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

__all__ = ["ALL_DATABASES", "Capabilities", "capabilities_of", "databases_with"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The facts about one database that statements, types and answers depend on."""

    #: It can write a whole answer as JSON, just as Pydantic writes it.
    writes_json: bool = False
    #: The plan of a SELECT says how many rows are expected.
    estimates_rows: bool = False
    #: NULL is the greatest value in an index; None if an index is read either way.
    nulls_greatest: bool | None = False
    #: A float can be infinite.
    has_infinity: bool = True
    #: A DECIMAL is stored as it is, and not as a float.
    has_exact_decimals: bool = True
    #: A DATETIME without a precision keeps microseconds.
    keeps_microseconds: bool = True
    #: A type for moments takes values with an offset.
    has_time_zones: bool = False
    #: JSON has a binary type, which can be indexed.
    has_binary_json: bool = False
    #: There are arrays, with operators on them.
    has_arrays: bool = False
    #: A CHAR(n) is padded or trimmed, so that another text is read than was written.
    pads_char: bool = True
    #: The collations NOCASE and RTRIM decide which texts of a column are equal.
    has_loose_collations: bool = False
    #: An UPDATE or DELETE may read the table that it writes to.
    reads_written_table: bool = True
    #: INSERT … RETURNING of several rows can return them in the order of the parameters.
    returns_in_order: bool = True
    #: A trigger can change the values of a row before it is inserted.
    has_changing_triggers: bool = True
    #: The language that a full-text search is sent in.
    search_language: Literal["websearch", "boolean", "fts5"] = "websearch"


_MYSQL: Final = Capabilities(
    has_infinity=False,
    keeps_microseconds=False,
    reads_written_table=False,
    search_language="boolean",
)

#: By the name that SQLAlchemy's dialect has, which is also the family of a URL.
_BY_NAME: Final[Mapping[str, Capabilities]] = MappingProxyType(
    {
        "postgresql": Capabilities(
            writes_json=True,
            estimates_rows=True,
            nulls_greatest=True,
            has_time_zones=True,
            has_binary_json=True,
            has_arrays=True,
        ),
        "sqlite": Capabilities(
            nulls_greatest=None,
            has_exact_decimals=False,
            pads_char=False,
            has_loose_collations=True,
            returns_in_order=False,
            has_changing_triggers=False,
            search_language="fts5",
        ),
        "mysql": _MYSQL,
        "mariadb": _MYSQL,
    }
)
_UNKNOWN: Final = Capabilities()

#: The databases that the library is tested with, as users know them.
ALL_DATABASES: Final = frozenset({"postgresql", "sqlite", "mariadb"})


def capabilities_of(database: str) -> Capabilities:
    """Return the capabilities of a database, by the name of SQLAlchemy's dialect or the family."""
    return _BY_NAME.get(database, _UNKNOWN)


def databases_with(capability: str) -> frozenset[str]:
    """Return those of ``ALL_DATABASES`` that have a capability which is true or false."""
    return frozenset(name for name in ALL_DATABASES if getattr(_BY_NAME[name], capability) is True)
