"""Looking after a store: bringing its schema up to date, backing it up, restoring it."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, Engine, inspect, text
from sqlalchemy.engine import make_url

from geo.errors import ConflictError, DataSourceError
from geo.store import schema
from geo.store.audit_triggers import POSTGIS_FUNCTIONS
from geo.store.case_triggers import POSTGIS_CASE_FUNCTIONS
from geo.store.engine import is_missing, missing_store, open_engine, reading_errors, shown_store, writing
from geo.store.migrations import HEAD
from geo.store.tables import Base

_SCRIPTS = Path(__file__).parent / "migrations"


def has_schema(url: str) -> bool:
    """Tell whether a store has been created, in whatever revision.

    Parameters
    ----------
    url : str
        As for `geo.store.open_store`.

    Returns
    -------
    bool
        False for a database without our tables.

    Raises
    ------
    DataSourceError
        The file or database cannot be read.
    """
    engine = open_engine(url)
    try:
        with reading_errors(url), engine.connect() as connection:
            return schema.schema_revision(connection) is not None
    finally:
        engine.dispose()


def store_id_of(url: str) -> str:
    """Return the id of a store, in whatever revision it is.

    Parameters
    ----------
    url : str
        As for `geo.store.open_store`.

    Returns
    -------
    str
        The id; empty where there is no store.

    Raises
    ------
    DataSourceError
        The file or database cannot be read.
    """
    engine = open_engine(url)
    try:
        with reading_errors(url), engine.connect() as connection:
            if schema.schema_revision(connection) is None:
                return ""
            return str(connection.scalar(text("SELECT value FROM store_info WHERE key = 'store_id'")))
    finally:
        engine.dispose()


def upgrade(url: str) -> str | None:
    """Bring a store's schema to this software's revision, creating it where there is none.

    An embedded store is copied first, next to itself, as ``NAME.before-REVISION.gpkg``.

    Parameters
    ----------
    url : str
        As for `geo.store.open_store`.

    Returns
    -------
    str or None
        The revision the store had, or None when it was created.

    Raises
    ------
    DataSourceError
        The file or database cannot be read, or holds something else.
    ConflictError
        The schema is newer than this software.
    """
    engine = open_engine(url)
    try:
        with reading_errors(url):
            if engine.dialect.name == "sqlite":
                Path(url).expanduser().parent.mkdir(parents=True, exist_ok=True)
            with engine.connect() as connection:
                found = schema.schema_revision(connection)
                empty = found is None and schema.is_empty(connection)
            if found is None and not empty and engine.dialect.name == "sqlite":
                raise DataSourceError(
                    f"“{url}”不是方舆存储，不能升级；允许的是方舆建立的 .gpkg 或尚不存在的路径。",
                    f"'{url}' is no Fangyu store and cannot be upgraded; allowed is one Fangyu made, or a new path.",
                )
            if found is not None and found > HEAD:
                raise ConflictError(
                    f"存储的结构版本为 {found}，比本软件的 {HEAD} 新；请使用更新的软件。",
                    f"The store has schema {found}, newer than this software's {HEAD}; use newer software.",
                )
            if found is None:
                with writing(engine) as connection:
                    schema.create_schema(connection)
            elif found != HEAD:
                if engine.dialect.name == "sqlite":
                    path = Path(url).expanduser()
                    backup(url, str(path.with_name(f"{path.stem}.before-{HEAD}{path.suffix}")))
                migrate(engine)
        return found
    finally:
        engine.dispose()


def migrate(engine: Engine, *, to: str = "head") -> None:
    """Run Alembic's migrations in one transaction.

    Parameters
    ----------
    engine : Engine
        From `geo.store.engine.open_engine`.
    to : str
        Revision to go to.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", _SCRIPTS.as_posix().replace("%", "%%"))
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, to)


def backup(url: str, path: str) -> None:
    """Write a whole, consistent copy of a store while it may be in use.

    Parameters
    ----------
    url : str
        The store.
    path : str
        The file to write: a ``.gpkg`` for an embedded store, a PostgreSQL custom-format dump otherwise; overwritten.

    Raises
    ------
    DataSourceError
        The store cannot be read or the file cannot be written.
    """
    if is_missing(url):
        raise missing_store(url)
    target = Path(path).expanduser()
    partial = target.with_name(target.name + ".partial")
    with reading_errors(url):
        target.parent.mkdir(parents=True, exist_ok=True)
    if "://" in url:
        _run_postgres("pg_dump", url, ["--format=custom", "--no-owner", "--no-privileges", f"--file={partial}"])
        partial.replace(target)
        return
    source = Path(url).expanduser()
    _check_is_store(source)
    partial.unlink(missing_ok=True)
    _copy_sqlite(source, partial)
    partial.replace(target)


def restore(path: str, url: str, *, overwrite: bool = False) -> None:
    """Bring a backup into a store.

    Parameters
    ----------
    path : str
        File that `backup` wrote.
    url : str
        A ``.gpkg`` path, or a PostGIS database that exists.
    overwrite : bool
        Replace the store that is there.

    Raises
    ------
    DataSourceError
        The backup cannot be read, or the store cannot be written.
    ConflictError
        There is a store already and `overwrite` is False.
    """
    open_engine(url).dispose()
    source = Path(path).expanduser()
    if not source.is_file():
        raise DataSourceError(
            f"找不到备份文件“{path}”；允许的是 fangyu backup 写出的文件。",
            f"The backup '{path}' does not exist; allowed is a file that fangyu backup wrote.",
        )
    if "://" in url:
        _restore_postgres(source, url, overwrite=overwrite)
        return
    _check_is_store(source)
    target = Path(url).expanduser()
    if target.exists() and not overwrite:
        raise _taken(url)
    with reading_errors(url):
        target.parent.mkdir(parents=True, exist_ok=True)
    _copy_sqlite(source, target)


def _copy_sqlite(source: Path, target: Path) -> None:
    """Copy with SQLite's online backup, which sees committed changes only, and leave a single file."""
    try:
        with closing(sqlite3.connect(source)) as reading, closing(sqlite3.connect(target)) as writing_:
            reading.backup(writing_)
            writing_.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise DataSourceError(
            f"无法将“{source}”复制到“{target}”：{error}。请检查文件权限和磁盘空间。",
            f"'{source}' cannot be copied to '{target}': {error}. Check permissions and disk space.",
        ) from error


def _check_is_store(path: Path) -> None:
    """Refuse a file that is no whole embedded store."""
    reason = "文件不存在", "no such file"
    if path.is_file():
        try:
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("SELECT value FROM store_info").fetchone()
                if connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok":
                    return
                reason = "文件已损坏", "the file is damaged"
        except sqlite3.Error as error:
            reason = str(error), str(error)
    raise DataSourceError(
        f"“{path}”不是完好的方舆存储（{reason[0]}）；允许的是方舆建立的 .gpkg 文件。",
        f"'{path}' is no sound Fangyu store ({reason[1]}); allowed is a .gpkg file that Fangyu made.",
    )


def _taken(url: str) -> ConflictError:
    """Say that there is a store already."""
    return ConflictError(
        f"“{url}”处已有存储；如要以备份替换，请加 --force。",
        f"There is a store at '{url}' already; add --force to replace it by the backup.",
    )


def _restore_postgres(source: Path, url: str, *, overwrite: bool) -> None:
    """Restore a dump in one transaction: where it fails half-way, the store that was there still is."""
    engine = open_engine(url)
    shown = shown_store(url)
    try:
        with reading_errors(url), engine.connect() as connection:
            ours = [*Base.metadata.tables, "alembic_version"]
            present = [name for name in inspect(connection).get_table_names() if name in ours]
    finally:
        engine.dispose()
    if present and not overwrite:
        raise _taken(shown)
    listed = _run([_program("pg_restore"), "--list", str(source)])
    skipped = (" EXTENSION ", " SCHEMA ", " spatial_ref_sys ")
    kept = [line for line in listed.splitlines() if not any(word in line for word in skipped)]
    functions = (
        "fangyu_raise_version", "fangyu_track", "fangyu_track_truncate", "fangyu_announce", "fangyu_accounts_changed",
        "fangyu_not_removed", "fangyu_keep_hold", *POSTGIS_FUNCTIONS, *POSTGIS_CASE_FUNCTIONS,
    )  # fmt: skip
    clearing = [f'DROP TABLE "{name}" CASCADE;' for name in present]
    clearing += [f"DROP FUNCTION IF EXISTS {name}() CASCADE;" for name in functions]
    with tempfile.TemporaryDirectory() as folder:
        listing, clear, script = (Path(folder) / name for name in ("list", "clear.sql", "dump.sql"))
        listing.write_text("\n".join(kept), encoding="utf-8")
        clear.write_text("\n".join([*clearing, "CREATE EXTENSION IF NOT EXISTS postgis;"]), encoding="utf-8")
        # Written out first: that reads the whole dump, so a damaged one is found before anything is touched.
        options = ["--no-owner", "--no-privileges", f"--use-list={listing}", f"--file={script}", str(source)]
        _run([_program("pg_restore"), *options])
        quietly = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction"]
        _run_postgres("psql", url, [*quietly, f"--file={clear}", f"--file={script}"])


def _run_postgres(program: str, url: str, options: Sequence[str]) -> None:
    """Run a PostgreSQL client program on a store; the password goes through a private file, never the command line."""
    parsed = make_url(url)
    with tempfile.TemporaryDirectory() as folder:
        words = [f"{key}={_quoted(value)}" for key, value in _connection_words(parsed)]
        if parsed.password is not None:
            passfile = Path(folder) / "pass"
            passfile.touch(mode=0o600)
            passfile.write_text("*:*:*:*:" + str(parsed.password).replace("\\", "\\\\").replace(":", "\\:"), "utf-8")
            words.append(f"passfile={_quoted(str(passfile))}")
        _run([_program(program), f"--dbname={' '.join(words)}", *options])


def _connection_words(url: URL) -> list[tuple[str, str]]:
    """List libpq's connection parameters of a URL, without the password."""
    named = {"host": url.host, "port": url.port, "user": url.username, "dbname": url.database}
    words = [(key, str(value)) for key, value in named.items() if value is not None]
    return [*words, *((key, value) for key, value in url.query.items() if isinstance(value, str))]


def _quoted(value: str) -> str:
    """Quote a value for a libpq connection string."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _program(name: str) -> str:
    """Find a PostgreSQL client program: the newest installed one, or the one on the PATH."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: path.parts[-3].zfill(4))
    found = str(installed[-1]) if installed else shutil.which(name)
    if found is None:
        raise DataSourceError(
            f"找不到 PostgreSQL 程序“{name}”；备份和恢复 PostGIS 存储需要安装 PostgreSQL 客户端。",
            f"PostgreSQL's program '{name}' is not installed; backing up and restoring PostGIS needs the client tools.",
        )
    return found


def _run(command: Sequence[str]) -> str:
    """Run a program and return what it wrote."""
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode:
        reason = done.stderr.strip()
        raise DataSourceError(
            f"程序“{Path(command[0]).name}”失败：{reason}。",
            f"The program '{Path(command[0]).name}' failed: {reason}.",
        )
    return done.stdout
