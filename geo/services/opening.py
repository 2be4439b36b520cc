"""Opening, migrating, saving and restoring stores."""

from __future__ import annotations

from pathlib import Path

from geo.errors import DataSourceError
from geo.services.outside_check import check_rows
from geo.store import Store, engine, maintenance, open_store, state
from geo.store.migrations import HEAD

read_fact = state.read_fact
write_fact = state.write_fact


def require_store(url: str) -> None:
    """Refuse a store that is a file and not there.

    Parameters
    ----------
    url : str
        A ``.gpkg`` path or a PostgreSQL URL.

    Raises
    ------
    InputError
        The url is neither.
    DataSourceError
        The file does not exist.
    """
    if engine.is_missing(url):
        raise engine.missing_store(url)


def is_missing(url: str) -> bool:
    """Tell whether a store is a file that is not there.

    Parameters
    ----------
    url : str
        A ``.gpkg`` path or a PostgreSQL URL.

    Returns
    -------
    bool
        False for databases.

    Raises
    ------
    InputError
        The url is neither.
    """
    return engine.is_missing(url)


def open_checked(url: str, *, actor: str, create: bool = True) -> Store:
    """Open a store; rows edited outside Fangyu, in QGIS for instance, are held against the catalogue.

    Parameters
    ----------
    url : str
        A ``.gpkg`` path (made or migrated as needed) or a PostgreSQL URL.
    actor : str
        Who opens it.
    create : bool
        Make a missing ``.gpkg``.

    Returns
    -------
    Store
        The open store; ``outside_edits`` tells what was edited since the last opening, and what is wrong with it.

    Raises
    ------
    InputError
        The url is neither.
    DataSourceError
        The store cannot be read.
    ConflictError
        The database awaits ``fangyu db upgrade``.
    """
    return open_store(url, create=create, actor=actor, check=check_rows)


def upgrade_store(url: str) -> str:
    """Create or migrate a store's schema; an embedded store is copied first.

    Parameters
    ----------
    url : str
        A ``.gpkg`` path or a PostgreSQL URL.

    Returns
    -------
    str
        The revision the schema has now.

    Raises
    ------
    DataSourceError
        The store cannot be read.
    ConflictError
        Its schema is newer than this software.
    """
    maintenance.upgrade(url)
    return HEAD


def create_if_missing(url: str) -> None:
    """Create the schema in a database that has none; any other store is left alone.

    Parameters
    ----------
    url : str
        A ``.gpkg`` path or a PostgreSQL URL.

    Raises
    ------
    DataSourceError
        The database cannot be read.
    """
    if not maintenance.has_schema(url):
        maintenance.upgrade(url)


def backup_store(url: str, path: Path) -> int:
    """Write a whole, consistent copy of a store while it may be in use.

    Parameters
    ----------
    url : str
        The store.
    path : pathlib.Path
        The file; overwritten.

    Returns
    -------
    int
        Its size in bytes.

    Raises
    ------
    DataSourceError
        The store cannot be read or the file cannot be written.
    """
    maintenance.backup(url, str(path))
    return path.stat().st_size


def restore_store(path: Path, url: str, *, force: bool = False) -> None:
    """Bring a backup into a store.

    Parameters
    ----------
    path : pathlib.Path
        File that `backup_store` wrote.
    url : str
        A ``.gpkg`` path, or a PostGIS database that exists.
    force : bool
        Replace what is there.

    Raises
    ------
    DataSourceError
        There is no such backup, or it cannot be restored.
    ConflictError
        The store holds data and `force` is not given.
    """
    if not path.exists():
        raise DataSourceError(f"找不到备份文件 {path}", f"there is no backup {path}")
    maintenance.restore(str(path), url, overwrite=force)


def store_id_of(url: str) -> str:
    """Return the id of a store, in whatever revision it is.

    Parameters
    ----------
    url : str
        A ``.gpkg`` path or a PostgreSQL URL.

    Returns
    -------
    str
        The id; empty where there is no store.

    Raises
    ------
    DataSourceError
        The store cannot be read.
    """
    return maintenance.store_id_of(url)
