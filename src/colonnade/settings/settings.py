"""Define the settings of a database: their defaults, ranges and names in the environment."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from colonnade.errors import InvalidSetting
from colonnade.mapping import find_nearest
from colonnade.settings.unit import parse_isolation

__all__ = ["Settings", "read_environment"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of a database. All times are seconds; ``None`` means no limit where allowed.

    ``reader_pool_size`` is the number of the readers' connections, in addition to the sessions'.
    ``idle_check`` is how long a connection may be idle before it is pinged at its next use.
    ``isolation`` is the level of units that name none; without it, the server's own. For
    development, ``warn_repeated`` is how often one SELECT runs in one unit of work until
    ``RepeatedStatement`` is warned of. ``cursor_secret`` signs the cursors of ``scroll``, so that
    nobody else can make one.
    """

    pool_size: int = 10
    max_overflow: int = 5
    reader_pool_size: int | None = None
    pool_timeout: float = 5.0
    pool_recycle: float = 1800.0
    idle_check: float = 1.0
    connect_timeout: float = 5.0
    statement_timeout: float | None = 30.0
    lock_timeout: float | None = 5.0
    isolation: str | None = None
    health_timeout: float = 2.0
    pgbouncer: bool = False
    application_name: str | None = None
    cursor_secret: str | None = dataclasses.field(default=None, repr=False)
    warn_repeated: int | None = None
    echo: bool = False
    debug: bool = False

    def __post_init__(self) -> None:
        for name, low in _MINIMUM.items():
            value: Any = getattr(self, name)
            if value is None and name in _OPTIONAL:
                continue
            kinds = (int,) if name in _WHOLE else (int, float)
            if value is None or type(value) not in kinds or not low <= value < _MAXIMUM:
                kind = "a whole number" if name in _WHOLE else "a number of seconds"
                raise InvalidSetting(
                    f"{name} must be {kind} of at least {low}, not {value!r}", fields=(name,)
                )

        if self.isolation is not None:
            object.__setattr__(self, "isolation", parse_isolation(self.isolation))
        if self.cursor_secret is not None and not _is_secret(self.cursor_secret):
            raise InvalidSetting(
                f"cursor_secret must be a text of at least {_SHORTEST_SECRET} characters",
                hint="such as python -c 'import secrets; print(secrets.token_urlsafe())' prints",
                fields=("cursor_secret",),
            )

    @property
    def capacity(self) -> int:
        """The number of units of work that may run at once."""
        return self.pool_size + self.max_overflow

    @property
    def reader_capacity(self) -> int:
        """The number of readers that may run at once."""
        return self.capacity if self.reader_pool_size is None else self.reader_pool_size


_SHORTEST_SECRET: Final = 16


def _is_secret(value: object) -> bool:
    return isinstance(value, str) and len(value) >= _SHORTEST_SECRET


_WHOLE: Final = frozenset({"pool_size", "max_overflow", "reader_pool_size", "warn_repeated"})
_OPTIONAL: Final = frozenset(
    {"reader_pool_size", "statement_timeout", "lock_timeout", "warn_repeated"}
)
_MAXIMUM: Final = 1e7
_MINIMUM: Final[Mapping[str, float]] = {
    "pool_size": 1,
    "max_overflow": 0,
    "reader_pool_size": 1,
    "pool_timeout": 0.001,
    "pool_recycle": 1,
    "idle_check": 0,
    "connect_timeout": 0.001,
    "statement_timeout": 0.001,
    "lock_timeout": 0.001,
    "health_timeout": 0.001,
    "warn_repeated": 2,
}

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})


def make_settings(**given: Any) -> Settings:
    """Return settings from keywords; raise ``InvalidSetting`` for an unknown name or value."""
    names = [item.name for item in dataclasses.fields(Settings)]
    for name in given:
        if name not in names:
            near = find_nearest(name, names)
            hint = f"did you mean {near!r}?" if near else f"known settings: {', '.join(names)}"
            raise InvalidSetting(f"there is no setting {name!r}", hint=hint, fields=(name,))
    return Settings(**given)


def read_environment(
    environ: Mapping[str, str] | None = None,
) -> tuple[str, str | None, dict[str, Any]]:
    """Return the URL, the readers' URL and the settings from the environment's variables.

    ``DATABASE_URL`` is required, ``DATABASE_READER_URL`` optional. Each setting is read from
    ``DB_`` and its name in capitals. Raises ``InvalidSetting`` if the URL is missing or empty, if a
    value cannot be read, or if a variable looks like a misspelt setting.
    """
    env = os.environ if environ is None else environ
    url = env.get("DATABASE_URL", "").strip()
    if not url:
        raise InvalidSetting(
            "DATABASE_URL is not set",
            hint="set it, for example to sqlite:///shop.db; there is no default, so that a "
            "deployment without it does not start on an empty database",
        )
    known = {f"DB_{item.name.upper()}": item for item in dataclasses.fields(Settings)}
    given: dict[str, Any] = {}
    for variable, text in env.items():
        if variable in known:
            given[known[variable].name] = _parse_variable(variable, text, str(known[variable].type))
        elif variable.startswith("DB_"):
            near = find_nearest(variable, sorted(known), cutoff=0.85)
            if near is not None:
                raise InvalidSetting(
                    f"the environment variable {variable} is no setting",
                    hint=f"did you mean {near}?",
                )
    return url, env.get("DATABASE_READER_URL", "").strip() or None, given


def _parse_variable(variable: str, text: str, annotation: str) -> Any:
    """Convert a variable's text to the type that the setting is annotated with."""
    word = text.strip()
    try:
        if annotation.startswith("bool"):
            if word.lower() not in _TRUE | _FALSE:
                raise ValueError(word)
            return word.lower() in _TRUE
        if "None" in annotation and word.lower() in ("", "none"):
            return None
        if annotation.startswith("int"):
            return int(word)
        if annotation.startswith("float"):
            return float(word)
    except ValueError:
        raise InvalidSetting(
            f"the environment variable {variable} cannot be read as {annotation}"
        ) from None
    return word
