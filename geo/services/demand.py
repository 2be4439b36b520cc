"""The demand and the supply of a store as arrays: what every coverage question starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt

from geo.access.population import Population, build_population
from geo.arrays import Float, Int, Int32
from geo.catalog.load import facility_type
from geo.errors import ConflictError
from geo.kernels.curve import hilbert_index
from geo.store import Session, layers

PERSON_COLUMNS = (
    "persons",
    "persons_60_69",
    "persons_70_79",
    "persons_80_plus",
    "persons_able",
    "persons_partly",
    "persons_unable",
)
# Cells of about a metre in a city of a hundred kilometres.
CURVE_ORDER: Final = 17
Text = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True, eq=False)
class Demand:
    """Where older people live, neighbours next to each other.

    Parameters
    ----------
    ids : array of object, shape (n_demand,)
        Ids as in the input.
    place : array of int64, shape (n_demand,)
        Place of each point in the order of the imports and of their rows, which people expect lists in.
    lon, lat : array of float64, shape (n_demand,)
        Positions in EPSG:4490 degrees.
    population : Population
        People by band.
    fids : array of int64, shape (n_demand,)
        Keys of their rows in the store.
    kinds : tuple of str
        Kinds of population of the imports, such as ``resident``.
    years : tuple of int
        Years of the imports.
    """

    ids: Text
    place: Int
    lon: Float
    lat: Float
    population: Population
    fids: Int
    kinds: tuple[str, ...]
    years: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Supply:
    """The open facilities of one type, in the order of ties.

    Parameters
    ----------
    slug : str
        Catalogue slug.
    ids, names : array of object, shape (n_facilities,)
        Ids as in the input, and names.
    lon, lat : array of float64, shape (n_facilities,)
        Positions in EPSG:4490 degrees.
    n_recorded : int
        Facilities of the type in the store, open or not.
    """

    slug: str
    ids: Text
    names: Text
    lon: Float
    lat: Float
    n_recorded: int

    @property
    def n_open(self) -> int:
        """Number of open facilities."""
        return int(self.ids.size)


def read_demand(session: Session) -> Demand:
    """Read the demand points of a store.

    Parameters
    ----------
    session : Session
        Any session.

    Returns
    -------
    Demand
        Points along a curve through their positions, which depends on nothing but the points and their order.

    Raises
    ------
    ConflictError
        The store holds no demand points, or some without a position.
    """
    columns_read = ("id", *PERSON_COLUMNS, "population", "year", "import_id", "import_line")
    frame = layers.read_layer(session, "demand_points", columns=columns_read)
    if frame.empty:
        raise ConflictError(
            "数据存储中还没有老年人需求点；请先用 fangyu import demand 导入",
            "the store has no demand points yet; import them with fangyu import demand",
        )
    # The store keeps rows in an order of its own.
    frame = frame.iloc[np.lexsort((frame["import_line"].to_numpy(), frame["import_id"].to_numpy()))]
    lon, lat = positions(frame)
    nowhere = int(np.isnan(lon).sum())
    if nowhere:
        # Leaving them out would shrink the denominator; placing them anywhere would be a guess.
        raise ConflictError(
            f"{nowhere:,} 个需求点没有位置（可能在其他软件中被改动），请补上位置或撤销该次修改后再计算",
            f"{nowhere:,} demand points have no position (edited elsewhere?); give them one before computing",
            rows=nowhere,
        )
    place = in_space(lon, lat)
    frame, lon, lat = frame.iloc[place], lon[place], lat[place]
    columns = {name: frame[name].to_numpy(dtype=np.float64) for name in PERSON_COLUMNS}
    years = frame["year"].dropna().unique()
    return Demand(
        ids=frame["id"].to_numpy(dtype=object),
        place=place,
        lon=lon,
        lat=lat,
        population=build_population(columns, len(frame)),
        fids=frame["fid"].to_numpy(dtype=np.int64),
        kinds=tuple(sorted(str(kind or "unstated") for kind in frame["population"].unique())),
        years=tuple(sorted(int(year) for year in years)),
    )


def in_space(lon: Float, lat: Float) -> Int:
    """Return the order in which points that lie together stand together.

    Neighbours share streets, divisions and cells: a run over a city is a quarter faster when they share the processor's
    cache, too.

    Parameters
    ----------
    lon, lat : array of float64, shape (n,)
        Positions in degrees, finite.

    Returns
    -------
    array of int64, shape (n,)
        Positions of the points along a Hilbert curve; points of one curve cell in their order.
    """
    curve = hilbert_index(np.ascontiguousarray(lon), np.ascontiguousarray(lat), CURVE_ORDER)
    return np.argsort(curve, kind="stable")


def read_supply(session: Session, slug: str, on: date) -> Supply:
    """Read the facilities of one type that are open on a date.

    A facility is open when its status is open or blank, it has opened by then and has not closed. One whose status is
    closed counts as open before its closing date; planned, building and suspended ones never do.

    Parameters
    ----------
    session : Session
        Any session.
    slug : str
        Catalogue slug.
    on : datetime.date
        The date.

    Returns
    -------
    Supply
        Facilities, lowest id first: ids that are whole numbers by value, then all others as text.

    Raises
    ------
    NotFoundError
        The catalogue has no such type.
    """
    facility_type(slug)
    frame = layers.read_layer(
        session,
        "facilities",
        columns=("id", "name", "status", "open_date", "close_date"),
        on=on,
        where={"type": slug},
    )
    recorded = len(frame)
    frame = frame[is_open(frame, on) & frame.geometry.notna() & ~frame.geometry.is_empty]
    frame = frame.iloc[tie_order(frame["id"].tolist())]
    lon, lat = positions(frame)
    return Supply(
        slug=slug,
        ids=frame["id"].to_numpy(dtype=object),
        names=frame["name"].to_numpy(dtype=object),
        lon=lon,
        lat=lat,
        n_recorded=recorded,
    )


def is_open(frame: gpd.GeoDataFrame, on: date) -> npt.NDArray[np.bool_]:
    """Tell which facilities are open on a date, as `read_supply` defines it.

    Parameters
    ----------
    frame : GeoDataFrame
        Facilities with ``status``, ``open_date`` and ``close_date``.
    on : datetime.date
        The date.

    Returns
    -------
    array of bool, shape (n,)
        True for open ones.
    """
    judged = zip(frame["status"], frame["open_date"], frame["close_date"], strict=True)
    return np.fromiter((is_open_on(*row, on) for row in judged), np.bool_, len(frame))


def is_open_on(status: object, opened: object, closed: object, on: date) -> bool:
    """Tell whether one facility is open on a date.

    Parameters
    ----------
    status : object
        Its stated status; nothing counts as open.
    opened, closed : object
        Dates, where stated.
    on : datetime.date
        The date.

    Returns
    -------
    bool
        True when it is.
    """
    if isinstance(opened, date) and on < opened:
        return False
    if isinstance(closed, date):
        return on < closed and status in (None, "", "open", "closed")
    return status in (None, "", "open")


def tie_order(ids: Sequence[object]) -> list[int]:
    """Return the order in which equally near facilities are preferred.

    Parameters
    ----------
    ids : sequence of object
        Ids as text.

    Returns
    -------
    list of int
        Positions: ids that are whole numbers by value first, then all others as text.
    """

    def key(position: int) -> tuple[int, int, str, int]:
        text = str(ids[position])
        number = int(text) if text.isascii() and text.isdigit() else 0
        return (0 if number or text == "0" else 1, number, text, position)

    return sorted(range(len(ids)), key=key)


def positions(frame: gpd.GeoDataFrame) -> tuple[Float, Float]:
    """Return the coordinates of points; NaN where a row has none.

    Parameters
    ----------
    frame : GeoDataFrame
        Points.

    Returns
    -------
    tuple of two arrays of float64, shape (n,)
        Longitudes and latitudes in degrees.
    """
    import shapely

    geometry = np.asarray(frame.geometry.array, dtype=object)
    points = shapely.is_empty(geometry) | shapely.is_missing(geometry)
    x, y = np.full(len(frame), np.nan), np.full(len(frame), np.nan)
    x[~points], y[~points] = shapely.get_x(geometry[~points]), shapely.get_y(geometry[~points])
    return x, y


def ranks(n: int) -> Int32:
    """Return the ranks of facilities that already stand in the order of ties.

    Parameters
    ----------
    n : int
        Number of facilities.

    Returns
    -------
    array of int32, shape (n,)
        0 … n-1.
    """
    return np.arange(n, dtype=np.int32)
