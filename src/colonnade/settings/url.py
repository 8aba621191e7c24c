"""Parse a database URL into an ``Address``.

The URL may have any usual form (``postgres://``, ``mysql://``, that of Heroku or libpq). The
address names the async driver and the parameters that it takes, and can be printed without the
password. No I/O: the driver is looked for, but not imported, and nothing connects.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from colonnade.errors import DriverNotInstalled, InvalidURL
from colonnade.mapping import find_nearest

__all__ = ["Address", "Driver", "parse_url"]


@dataclass(frozen=True)
class Driver:
    """An async driver: its name in SQLAlchemy, its modules, and the package that installs them.

    ``parameters`` are the names that a URL may give after the ``?``.
    """

    name: str
    modules: tuple[str, ...]
    install: str
    parameters: frozenset[str] = field(repr=False)


_PG_TLS: Final = frozenset(
    {
        "ssl",
        "sslmode",
        "sslrootcert",
        "sslcert",
        "sslkey",
        "sslpassword",
        "sslcrl",
        "sslnegotiation",
        "ssl_min_protocol_version",
        "ssl_max_protocol_version",
    }
)
_PG_COMMON: Final = _PG_TLS | {
    "host",
    "port",
    "target_session_attrs",
    "application_name",
    "connect_timeout",
    "options",
    "passfile",
    "service",
}
_MYSQL: Final = frozenset(
    {
        "charset",
        "unix_socket",
        "sslmode",
        "ssl_mode",
        "ssl_ca",
        "ssl_cert",
        "ssl_key",
        "ssl_check_hostname",
        "connect_timeout",
        "local_infile",
        "program_name",
        "auth_plugin",
    }
)

_ASYNCPG: Final = Driver(
    "asyncpg",
    ("asyncpg",),
    "colonnade[postgresql]",
    _PG_COMMON | {"prepared_statement_cache_size", "statement_cache_size", "krbsrvname"},
)
_PSYCOPG: Final = Driver(
    "psycopg", ("psycopg",), "psycopg[binary]", _PG_COMMON | {"prepare_threshold"}
)
_COCKROACH: Final = dataclasses.replace(
    _ASYNCPG,
    modules=("asyncpg", "sqlalchemy_cockroachdb"),
    install="sqlalchemy-cockroachdb[asyncpg]",
)
_AIOMYSQL: Final = Driver("aiomysql", ("aiomysql",), "colonnade[mysql]", _MYSQL)
_ASYNCMY: Final = Driver("asyncmy", ("asyncmy",), "asyncmy", _MYSQL)
_AIOSQLITE: Final = Driver(
    "aiosqlite",
    ("aiosqlite",),
    "colonnade",
    frozenset({"mode", "immutable", "cache", "vfs", "uri"}),
)

#: Scheme -> (family, SQLAlchemy's backend, the drivers that it may name, the default one first).
_SCHEMES: Final[Mapping[str, tuple[str, str, tuple[Driver, ...]]]] = MappingProxyType(
    {
        "sqlite": ("sqlite", "sqlite", (_AIOSQLITE,)),
        "postgresql": ("postgresql", "postgresql", (_ASYNCPG, _PSYCOPG)),
        "postgres": ("postgresql", "postgresql", (_ASYNCPG, _PSYCOPG)),
        "mysql": ("mysql", "mysql", (_AIOMYSQL, _ASYNCMY)),
        "mariadb": ("mysql", "mariadb", (_AIOMYSQL, _ASYNCMY)),
        "cockroachdb": ("cockroachdb", "cockroachdb", (_COCKROACH,)),
    }
)
_URL_FORM: Final = (
    "write driver://user:password@host:port/database?name=value and percent-encode special "
    "characters of the password"
)
_SECRETS: Final = frozenset({"password", "sslpassword"})
#: The scheme, the user and the password as SQLAlchemy reads them. The possessive ``?+`` keeps what
#: it has matched: a password may hold commas, which are not a list of hosts.
_USER: Final = re.compile(r"^[^:/]+://(?:[^:/]*(?::[^@]*)?@)?+")
_MULTIPLE_HOSTS: Final = re.compile(r"^[^@/?]*,[^/?]*")


@dataclass(frozen=True)
class Address:
    """The address of a database and the driver for it; ``str`` and ``repr`` show no password."""

    url: URL = field(repr=False)
    family: str
    driver: Driver
    query: Mapping[str, str | tuple[str, ...]] = field(repr=False)

    @property
    def in_memory(self) -> bool:
        """True for an SQLite database in memory."""
        if self.family != "sqlite":
            return False
        database = self.url.database or ""
        return database in ("", ":memory:", "file::memory:") or self.query.get("mode") == "memory"

    def __str__(self) -> str:
        hidden = dict.fromkeys(_SECRETS & set(self.query), "***")
        shown = self.url.set(query={**self.query, **hidden})
        return shown.render_as_string(hide_password=True)


def parse_url(text: str | URL) -> Address:
    """Return the address that ``text`` names.

    Raises ``InvalidURL`` for a scheme, driver, port or parameter that is not known, and
    ``DriverNotInstalled`` when the driver's package is missing. No message repeats the URL,
    which may hold a password.
    """
    url = _read_url(text)
    scheme, _, wanted = url.drivername.partition("+")
    if scheme not in _SCHEMES:
        raise InvalidURL(
            f"the database URL has the unknown scheme {scheme!r}",
            hint=_suggest(scheme, _SCHEMES, "known schemes"),
        )
    family, backend, drivers = _SCHEMES[scheme]
    driver = _choose_driver(scheme, wanted, drivers)
    query = _read_parameters(url, driver)
    missing = [name for name in driver.modules if importlib.util.find_spec(name) is None]
    if missing:
        raise DriverNotInstalled(
            f"the package {missing[0]!r} for {scheme}:// is not installed",
            hint=f'install it with: pip install "{driver.install}"',
        )
    _check_address(url, family)
    user, password = query.pop("user", url.username), query.pop("password", url.password)
    plain = URL.create(
        f"{backend}+{driver.name}",
        username=str(user) if user is not None else None,
        password=str(password) if password is not None else None,
        host=url.host,
        port=url.port,
        database=url.database,
    )
    return Address(plain, family, driver, MappingProxyType(query))


def _read_url(text: str | URL) -> URL:
    """Return SQLAlchemy's URL; raise ``InvalidURL`` for a text that cannot be read."""
    if isinstance(text, URL):
        return text
    if not isinstance(text, str) or not text.strip():
        raise InvalidURL("the database URL is empty", hint="for example sqlite:///shop.db")
    plain = text.strip()
    user = _USER.match(plain)
    head, rest = (plain[: user.end()], plain[user.end() :]) if user else (plain, "")
    if "@" in rest and not plain.startswith("sqlite"):
        # What follows the first "@" may be the rest of a password: SQLAlchemy would take it for the
        # host and show it.
        raise InvalidURL("the database URL has an '@' too many", hint=_URL_FORM)
    parameters = rest.partition("?")[2]
    if not all(value for _, value in parse_qsl(parameters, keep_blank_values=True)):
        # SQLAlchemy would ignore it silently.
        raise InvalidURL("the database URL has a parameter without a value", hint=_URL_FORM)
    several = _MULTIPLE_HOSTS.match(rest)
    if several:
        # libpq has a list of hosts before the slash, SQLAlchemy repeats ``host=`` in the query.
        hosts = "&".join(f"host={host}" for host in several[0].split(","))
        rest = rest[several.end() :] + ("&" if parameters else "?") + hosts
    try:
        return make_url(head + rest)
    except (ArgumentError, ValueError):
        # The parser's own error may repeat the text, and with it the password.
        raise InvalidURL("the database URL cannot be read", hint=_URL_FORM) from None


def _choose_driver(scheme: str, wanted: str, drivers: tuple[Driver, ...]) -> Driver:
    if not wanted:
        return drivers[0]
    for driver in drivers:
        if wanted.removesuffix("_async") == driver.name:
            return driver
    names = ", ".join(driver.name for driver in drivers)
    raise InvalidURL(
        f"{scheme}+{wanted}:// does not name an async driver of Colonnade",
        hint=f"write {scheme}:// alone, or one of: {names}",
    )


def _read_parameters(url: URL, driver: Driver) -> dict[str, str | tuple[str, ...]]:
    """Return the query parameters, with ``_`` for ``-`` in their names.

    Raises ``InvalidURL`` for an unknown one, and for one that is given twice and is no host.
    """
    query: dict[str, str | tuple[str, ...]] = {}
    known = driver.parameters | {"user", "password"}
    for name, value in url.query.items():
        if name.replace("-", "_") not in known:
            raise InvalidURL(
                f"the database URL has the unknown parameter {name!r}",
                hint=_suggest(name, driver.parameters, "known parameters"),
            )
        if not isinstance(value, str) and name not in ("host", "port"):
            raise InvalidURL(f"the database URL gives the parameter {name!r} more than once")
        query[name.replace("-", "_")] = value
    return query


def _check_address(url: URL, family: str) -> None:
    if url.port is not None and not 0 < url.port < 65536:
        raise InvalidURL(f"the database URL has the port {url.port}", hint="ports end at 65535")
    if family == "sqlite" and (url.host or url.username):
        raise InvalidURL(
            "an SQLite URL has a path and no host",
            hint="three slashes begin a relative path (sqlite:///shop.db), "
            "four an absolute one (sqlite:////var/lib/shop.db)",
        )
    if family == "mysql" and not url.database:
        raise InvalidURL("the MySQL URL names no database", hint="end it with /name")


def _suggest(name: str, known: Mapping[str, object] | frozenset[str], title: str) -> str:
    """Return a hint with the nearest known name and all of them."""
    near = find_nearest(name, sorted(known))
    listed = f"{title}: {', '.join(sorted(known))}"
    return f"did you mean {near!r}? {listed}" if near else listed
