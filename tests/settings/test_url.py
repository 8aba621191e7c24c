from __future__ import annotations

import importlib.util
import logging
import traceback
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import URL, make_url

from colonnade.database import Database
from colonnade.dialects import dialect_of
from colonnade.errors import ColonnadeError, DriverNotInstalled, InvalidURL
from colonnade.settings.settings import Settings
from colonnade.settings.url import Address, parse_url

SECRET = "Zq7-hush"
NETWORK = ("postgresql", "postgresql+psycopg", "mysql", "mysql+asyncmy")


def arguments(url: str, settings: Settings | None = None) -> dict[str, Any]:
    """What the driver's ``connect`` gets for ``url``: SQLAlchemy's part and ours."""
    dialect = dialect_of(parse_url(url), settings or Settings(), reading=False)
    target = dialect.sqlalchemy_url()
    _, given = target.get_dialect()().create_connect_args(target)
    return {**given, **dialect.connect_args()}


@pytest.mark.parametrize(
    ("text", "driver", "family"),
    [
        ("sqlite:///shop.db", "sqlite+aiosqlite", "sqlite"),
        ("sqlite+aiosqlite:///shop.db", "sqlite+aiosqlite", "sqlite"),
        ("postgres://u@h/db", "postgresql+asyncpg", "postgresql"),
        ("postgresql://u@h/db", "postgresql+asyncpg", "postgresql"),
        ("postgresql+asyncpg://u@h/db", "postgresql+asyncpg", "postgresql"),
        ("postgresql+psycopg://u@h/db", "postgresql+psycopg", "postgresql"),
        ("postgresql+psycopg_async://u@h/db", "postgresql+psycopg", "postgresql"),
        ("mysql://u@h/db", "mysql+aiomysql", "mysql"),
        ("mysql+asyncmy://u@h/db", "mysql+asyncmy", "mysql"),
        ("mariadb://u@h/db", "mariadb+aiomysql", "mysql"),
        ("mariadb+asyncmy://u@h/db", "mariadb+asyncmy", "mysql"),
    ],
)
def test_every_scheme_chooses_an_async_driver(text: str, driver: str, family: str) -> None:
    address = parse_url(f" {text}\n")
    assert address.url.drivername == driver
    assert address.family == family
    assert address.url.get_dialect(_is_async=True).is_async


def test_a_url_object_is_taken_too() -> None:
    url = URL.create("postgres", "u", "p@:/?#,", "h", 5433, "db", {"sslmode": "require"})
    address = parse_url(url)
    assert (address.url.username, address.url.password) == ("u", "p@:/?#,")
    assert (address.url.host, address.url.port, address.url.database) == ("h", 5433, "db")
    assert address.query == {"sslmode": "require"}


@pytest.mark.parametrize("text", ["", "  ", None, 5])
def test_an_empty_url_is_told_by_name(text: Any) -> None:
    with pytest.raises(InvalidURL, match="the database URL is empty"):
        parse_url(text)


@pytest.mark.parametrize("text", ["shop.db", "postgresql:h", "postgresql://h:port/db", "://"])
def test_a_text_that_is_no_url_cannot_be_read(text: str) -> None:
    with pytest.raises(InvalidURL, match="the database URL cannot be read") as caught:
        parse_url(text)
    assert caught.value.hint is not None
    assert "percent-encode" in caught.value.hint


def test_an_unknown_scheme_names_the_nearest() -> None:
    with pytest.raises(InvalidURL, match="unknown scheme 'postgre'") as caught:
        parse_url("postgre://h/db")
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("did you mean 'postgres'? known schemes: cockroachdb,")


def test_a_scheme_like_none_of_them_lists_all() -> None:
    with pytest.raises(InvalidURL, match="unknown scheme 'http'") as caught:
        parse_url("http://h/db")
    assert caught.value.hint == (
        "known schemes: cockroachdb, mariadb, mysql, postgres, postgresql, sqlite"
    )


@pytest.mark.parametrize("driver", ["psycopg2", "pg8000", "mysqldb"])
def test_a_driver_that_is_not_async_or_not_known_lists_those_that_are(driver: str) -> None:
    with pytest.raises(InvalidURL, match=rf"postgresql\+{driver}:// does not name") as caught:
        parse_url(f"postgresql+{driver}://h/db")
    assert caught.value.hint == "write postgresql:// alone, or one of: asyncpg, psycopg"


def test_an_unknown_parameter_names_the_nearest() -> None:
    with pytest.raises(InvalidURL, match="unknown parameter 'sslmod'") as caught:
        parse_url(f"postgresql://h/db?sslmod={SECRET}")
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("did you mean 'sslmode'?")
    assert SECRET not in str(caught.value)


def test_a_parameter_of_another_driver_is_unknown() -> None:
    parse_url("postgresql+psycopg://h/db?prepare_threshold=5")
    with pytest.raises(InvalidURL, match="unknown parameter 'prepare_threshold'"):
        parse_url("postgresql://h/db?prepare_threshold=5")


def test_a_parameter_given_twice_is_refused() -> None:
    with pytest.raises(InvalidURL, match="'sslmode' more than once"):
        parse_url("postgresql://h/db?sslmode=require&sslmode=disable")


@pytest.mark.parametrize("query", ["sslmode=", "sslmode", "application_name=x&sslmode="])
def test_a_parameter_without_a_value_is_refused_and_not_dropped(query: str) -> None:
    with pytest.raises(InvalidURL, match="a parameter without a value"):
        parse_url(f"postgresql://h/db?{query}")


def test_dashes_in_a_parameters_name_count_as_underscores() -> None:
    assert parse_url("mysql://h/db?ssl-mode=required").query == {"ssl_mode": "required"}


@pytest.mark.parametrize("port", [0, 65536, 99999])
def test_a_port_out_of_range_is_refused(port: int) -> None:
    with pytest.raises(InvalidURL, match=f"has the port {port}"):
        parse_url(f"postgresql://h:{port}/db")
    assert parse_url("postgresql://h:65535/db").url.port == 65535


@pytest.mark.parametrize("text", ["sqlite://shop.db", "sqlite://u@/shop.db"])
def test_an_sqlite_url_has_no_host(text: str) -> None:
    with pytest.raises(InvalidURL, match="has a path and no host") as caught:
        parse_url(text)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("three slashes begin a relative path")


def test_a_mysql_url_names_a_database() -> None:
    with pytest.raises(InvalidURL, match="names no database"):
        parse_url("mysql://u@h")


@pytest.mark.parametrize(
    "text",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file::memory:?cache=shared&uri=true",
        "sqlite:///file:x?mode=memory&uri=true",
    ],
)
def test_an_sqlite_database_in_memory_is_known(text: str) -> None:
    assert parse_url(text).in_memory


@pytest.mark.parametrize("text", ["sqlite:///shop.db", "postgresql://h/", "postgresql:///"])
def test_a_file_and_a_server_are_not_in_memory(text: str) -> None:
    assert not parse_url(text).in_memory


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://u:pw@h1:5432,h2:5433/db?target_session_attrs=read-write",
        "postgresql://u:pw@/db?host=h1:5432&host=h2:5433&target_session_attrs=read-write",
        "postgresql://u:pw@/db?host=h1,h2&port=5432,5433&target_session_attrs=read-write",
    ],
)
def test_several_hosts_reach_asyncpg_in_each_form_of_libpq(text: str) -> None:
    given = arguments(text)
    assert list(given["host"]) == ["h1", "h2"]
    assert list(given["port"]) == [5432, 5433]
    assert given["target_session_attrs"] == "read-write"
    assert (given["user"], given["password"], given["database"]) == ("u", "pw", "db")


@pytest.mark.parametrize(
    "text",
    [
        "postgresql+psycopg://u@h1:5432,h2:5433/db?target_session_attrs=read-write",
        "postgresql+psycopg://u@/db?host=h1:5432&host=h2:5433&target_session_attrs=read-write",
    ],
)
def test_several_hosts_reach_psycopg_in_each_form_of_libpq(text: str) -> None:
    given = arguments(text)
    assert (given["host"], given["port"]) == ("h1,h2", "5432,5433")
    assert given["target_session_attrs"] == "read-write"


def test_several_hosts_without_a_query_and_without_a_slash() -> None:
    assert parse_url("postgresql://h1,h2").query == {"host": ("h1", "h2")}


def test_a_comma_in_a_password_is_no_list_of_hosts() -> None:
    address = parse_url("postgresql://u:a,b/c@h/db")
    assert (address.url.password, address.url.host, address.query) == ("a,b/c", "h", {})


def test_several_hosts_are_a_matter_of_postgresql() -> None:
    with pytest.raises(InvalidURL, match="unknown parameter 'host'"):
        parse_url("mysql://h1,h2/db")


@pytest.mark.parametrize("name", ["ssl", "sslmode"])
def test_the_tls_mode_reaches_asyncpg_in_its_own_url(name: str) -> None:
    given = arguments(f"postgresql://h/db?{name}=require")
    assert given["dsn"] == "postgresql://?sslmode=require"
    assert not {"ssl", "sslmode"} & set(given)


def test_the_tls_files_reach_asyncpg_in_its_own_url() -> None:
    given = arguments("postgresql://h/db?sslmode=verify-full&sslrootcert=/a b.pem&sslkey=k")
    assert given["dsn"] == "postgresql://?sslkey=k&sslmode=verify-full&sslrootcert=%2Fa+b.pem"


@pytest.mark.parametrize("name", ["ssl", "sslmode"])
def test_the_tls_mode_reaches_psycopg_as_a_parameter_of_libpq(name: str) -> None:
    given = arguments(f"postgresql+psycopg://h/db?{name}=require&sslrootcert=/a.pem")
    assert (given["sslmode"], given["sslrootcert"]) == ("require", "/a.pem")
    assert "ssl" not in given


@pytest.mark.parametrize("hidden", ["asyncpg", "psycopg", "aiomysql", "asyncmy", "aiosqlite"])
def test_a_driver_that_is_not_installed_names_what_to_install(
    hidden: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, install = {
        "asyncpg": ("postgresql://h/db", "colonnade[postgresql]"),
        "psycopg": ("postgresql+psycopg://h/db", "psycopg[binary]"),
        "aiomysql": ("mysql://h/db", "colonnade[mysql]"),
        "asyncmy": ("mysql+asyncmy://h/db", "asyncmy"),
        "aiosqlite": ("sqlite:///a.db", "colonnade"),
    }[hidden]
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == hidden else find(name)
    )
    with pytest.raises(DriverNotInstalled) as caught:
        Database(url)
    assert caught.value.message.startswith(f"the package {hidden!r} for ")
    assert caught.value.hint == f'install it with: pip install "{install}"'


def test_cockroachdb_is_left_to_its_dialect_and_asks_for_it() -> None:
    with pytest.raises(DriverNotInstalled, match="'sqlalchemy_cockroachdb'") as caught:
        Database("cockroachdb://root@h/db")
    assert caught.value.hint == 'install it with: pip install "sqlalchemy-cockroachdb[asyncpg]"'


@pytest.mark.parametrize("scheme", NETWORK)
@pytest.mark.parametrize("place", ["url", "query"])
def test_no_password_is_in_the_repr_of_a_database(scheme: str, place: str) -> None:
    text = (
        f"{scheme}://u:{SECRET}@h/db" if place == "url" else f"{scheme}://u@h/db?password={SECRET}"
    )
    database = Database(text, reader_url=text)
    assert SECRET not in repr(database)
    assert "u:***@h/db" in repr(database)
    assert arguments(text)["password"] == SECRET


def test_a_user_in_the_query_is_the_user() -> None:
    address = parse_url(f"postgresql://h/db?user=u&password={SECRET}")
    assert str(address) == "postgresql+asyncpg://u:***@h/db"


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg"])
def test_the_password_of_a_tls_key_is_never_shown(scheme: str) -> None:
    address = parse_url(f"{scheme}://u@h/db?sslkey=k.pem&sslpassword={SECRET}")
    assert SECRET not in f"{address} {address!r}"
    assert "sslpassword=%2A%2A%2A" in str(address)
    assert SECRET in str(arguments(f"{scheme}://u@h/db?sslpassword={SECRET}"))


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://u:{SECRET}",
        f"postgresql://u:{SECRET}/db",
        f"postgresql://u:p@{SECRET}@h/db",
        f"postgresql://u:p@ss/{SECRET}@h/db",
        f"postgresql://u:p@ss?{SECRET}@h/db",
        f"postgresql://u:p@ss?{SECRET}=x@h/db",
        f"postgresql://u:p@h1,{SECRET}@h2/db",
        f"postgresql://u:{SECRET}@h:port/db",
        f"postgresql://u:{SECRET}@h/db?sslmod=require",
        f"postgresql://u:{SECRET}@h/db?password={SECRET}&password={SECRET}",
        f"postgresql://u@h/db?password={SECRET}&x=1",
        f"postgresql://u@h/db?passwort={SECRET}",
        f"postgresql://u@h/db?connect_timeout={SECRET}",
        f"postgre://u:{SECRET}@h/db",
        f"postgresql+psycopg2://u:{SECRET}@h/db",
        f"mysql://u:{SECRET}@h",
        f"mysql://u:{SECRET}@h/db?sslmode=verify-ca&ssl_ca=/no/such/file",
        f"sqlite://u:{SECRET}@h/shop.db",
    ],
)
def test_no_part_of_a_malformed_url_reaches_an_error_or_its_traceback(text: str) -> None:
    with pytest.raises(InvalidURL) as caught:
        arguments(text)
    shown = "".join(traceback.format_exception(caught.value))
    # The test's own lines are not the library's to keep quiet.
    assert SECRET not in f"{shown} {caught.value!r} {caught.value.hint}"


PASSWORDS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1
).map(lambda text: f"<{text}>")


@given(scheme=st.sampled_from(NETWORK), password=PASSWORDS)
def test_any_password_survives_the_way_to_the_driver_and_is_never_shown(
    scheme: str, password: str
) -> None:
    for text in (
        f"{scheme}://u:{quote(password, safe='')}@h:1/db",
        f"{scheme}://u@h:1/db?password={quote(password, safe='')}",
        URL.create(scheme, "u", password, "h", 1, "db"),
    ):
        address = parse_url(text)
        assert address.url.password == password
        dialect = dialect_of(address, Settings(), reading=False)
        target = dialect.sqlalchemy_url()
        assert target.get_dialect()().create_connect_args(target)[1]["password"] == password
        for shown in (str(address), repr(address), repr(Database(text)), repr(dialect)):
            assert password not in shown
            assert quote(password, safe="") not in shown


@given(scheme=st.sampled_from(NETWORK), password=PASSWORDS)
def test_any_unescaped_password_is_read_whole_or_refused_without_a_word_of_it(
    scheme: str, password: str
) -> None:
    text = f"{scheme}://u:{password}@h/db"
    try:
        address = parse_url(text)
    except ColonnadeError as error:
        shown = "".join(traceback.format_exception(error))
    else:
        assert address.url.password == make_url(text).password
        shown = str(address)
        assert shown.endswith("://u:***@h/db")
    assert password not in shown


@pytest.mark.parametrize("scheme", NETWORK)
async def test_no_password_is_in_an_error_of_connecting_or_in_a_log(
    scheme: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with Database(f"{scheme}://u:{SECRET}@127.0.0.1:1/db", connect_timeout=1) as database:
        with pytest.raises(ColonnadeError) as caught:
            async with database.session() as session:
                await session.connection()
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert SECRET not in caplog.text


def test_an_address_is_a_value() -> None:
    first, second = (parse_url("postgresql://u@h/db?sslmode=require") for _ in range(2))
    assert first == second
    assert isinstance(first, Address)
