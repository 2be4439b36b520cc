"""A base map of one's own: the public layers that a map is drawn on, in one archive of tiles."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from geo.catalog.map_layer import PUBLIC, map_layers
from geo.errors import DataSourceError, NotFoundError, reason_zh
from geo.services.demo import is_synthetic
from geo.services.served_layer import FeatureQuery
from geo.services.tile_archive import ArchivePlan, write_archive
from geo.store import Session
from geo.store.pages import today

BASEMAP_LAYERS: Final = ("divisions", "streets", "named_roads")
"""What a base map is drawn of: areas, streets, and the names along them."""


@dataclass(frozen=True, slots=True)
class Basemap:
    """A base map that was built.

    Parameters
    ----------
    path : pathlib.Path
        The archive.
    layers : tuple of str
        Its layers.
    tiles : int
        Tiles.
    """

    path: Path
    layers: tuple[str, ...]
    tiles: int


def basemap_path(folder: Path, store_id: str) -> Path:
    """Return where the base map of a store is kept.

    Parameters
    ----------
    folder : pathlib.Path
        Cache folder, which several stores may share.
    store_id : str
        The store's identifier.

    Returns
    -------
    pathlib.Path
        The archive, which need not be there.
    """
    return folder / "basemap" / f"{store_id}.pmtiles"


def find_basemap(folder: Path, store_id: str) -> Path:
    """Return the base map of a store.

    Parameters
    ----------
    folder : pathlib.Path
        Cache folder.
    store_id : str
        The store's identifier.

    Returns
    -------
    pathlib.Path
        The archive.

    Raises
    ------
    NotFoundError
        None was built.
    """
    path = basemap_path(folder, store_id)
    if not path.is_file():
        raise NotFoundError(
            "尚未生成底图；请运行 fangyu basemap build", "there is no base map yet; run fangyu basemap build"
        )
    return path


def build_basemap(
    session: Session,
    path: Path,
    *,
    first_zoom: int | None = None,
    last_zoom: int | None = None,
    check: Callable[[], None] = lambda: None,
) -> Basemap:
    """Build a base map of what everybody may see; it takes its place when it is whole.

    Parameters
    ----------
    session : Session
        A session that only reads.
    path : pathlib.Path
        The archive; an earlier one is replaced.
    first_zoom, last_zoom : int, optional
        Zooms; by default from the first at which a layer is drawn.
    check : callable
        Called before every tile; raises to end the building.

    Returns
    -------
    Basemap
        What was built.

    Raises
    ------
    InputError
        The layers are empty, the zooms do not fit, or there would be too many tiles.
    DataSourceError
        The archive cannot be written.
    """
    # The layer table decides; what it takes from the public is not drawn here either.
    layers = tuple(map_layers()[name] for name in BASEMAP_LAYERS if PUBLIC in map_layers()[name].read)
    is_made_up, day = is_synthetic(session), today()
    mark = "；示例数据（虚构）" if is_made_up else ""
    plan = ArchivePlan(
        layers, FeatureQuery(True, day, day), "方舆底图", f"方舆底图；{day.isoformat()} 生成{mark}", "zh", is_made_up,
        is_internal=False, is_counted=False, first=first_zoom, last=last_zoom,
    )  # fmt: skip
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        tiles = write_archive(session, plan, part, check=check)
        part.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataSourceError(f"无法写出 {path}：{reason_zh(error)}", f"cannot write {path}: {reason}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return Basemap(path, tuple(layer.name for layer in layers), tiles)
