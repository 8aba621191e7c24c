"""Who takes part, by database, in the order of the tables: the driver alone comes first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from peers import bulk, writes
from peers.contestant import BulkContestant, ReadContestant, WriteContestant
from peers.drivers import AiosqliteRows, AsyncpgJson, AsyncpgPool, AsyncpgRows
from peers.handwritten import HandwrittenOrm, HandwrittenSqlmodel
from peers.libraries import AdvancedAlchemy, Fastcrud
from peers.ours import Entities, Into, Json

__all__ = ["ALONE", "BULK_WRITERS", "READERS", "WRITERS"]

_Readers = tuple[Callable[[str], ReadContestant], ...]
_Writers = tuple[Callable[[str], WriteContestant], ...]
_BulkWriters = tuple[Callable[[str], BulkContestant], ...]

_READERS: Final[_Readers] = (
    HandwrittenOrm,
    HandwrittenSqlmodel,
    AdvancedAlchemy,
    Fastcrud,
    Entities,
    Into,
    Json,
)
READERS: Final[Mapping[str, _Readers]] = {
    "postgresql": (AsyncpgRows, AsyncpgPool, AsyncpgJson, *_READERS),
    "sqlite": (AiosqliteRows, *_READERS),
}
#: Readers that many tasks at once would say nothing new about.
ALONE: Final = (AsyncpgJson, HandwrittenSqlmodel, Entities)

_WRITERS: Final[_Writers] = (
    writes.OrmWrites,
    writes.AdvancedAlchemyWrites,
    writes.FastcrudWrites,
    writes.EntityWrites,
    writes.IntoWrites,
)
WRITERS: Final[Mapping[str, _Writers]] = {
    "postgresql": (writes.AsyncpgWrites, writes.AsyncpgPoolWrites, *_WRITERS),
    "sqlite": (writes.AiosqliteWrites, *_WRITERS),
}

_BULK_WRITERS: Final[_BulkWriters] = (
    bulk.OrmBulk,
    bulk.OrmStatementBulk,
    bulk.AdvancedAlchemyBulk,
    bulk.EntityBulk,
    bulk.ObjectlessBulk,
)
BULK_WRITERS: Final[Mapping[str, _BulkWriters]] = {
    "postgresql": (bulk.AsyncpgBulkRows, bulk.AsyncpgBulk, *_BULK_WRITERS),
    "sqlite": (bulk.AiosqliteBulk, *_BULK_WRITERS),
}
