"""Insert very many rows, such as those of a file, fast and in constant memory.

No object is made, and only the names of the fields are checked: the database decides what a row may
hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from sqlalchemy import insert as inserting

from colonnade.errors import InvalidChanges, InvalidOperand
from colonnade.mapping import Mapping as Mapped
from colonnade.mapping import did_you_mean, mapping_of
from colonnade.session import Session

__all__ = ["bulk_insert"]

Row = Mapping[str, Any]


async def bulk_insert(
    session: Session,
    model: type[Any],
    rows: Iterable[Row],
    *,
    batch: int = 5000,
    progress: Callable[[int], object] | None = None,
) -> int:
    """Insert the rows, mappings by attribute with the same fields; return how many there were.

    One INSERT for every ``batch`` rows, sent with the driver's ``executemany``; ``rows`` is read as
    it goes and ``progress`` is called after each batch with the number of rows so far. The default
    of a field or a column fills what no row has. The session is flushed first, and does not learn
    of the new rows.

    Raises ``InvalidChanges`` for a field that the model does not have, or that is not in every row,
    and the error of an INSERT that the database refuses; the batches before it stay in the unit of
    work.
    """
    if type(batch) is not int or batch < 1:
        raise InvalidOperand(f"batch must be a whole number of at least 1, not {batch!r}")
    source = iter(rows)
    done = 0
    names: dict[str, str] | None = None
    defaults: dict[str, Callable[[], Any]] = {}
    table: Any = mapping_of(model).table
    statement = inserting(table)
    await session.flush()
    while chunk := list(islice(source, batch)):
        if names is None:  # the first row decides which columns are written
            names = _table_keys(mapping_of(model), chunk[0])
            defaults = _field_defaults(mapping_of(model), names)
        parameters = _row_parameters(model, names, chunk, done)
        if defaults:
            made = ({key: make() for key, make in defaults.items()} for _ in parameters)
            parameters = [more | row for more, row in zip(made, parameters, strict=True)]
        await session.exec(statement, params=parameters)
        done += len(chunk)
        if progress is not None:
            progress(done)
    return done


def _table_keys(mapped: Mapped, row: Row) -> dict[str, str]:
    """Return the table's keys of the columns by the attributes that a row has."""
    unknown = [name for name in row if name not in mapped.columns]
    if unknown:
        raise InvalidChanges(
            f"{mapped.model.__name__} has no column {unknown[0]!r}",
            hint=did_you_mean(unknown[0], mapped.columns, mapped.model.__name__),
            model=mapped.model.__name__,
            fields=tuple(unknown),
        )
    return {name: mapped.columns[name].column.key for name in row}


def _field_defaults(mapped: Mapped, names: Mapping[str, str]) -> dict[str, Callable[[], Any]]:
    """Return the functions that make defaults of the model's fields, by the table's keys.

    They are for columns whose own default SQLModel has dropped.
    """
    return {
        column.column.key: column.make_default
        for name, column in mapped.columns.items()
        if column.make_default is not None and name not in names
    }


def _row_parameters(
    model: type[Any], names: Mapping[str, str], chunk: list[Row], done: int
) -> list[dict[str, Any]]:
    """Return the rows by the table's keys; raise ``InvalidChanges`` if their fields differ."""
    fields = names.keys()
    for number, row in enumerate(chunk, start=done + 1):
        if row.keys() != fields:
            # The driver would take the first row's fields and drop the others without a word.
            odd = tuple(sorted(row.keys() ^ fields))
            raise InvalidChanges(
                f"row {number} has other fields than the first: {', '.join(odd)}",
                hint="give every row the same fields, with None where there is no value",
                model=model.__name__,
                fields=odd,
            )
    if all(name == key for name, key in names.items()):
        return [row if isinstance(row, dict) else dict(row) for row in chunk]
    return [{names[name]: value for name, value in row.items()} for row in chunk]
