"""Which server a run uses, and what is said when there is none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import make_url

from colonnade.testing import Server, ServerNotFound, TemporaryMariaDB
from colonnade.testing.servers import Servers, required_kinds
from colonnade.testing.servers.find import KINDS

VARIABLES = {kind: found.variable for kind, found in KINDS.items()}


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest) -> Server:
    """The run's server of one kind."""
    found: Server = request.getfixturevalue(f"{request.param}_server")
    return found


def test_a_server_that_is_named_is_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLES[server.kind], server.url)
    found = Servers().find(server.kind)
    assert found.url == server.url
    assert found.origin == VARIABLES[server.kind]


@pytest.mark.parametrize("kind", KINDS)
def test_a_named_server_that_is_not_there_is_never_replaced(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheme = {"postgresql": "postgresql", "mariadb": "mariadb"}[kind]
    monkeypatch.setenv(VARIABLES[kind], f"{scheme}://who:secret@127.0.0.1:1/x")
    with pytest.raises(ServerNotFound, match="is set, but no connection") as caught:
        Servers().find(kind)
    assert "secret" not in str(caught.value)


def test_without_a_running_server_a_private_one_is_started_once(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = (make_url(server.url).set(port=1).render_as_string(hide_password=False),)
    monkeypatch.setitem(KINDS, server.kind, replace(KINDS[server.kind], local=nowhere))
    monkeypatch.delenv(VARIABLES[server.kind], raising=False)
    servers = Servers()
    try:
        found = servers.find(server.kind)
        assert found.origin.startswith("private, from ")
        assert found.unreachable() is None
        assert servers.find(server.kind) is found
    finally:
        servers.close()
    assert found.unreachable() is not None


def test_a_missing_driver_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "mariadb", replace(KINDS["mariadb"], driver="no_such_driver"))
    servers = Servers()
    for _ in range(2):
        with pytest.raises(ServerNotFound, match="driver no_such_driver is not installed"):
            servers.find("mariadb")


def test_missing_programs_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("colonnade.testing.servers.mariadb.SYSTEM", ())
    with pytest.raises(ServerNotFound, match="mariadbd is not installed"):
        TemporaryMariaDB()


def test_what_is_required_is_a_list_of_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLONNADE_TEST_REQUIRE", raising=False)
    assert required_kinds() == frozenset()
    monkeypatch.setenv("COLONNADE_TEST_REQUIRE", "sqlite, mariadb,")
    assert required_kinds() == {"sqlite", "mariadb"}


def test_a_password_is_never_shown() -> None:
    server = KINDS["postgresql"].server("postgresql://who:secret@127.0.0.1/x", "given")
    assert "secret" not in repr(server)
    assert server.address == "postgresql://who:***@127.0.0.1/x"


def test_each_temporary_database_is_its_own_and_gone_at_the_end(server: Server) -> None:
    with server.temporary_database() as first, server.temporary_database() as second:
        assert first != second
        one = KINDS[server.kind].server(first, "given")
        one.execute("CREATE TABLE note (id INTEGER PRIMARY KEY)")
        assert one.unreachable() is None
    assert one.unreachable() is not None
