"""From the URL a user writes (``sqlite:///FILE``, ``postgresql://…``) to engines; drivers are named only here."""

from __future__ import annotations

import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, event, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gateway.errors import StartRefused

BUSY_MS = 30_000
#: A connection that was not used for so long may have been closed meanwhile.
RESTED_S = 2.0
#: Execution option: how a SQLite transaction begins; '' for none at all.
BEGIN = "gateway_begin"
_SQLITE_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    f"busy_timeout={BUSY_MS}",
    "foreign_keys=ON",
    "temp_store=MEMORY",
    "cache_size=-8192",
    "journal_size_limit=67108864",
)
_POSTGRESQL_SETTINGS = {
    "application_name": "grok-gateway",
    "timezone": "UTC",
    "jit": "off",  # plans here are short; compiling them costs more than running them
    "lock_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
    "tcp_keepalives_idle": "30",
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where the database is. *shown* may stand in messages and logs: it holds no password."""

    url: URL
    dialect: str
    shown: str

    @property
    def file(self) -> Path:
        """The database file (SQLite)."""
        return Path(self.url.database or "")

    @property
    def dsn(self) -> str:
        """What asyncpg connects to. It reads the parameters (``sslmode``, ``sslrootcert``, ``options``, …) as every PostgreSQL
        client does; SQLAlchemy would hand them on as arguments that nobody takes."""
        return self.url.set(drivername="postgresql").render_as_string(hide_password=False)


def parse(text: str) -> Address:
    """Read the URL. Raises StartRefused with the forms that are taken."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # whose words may be a piece of the password
        raise StartRefused(
            _forms("is not a database URL")
            + "; what is neither letter nor digit in the password is written as in %40 for @"
        ) from None
    match url.get_backend_name():
        case "sqlite":
            if not url.database or url.database == ":memory:":
                raise StartRefused(_forms("names no file"))
            url = url.set(drivername="sqlite+aiosqlite", database=str(Path(url.database).expanduser().absolute()))
            return Address(url, "sqlite", str(url.database))
        case "postgresql" | "postgres":
            url = _with_libpq_names(url.set(drivername="postgresql"))
            return Address(url, "postgresql", _without_passwords(url))
        case other:
            raise StartRefused(_forms(f"names {other}, which is not supported"))


def naming(text: str) -> str:
    """The URL as a setting takes it, with *** for its password. Raises StartRefused."""
    address = parse(text)
    return f"sqlite:///{address.shown}" if address.dialect == "sqlite" else address.shown


def parse_bus(text: str, database: Address) -> Address:
    """Read the address of the server behind a pooler. Raises StartRefused."""
    try:
        bus = parse(text)
    except StartRefused:
        bus = None
    if bus is None or bus.dialect != "postgresql" or database.dialect != "postgresql":
        raise StartRefused(
            "GATEWAY_BUS_URL is only for a GATEWAY_DATABASE_URL that leads through a pooler: give postgresql://… of the server "
            "itself, or leave it away."
        )
    return bus


def _forms(what: str) -> str:
    return f"GATEWAY_DATABASE_URL {what}: give sqlite:///FILE or postgresql://USER:PASSWORD@HOST:5432/NAME"


def _with_libpq_names(url: URL) -> URL:
    """The parameters under the names PostgreSQL's own clients have for them; how long connecting may take is ours to say."""
    url = url.difference_update_query(["connect_timeout"])
    mode = url.query.get("ssl")
    return url if mode is None else url.difference_update_query(["ssl"]).update_query_dict({"sslmode": mode})


def _without_passwords(url: URL) -> str:
    hidden = {name: "***" for name in url.query if "password" in name}
    return url.update_query_dict(hidden).render_as_string()


def prepare_file(file: Path) -> None:
    """Make the database file, readable by its owner only. Raises StartRefused."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as exc:
        why = exc.strerror or type(exc).__name__
        raise StartRefused(f"The database file {file} cannot be opened ({why}); make its directory writable.") from exc
    # Write-ahead logging makes two files beside it.
    if not os.access(file.parent, os.W_OK):
        raise StartRefused(f"The directory {file.parent} is not writable; SQLite makes files beside its database.")


def sqlite_engines(address: Address) -> tuple[AsyncEngine, AsyncEngine]:
    """Return (for writing, for reading): one connection that writes, some that only read and never wait for it."""
    writing = create_async_engine(
        address.url, pool_size=1, max_overflow=0, execution_options={BEGIN: "BEGIN IMMEDIATE"}
    )
    reading = create_async_engine(address.url, pool_size=6, max_overflow=0, **sqlite_reading())
    shape_sqlite(writing.sync_engine)
    shape_sqlite(reading.sync_engine, reading=True)
    return writing, reading


def sqlite_reading() -> dict[str, Any]:
    """Options of an engine that only reads. A read is one statement: beginning and ending a transaction around it would
    double its cost."""
    return {
        "pool_use_lifo": True,
        "isolation_level": "AUTOCOMMIT",
        "skip_autocommit_rollback": True,
        "pool_reset_on_return": None,
        "execution_options": {BEGIN: ""},
    }


def shape_sqlite(engine: Engine, *, reading: bool = False) -> None:
    """Set up every connection of *engine*, and how its transactions begin."""
    pragmas = (*_SQLITE_PRAGMAS[1:], "query_only=ON") if reading else _SQLITE_PRAGMAS

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        if statement := connection.get_execution_options()[BEGIN]:
            connection.exec_driver_sql(statement)


def postgresql_engines(address: Address, *, pooled: bool = False) -> tuple[AsyncEngine, AsyncEngine]:
    """Return (for writing, for reading); they share one pool."""
    writing = postgresql_engine(address, pooled=pooled, pool_size=5, max_overflow=15)
    _ping_what_rested(writing)
    return writing, to_ask(writing, pooled=pooled)


def to_ask(engine: AsyncEngine, *, pooled: bool) -> AsyncEngine:
    """The same for single questions. They need no transaction; only a pooler does, which else may have one session prepare a
    statement and another one execute it."""
    return engine if pooled else engine.execution_options(isolation_level="AUTOCOMMIT")


def _ping_what_rested(engine: AsyncEngine) -> None:
    """So that a server that was restarted costs a reconnect, not a failed request. SQLAlchemy's own ping, before every use,
    is three round trips here; what was used a moment ago is not asked."""
    pool, dialect = engine.sync_engine.pool, engine.sync_engine.dialect

    @event.listens_for(pool, "connect")
    @event.listens_for(pool, "checkin")
    def on_use(_connection: Any, record: Any) -> None:
        record.info["rests_since"] = time.monotonic()

    @event.listens_for(pool, "checkout")
    def on_checkout(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info["rests_since"] < RESTED_S:
            return
        try:
            dialect.do_ping(connection)
        except Exception as exc:
            if dialect.is_disconnect(exc, connection, None):  # type: ignore[arg-type]
                raise DisconnectionError from exc
            raise


def postgresql_engine(address: Address, *, pooled: bool, **pool: Any) -> AsyncEngine:
    """An engine with a pool of its own.

    pooled: a pooler stands before the server and gives each transaction another session: nothing may be kept in one, so
    statements are not prepared under names that a later one would look for, and the session is not shaped.
    """
    shaping: dict[str, Any] = {"server_settings": _POSTGRESQL_SETTINGS}
    if pooled:
        shaping = {
            "statement_cache_size": 0,
            "prepared_statement_cache_size": 0,
            "prepared_statement_name_func": lambda: f"gw_{secrets.token_hex(8)}",
        }
    return create_async_engine(
        "postgresql+asyncpg://",
        pool_timeout=10,
        pool_recycle=1800,
        connect_args={"dsn": address.dsn, **shaping, "timeout": 10},
        **pool,
    )
