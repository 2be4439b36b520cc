"""Downloading the streets of a place as an OSM file; the only home of osmnx, and the only user of the internet here.

What comes is streets with their tags, and gates on them: no barrier lines and no residential land. An extract in
``.osm.pbf`` form has all of it and is the better choice where one can be had.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from geo.errors import DataSourceError

# Tags the rules of `geo.network.osm_rules` read.
_WAY_TAGS: Final = (
    "highway", "foot", "access", "motorroad", "expressway", "sidewalk", "name", "name:zh", "name:en",
    "bridge", "tunnel", "layer", "footway", "path", "cycleway", "crossing", "crossing:signals", "area",
    "indoor", "conveying", "oneway:foot", "foot:forward", "foot:backward", "width", "est_width", "route",
)  # fmt: skip
_NODE_TAGS: Final = (
    "barrier", "foot", "access", "locked", "opening_hours", "foot:conditional", "access:conditional",
    "name", "crossing", "crossing:signals",
)  # fmt: skip


def download_place(place: str, path: Path, *, buffer_m: float = 1500.0) -> Path:
    """Download the streets of a place as an OSM file that `geo.network.osm.read_osm` reads.

    Parameters
    ----------
    place : str
        Name of a place that OSM knows as an area, such as ``张店区, 淄博市``.
    path : Path
        File to write, ending in ``.osm``; overwritten.
    buffer_m : float
        Margin around the place, m, so that walks across its edge are found.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    DataSourceError
        There is no connection, the service refuses, or no such place is known.
    """
    import osmnx  # 1 s to import, and only this command needs it

    with _settings(osmnx.settings), _clear_errors(place):
        area = osmnx.geocode_to_gdf(place)
        centre = area.geometry.iloc[0].representative_point()
        plane = f"+proj=aeqd +lat_0={centre.y} +lon_0={centre.x} +datum=WGS84 +units=m +type=crs"
        grown = area.geometry.to_crs(plane).buffer(buffer_m).to_crs(area.crs).iloc[0]
        graph = osmnx.graph_from_polygon(
            grown, custom_filter='["highway"]', simplify=False, retain_all=True, truncate_by_edge=True
        )
        osmnx.save_graph_xml(graph, path)
    return path


@contextmanager
def _settings(settings: Any) -> Iterator[None]:
    """Have osmnx keep our tags and leave no files behind; its settings are global, so put them back."""
    wanted = {
        "all_oneway": True,
        "use_cache": False,
        "useful_tags_way": list(_WAY_TAGS),
        "useful_tags_node": list(_NODE_TAGS),
    }
    before = {name: getattr(settings, name) for name in wanted}
    try:
        for name, value in wanted.items():
            setattr(settings, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(settings, name, value)


@contextmanager
def _clear_errors(place: str) -> Iterator[None]:
    """Turn what osmnx raises into one clear error."""
    try:
        yield
    except (OSError, ValueError, TypeError) as error:
        # requests' errors are OSErrors; osmnx raises ValueErrors, and a TypeError for a place without an area.
        reason = str(error).strip() or type(error).__name__
        raise DataSourceError(
            f"无法下载“{place}”的道路（{reason}）；请检查网络和地名，或改用 .osm.pbf 文件",
            f'streets of "{place}" cannot be downloaded ({reason}); check connection and name, or use a file',
            place=place,
            reason=reason,
        ) from error
