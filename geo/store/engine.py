"""Opening a store: one GeoPackage file, or a PostGIS database."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from geo.errors import BusyError, ConflictError, DataSourceError, InputError
from geo.store import origin, schema
from geo.store.functions import register_functions
from geo.store.migrations import HEAD

if TYPE_CHECKING:
    import psycopg

    from geo.store.outside import OutsideEdit, RowCheck
    from geo.store.outside_holds import HoldRecord
    from geo.store.watch import RevisionWatch

StoreKind = Literal["gpkg", "postgis"]

_READERS, _WRITERS = 6, 2
"""Connections to PostgreSQL that a process keeps, and as many again under load: six workers fit its usual hundred."""
_IDLE_S = 1.0
"""A connection that lay idle for longer is asked whether it still lives before it is used."""
_READER_SETTINGS = (
    # Reading sessions see one unchanging state and cannot write.
    "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
    # Starting workers, compiling code and planning for any box at all each take longer than a page itself: 20 ms,
    # 25 ms, and 650 ms where the plan for an unknown box sorts the layer.
    "SET jit = off",
    "SET max_parallel_workers_per_gather = 0",
    "SET plan_cache_mode = force_custom_plan",
)
_POOL_S = 10.0
"""How long a request waits for one of them."""
_BUSY_MS = 30_000
"""How long a writer waits for another one."""

_watches: list[RevisionWatch] = []
"""Watches of this process: what one open store commits is news to another one of the same database."""


class Store:
    """An open store.

    Parameters
    ----------
    engine : Engine
        Engine made by `open_engine`.
    url : str
        What the store was opened with.
    actor : str
        Who works with it; stands in imports, runs and the audit log.
    """

    def __init__(self, engine: Engine, url: str, actor: str) -> None:
        self._engine = engine
        # Set up once a connection rather than once a session, which took a third of the time of making a tile.
        self._reader = engine if engine.dialect.name == "sqlite" else _postgres_reader(engine.url)
        self.url = url
        self.outside_edits: tuple[OutsideEdit, ...] = ()
        self.outside_holds: tuple[HoldRecord, ...] = ()
        self.actor = actor
        self.kind: StoreKind = "gpkg" if engine.dialect.name == "sqlite" else "postgis"
        self._watch: RevisionWatch | None = None
        with engine.connect() as connection:
            self.store_id = str(connection.scalar(text("SELECT value FROM store_info WHERE key = 'store_id'")))

    @contextlib.contextmanager
    def session(self, *, write: bool = True, on_behalf_of: str | None = None) -> Iterator[Session]:
        """Work in one transaction: committed at the end of the block, rolled back if it raises.

        Parameters
        ----------
        write : bool
            False reads one unchanging state of the store and refuses to write.
        on_behalf_of : str, optional
            Whom the person at work stands in for; stands in every entry of the audit that this transaction makes.

        Yields
        ------
        Session
            To be handed to repositories and services, which never commit.
        """
        bound = self._engine.execution_options(fangyu_write=True) if write else self._reader
        made = Session(bound, expire_on_commit=False, info={"actor": self.actor, "on_behalf_of": on_behalf_of})
        try:
            with _driver_errors(self.url), made as session, session.begin():
                first = origin.start_writing(session) if write else None
                # Before anything is decided on it: what is published is what was published by right.
                holds = origin.hold_outside(session) if write else []
                yield session
                if first is not None:
                    session.flush()
                    origin.claim_journal(session.connection(), first)
            self.outside_holds += tuple(holds)
        finally:
            if write:
                for watch in tuple(_watches):
                    watch.doubt()

    def watch(self) -> RevisionWatch:
        """Return what knows the present state of every layer, for those who ask often.

        Returns
        -------
        RevisionWatch
            Begun with the first call, ended by `close`.
        """
        if self._watch is None:
            from geo.store.watch import watch_revisions

            self._watch = watch_revisions(self._engine)
            _watches.append(self._watch)
        return self._watch

    @contextlib.contextmanager
    def aside(self) -> Iterator[Session]:
        """Write a word beside the map, in a transaction that on PostGIS waits for no other writer.

        For short notes in tables that are no layers, such as the progress of a job whose own transaction is open.

        Yields
        ------
        Session
            Committed at the end of the block, rolled back if it raises.
        """
        if self.kind == "gpkg":
            with self.session() as session:
                yield session
            return
        made = Session(self._engine, expire_on_commit=False)
        with _driver_errors(self.url), made as session, session.begin():
            yield session

    def close(self) -> None:
        """Close every connection; the embedded file is left alone and whole, without ``-wal`` and ``-shm``."""
        if self._watch in _watches:
            _watches.remove(self._watch)
            self._watch.close()
        self._engine.dispose()
        if self.kind == "postgis":
            self._reader.dispose()
            return
        # Another process may have the file open; then the last one to leave cleans up.
        with contextlib.suppress(sqlite3.Error):
            connection = sqlite3.connect(_file_of(self.url), isolation_level=None, timeout=0.2)
            try:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                connection.execute("PRAGMA journal_mode = DELETE")
            finally:
                connection.close()

    def __enter__(self) -> Self:
        """Return the store itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the store."""
        self.close()


def open_store(url: str, *, create: bool = True, actor: str = "fangyu", check: RowCheck | None = None) -> Store:
    """Open a store, creating or migrating an embedded one as needed.

    Parameters
    ----------
    url : str
        Path of a ``.gpkg`` file, or ``postgresql+psycopg://user@host/database``.
    create : bool
        Create a missing ``.gpkg``; a PostGIS database is only ever prepared by `geo.store.maintenance.upgrade`.
    actor : str
        Who works with it.
    check : callable, optional
        A further check of rows that were edited outside, for `geo.store.outside.absorb`.

    Returns
    -------
    Store
        To be closed, or used in a ``with`` block; ``outside_edits`` tells what was edited outside since the last time,
        and ``outside_holds`` which of it concerns legal records and was put back.

    Raises
    ------
    InputError
        The url is neither.
    DataSourceError
        The file or database cannot be read, or is no store.
    ConflictError
        The schema is newer than this software, or the database awaits ``fangyu db upgrade``.
    """
    engine = open_engine(url)
    is_file = engine.dialect.name == "sqlite"
    if is_file and not create and not _file_of(url).exists():
        raise missing_store(url)
    try:
        with reading_errors(url):
            if is_file and not _file_of(url).exists():
                _file_of(url).parent.mkdir(parents=True, exist_ok=True)
            with engine.connect() as connection:
                found = schema.schema_revision(connection)
                empty = found is None and schema.is_empty(connection)
            if is_file and empty:
                with writing(engine) as connection:
                    if schema.is_empty(connection):
                        schema.create_schema(connection)
                found = HEAD
            _check_revision(url, found, is_file=is_file, empty=empty)
            if found != HEAD:
                from geo.store.maintenance import upgrade

                upgrade(url)
            if is_file:
                _use_wal(engine)
            store = Store(engine, url, actor)
            store.outside_edits = _absorb(store, check)
            return store
    except BaseException:
        engine.dispose()
        raise


def missing_store(url: str) -> DataSourceError:
    """Say that a store does not exist, and how one is made.

    Parameters
    ----------
    url : str
        Path of the ``.gpkg``.

    Returns
    -------
    DataSourceError
        To be raised.
    """
    return DataSourceError(
        f"找不到数据存储“{url}”；请核对 --store 的路径。"
        "新存储由第一次导入（fangyu import …）或 fangyu db upgrade 建立。",
        f"The store '{url}' does not exist; check the path given with --store. The first import (fangyu import …) or "
        "fangyu db upgrade makes a new one.",
        store=url,
    )


def is_missing(url: str) -> bool:
    """Tell whether a store is a file that is not there.

    Parameters
    ----------
    url : str
        As for `open_store`.

    Returns
    -------
    bool
        False for databases, of which only the server knows.
    """
    engine = open_engine(url)
    engine.dispose()
    return engine.dialect.name == "sqlite" and not _file_of(url).exists()


def canceller(session: Session) -> Callable[[], None]:
    """Return what stops a session's running query from another thread.

    Parameters
    ----------
    session : Session
        A session of a store.

    Returns
    -------
    callable
        Stops the query, which then raises in its own thread; does nothing when none is running.
    """
    driver = session.connection().connection.driver_connection
    if isinstance(driver, sqlite3.Connection):
        return driver.interrupt
    import psycopg

    assert isinstance(driver, psycopg.Connection)
    return driver.cancel


def open_engine(url: str) -> Engine:
    """Make the SQLAlchemy engine for a store without looking into it.

    Parameters
    ----------
    url : str
        As for `open_store`.

    Returns
    -------
    Engine
        With the events that give SQLite real transactions and the ST_ functions.

    Raises
    ------
    InputError
        The url is neither a ``.gpkg`` path nor a PostgreSQL URL.
    """
    if url.startswith(("postgresql://", "postgresql+psycopg://")):
        import geoalchemy2  # noqa: F401 - its DDL hooks must be there before the first table is made

        try:
            address = make_url(url)
        except (ArgumentError, ValueError):
            raise _no_store(url) from None
        return _postgres_engine(address, _WRITERS)
    if "://" in url or not url.lower().endswith(".gpkg"):
        raise _no_store(url)
    engine = create_engine(f"sqlite:///{_file_of(url).as_posix()}")
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgres_engine(url: URL, connections: int) -> Engine:
    """Make an engine whose connections are asked whether they live, unless they were at work a moment ago."""
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"), pool_size=connections, max_overflow=connections, pool_timeout=_POOL_S
    )

    @event.listens_for(engine, "checkin")
    def left(connection: object, record: ConnectionPoolEntry) -> None:
        record.info["left"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def taken(connection: DBAPIConnection, record: ConnectionPoolEntry, proxy: object) -> None:
        since = record.info.get("left")
        if since is None or time.monotonic() - since < _IDLE_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except Exception as error:
            # The server was most likely restarted: the others are dead, too.
            raise InvalidatePoolError from error

    return engine


def _postgres_reader(url: URL) -> Engine:
    """Make the engine of those who only read."""
    engine = _postgres_engine(url, _READERS)

    @event.listens_for(engine, "connect")
    def settle(connection: psycopg.Connection[object], record: object) -> None:
        with connection.cursor() as cursor:
            for setting in _READER_SETTINGS:
                cursor.execute(setting)
        connection.commit()

    return engine


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a writing transaction without a session, for schema work.

    Parameters
    ----------
    engine : Engine
        From `open_engine`.

    Yields
    ------
    Connection
        Committed at the end of the block, rolled back if it raises.
    """
    with engine.execution_options(fangyu_write=True).begin() as connection:
        # What a migration changes in a legal layer is no edit from outside.
        first = origin.declare(connection)
        yield connection
        origin.claim_journal(connection, first)


@contextlib.contextmanager
def reading_errors(url: str) -> Iterator[None]:
    """Turn the driver's complaints about an unreadable store into one of ours.

    Parameters
    ----------
    url : str
        The store, for the message.

    Yields
    ------
    None
        Nothing.

    Raises
    ------
    DataSourceError
        The file or database cannot be read.
    """
    try:
        yield
    except (DBAPIError, OSError) as error:
        if not isinstance(error, OSError) and not _is_operational(error):
            raise
        shown = shown_store(url)
        reason = str(error.orig if isinstance(error, DBAPIError) else error).strip()
        raise DataSourceError(
            f"无法打开存储“{shown}”：{reason}。允许的是可读写的方舆 .gpkg 文件或可连接的 PostGIS 数据库。",
            f"The store '{shown}' cannot be opened: {reason}. Allowed are a readable and writable Fangyu .gpkg file "
            "or a PostGIS database that answers.",
            store=shown,
        ) from error


@contextlib.contextmanager
def _driver_errors(url: str) -> Iterator[None]:
    """Say in words that the disk is full, the file damaged, the lock taken or the server gone."""
    try:
        yield
    except PoolTimeoutError as error:
        raise BusyError(
            "数据库连接已用完，请稍后重试", "every connection to the database is in use; ask again in a moment"
        ) from error
    except Exception as error:
        if not _is_operational(error):
            raise
        shown = shown_store(url)
        reason = str(error.orig if isinstance(error, DBAPIError) else error).strip()
        raise DataSourceError(
            f"存储“{shown}”读写失败：{reason}。本次操作未写入任何数据；请检查磁盘空间、文件是否完好、是否被其他程序占用。",
            f"The store '{shown}' failed: {reason}. Nothing of this operation was stored; check disk space, whether "
            "the file is sound, and whether another program holds it.",
            store=shown,
        ) from error


def _is_operational(error: Exception) -> bool:
    """Tell a failing file or server from a mistake of ours, for errors of SQLAlchemy and of both drivers."""
    if any(kind.__name__ == "OperationalError" for kind in type(error).__mro__):
        return True
    is_ours = isinstance(error, (DBAPIError, sqlite3.DatabaseError))
    return is_ours and any(word in str(error) for word in ("not a database", "malformed"))


def shown_store(url: str) -> str:
    """Write a store's address without its password, however wrong the address may be.

    Parameters
    ----------
    url : str
        What was given as a store.

    Returns
    -------
    str
        The same with ``***`` for passwords; a path as it is.
    """
    if "://" not in url:
        return url
    # The last @ ends the password, which may hold others; the user's name may be empty.
    without = re.sub(r"(://[^:/?#]*):.*@", r"\1:***@", url, flags=re.DOTALL)
    return re.sub(r"([?&](?:password|passfile|sslpassword)=)[^&]*", r"\1***", without)


def _no_store(url: str) -> InputError:
    """Say that an address is none of a store."""
    shown = shown_store(url)
    return InputError(
        f"无法识别的存储“{shown}”；允许的是 .gpkg 文件路径或 postgresql+psycopg:// 地址。",
        f"'{shown}' is no store; allowed are a .gpkg path or a postgresql+psycopg:// URL.",
    )


def _absorb(store: Store, check: RowCheck | None) -> tuple[OutsideEdit, ...]:
    """Take note of what was edited outside, and mend what an outside program may have taken off."""
    with store.session(write=False) as session:
        mend = store.kind == "gpkg" and schema.needs_mending(session.connection())
        unclaimed = text("SELECT 1 FROM change_journal WHERE origin IS NULL LIMIT 1")
        if session.scalar(unclaimed) is None and not mend:
            return ()
    from geo.store import outside  # geopandas takes half a second to import, and is seldom needed here

    with store.session() as session:
        if mend:
            from geo.store import audit

            found = json.dumps({"triggers": schema.mend(session.connection())})
            audit.append(session, "outside", "triggers were missing", "store", found)
        return tuple(outside.absorb(session, check))


def _check_revision(url: str, found: str | None, *, is_file: bool, empty: bool) -> None:
    """Refuse what is no store, is newer than we are, or has to be upgraded by hand."""
    if found is None and is_file:
        raise DataSourceError(
            f"“{url}”是 SQLite 文件，但不是方舆存储；允许的是方舆建立的 .gpkg 或尚不存在的路径。",
            f"'{url}' is an SQLite file but no Fangyu store; allowed is a .gpkg that Fangyu made, or a new path.",
        )
    shown = shown_store(url)
    if found is not None and found > HEAD:
        raise ConflictError(
            f"存储“{shown}”的结构版本为 {found}，比本软件的 {HEAD} 新；请使用更新的软件打开。",
            f"The store '{shown}' has schema {found}, newer than this software's {HEAD}; open it with newer software.",
        )
    if found != HEAD and not is_file:
        raise ConflictError(
            f"数据库“{shown}”的结构版本为 {found or '无'}，需要 {HEAD}；请先运行 fangyu db upgrade。",
            f"The database '{shown}' has schema {found or 'none'}, needed is {HEAD}; run fangyu db upgrade first.",
        )


def _file_of(url: str) -> Path:
    """Return the path of an embedded store."""
    return Path(url).expanduser()


def _prepare_sqlite(connection: sqlite3.Connection, record: object) -> None:
    """Set up one SQLite connection."""
    # sqlite3 would begin transactions by itself, but not before DDL or SELECT: we send BEGIN ourselves.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA cache_size = -131072")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA threads = 2")
    register_functions(connection)


def _use_wal(engine: Engine) -> None:
    """Let readers and one writer work side by side; only ever done to a file known to be a store."""
    engine.dispose()
    event.listen(engine, "connect", _prepare_wal)


def _prepare_wal(connection: sqlite3.Connection, record: object) -> None:
    """Switch one connection to the write-ahead log, where another process has not done so already."""
    # SQLite does not wait here for a process that is just opening or leaving the file, whatever the busy timeout says.
    until = time.monotonic() + _BUSY_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.02)


def _begin_sqlite(connection: Connection) -> None:
    """Begin for real: writers take the lock at once, so that two never deadlock half-way."""
    write = bool(connection.get_execution_options().get("fangyu_write"))
    if connection.info.get("writes") is not write:
        # Only where it is another one than before: the pragma makes SQLite compile every kept statement again.
        connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if write else 'ON'}")
        connection.info["writes"] = write
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
