"""Find a database server for tests, or start a private one that tests can control."""

from colonnade.testing.servers.find import Servers, required_kinds
from colonnade.testing.servers.mariadb import MariaDBServer, TemporaryMariaDB
from colonnade.testing.servers.postgresql import PostgreSQLServer, TemporaryPostgreSQL
from colonnade.testing.servers.server import Server, ServerNotFound
from colonnade.testing.servers.temporary import TemporaryServer

__all__ = [
    "MariaDBServer",
    "PostgreSQLServer",
    "Server",
    "ServerNotFound",
    "Servers",
    "TemporaryMariaDB",
    "TemporaryPostgreSQL",
    "TemporaryServer",
    "required_kinds",
]
