"""The ledger, for some seconds on each database."""

from __future__ import annotations

import pytest
from tests.faults.bank import Record
from tests.faults.ledger import on_server, on_sqlite, report

from colonnade.testing.servers import TemporaryServer

SECONDS = 10.0
SEED = 20


def something_happened(record: Record) -> None:
    told = record.summary()
    assert told["acknowledged"] > 20
    assert told["refused"] > 0


async def test_the_ledger_balances_whatever_breaks(
    private_server: TemporaryServer, private_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    record = await on_server(private_server, private_url, SECONDS, SEED)
    with capsys.disabled():
        print("\n" + report(private_server.kind, record))  # noqa: T201 # the run's product
    something_happened(record)
    assert record.events["retries"] > 0
    assert record.events["unknown commits found stored"] > 0
    assert record.events["unknown commits found lost"] > 0


async def test_the_ledger_balances_on_sqlite_whoever_is_killed(
    sqlite_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    record = await on_sqlite(sqlite_url, SECONDS, SEED)
    with capsys.disabled():
        print("\n" + report("sqlite", record))  # noqa: T201 # the run's product
    something_happened(record)
    assert record.events["faults: process killed"] > 0
