"""The arrays of a coverage run as they lie in the store: Arrow tables, compressed, one a type and band.

What a report needs stands in the run itself, so that a report made later shows the data of the run and not those of
the day it is printed.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import shapely
from shapely.geometry.base import BaseGeometry

from geo.access.gaps import GapList
from geo.access.population import BANDS, Population
from geo.access.status import Certificates
from geo.access.summary import BandRun, CoverageSummary, GroupSummary
from geo.arrays import Float
from geo.services.demand import Demand, Supply

ANY_TYPE: Final = "*"
DEMAND: Final = "demand"
SUPPLY: Final = "supply"
GAPS: Final = "gaps"
BANDS_JSON: Final = "bands"
SMALLEST_LEVEL: Final = "village"


@dataclass(frozen=True, slots=True)
class Item:
    """One stored block.

    Parameters
    ----------
    type, band : str
        What it belongs to; `ANY_TYPE` and the block's own name where it belongs to no single one.
    content : bytes
        The block.
    """

    type: str
    band: str
    content: bytes


@dataclass(frozen=True, slots=True, eq=False)
class StoredDemand:
    """The people of a run.

    Parameters
    ----------
    lon, lat : array of float64, shape (n_demand,)
        Positions in EPSG:4490 degrees.
    population : Population
        People by band.
    """

    lon: Float
    lat: Float
    population: Population


def pack_outcome(
    demand: Demand, types: Sequence[tuple[Supply, Sequence[BandRun], CoverageSummary, GapList]]
) -> Iterator[Item]:
    """Return the blocks of a run.

    Parameters
    ----------
    demand : Demand
        The people.
    types : sequence of tuple
        For each type the open facilities, certificates by band, sums and gaps.

    Yields
    ------
    Item
        Blocks to be stored.
    """
    counts = demand.population.counts
    yield Item(
        ANY_TYPE,
        DEMAND,
        _table(
            {"lon": demand.lon, "lat": demand.lat}
            | {band: np.ascontiguousarray(counts[:, column]) for column, band in enumerate(BANDS)},
            {"unit": str(demand.population.unit)},
        ),
    )
    for supply, band_runs, summary, gaps in types:
        slug = supply.slug
        yield Item(
            slug,
            SUPPLY,
            _table(
                {
                    "id": pa.array(supply.ids.tolist(), pa.string()),
                    "name": pa.array(supply.names.tolist(), pa.string()),
                    "lon": supply.lon,
                    "lat": supply.lat,
                }
            ),
        )
        yield Item(slug, GAPS, _table({"polygon": shapely.to_wkb([gap.polygon for gap in gaps.gaps]).tolist()}))
        bands = [_band_json(band) for band in summary.bands]
        yield Item(slug, BANDS_JSON, zlib.compress(json.dumps(bands, ensure_ascii=False).encode(), 1))
        for run in band_runs:
            yield Item(slug, run.band, _certificates(run.certificates))


def _band_json(band: GroupSummary) -> dict[str, object]:
    """Return one band's sums; villages hold too few people of one band to be published, so they are not kept."""
    kept = [one for one in band.levels if one.membership is None or one.membership.level != SMALLEST_LEVEL]
    rows = [row for level in kept for row in level.rows()]
    if band.outside is not None:
        rows.append(band.outside)
    return {**band.to_json(divisions=False), "divisions": [row.to_json() for row in rows]}


def _certificates(found: Certificates) -> bytes:
    """Pack certificates; single precision keeps a walk of two hours to a millisecond, enough to draw it."""
    return _table(
        {
            "status": found.status,
            "facility": found.facility,
            "walk_m": found.walk_m.astype(np.float32),
            "walk_s": found.walk_s.astype(np.float32),
        }
    )


def _table(columns: Mapping[str, object], facts: Mapping[str, str] | None = None) -> bytes:
    """Write columns as one compressed Arrow stream."""
    table = pa.table(dict(columns)).replace_schema_metadata(dict(facts or {}))
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def read_table(content: bytes) -> pa.Table:
    """Read a block back.

    Parameters
    ----------
    content : bytes
        Bytes of `Item.content`, but not of the JSON block.

    Returns
    -------
    pyarrow.Table
        The columns, with facts in the schema's metadata.
    """
    return pa.ipc.open_stream(content).read_all()


def read_demand_block(content: bytes) -> StoredDemand:
    """Read the people of a run.

    Parameters
    ----------
    content : bytes
        The demand block.

    Returns
    -------
    StoredDemand
        Positions and people by band.
    """
    table = read_table(content)
    unit = int(table.schema.metadata[b"unit"])
    counts = np.column_stack([table[band].to_numpy() for band in BANDS]).astype(np.int64)
    return StoredDemand(table["lon"].to_numpy(), table["lat"].to_numpy(), Population(counts, unit))


def read_bands_block(content: bytes) -> list[dict[str, object]]:
    """Read the sums by band and division.

    Parameters
    ----------
    content : bytes
        The JSON block.

    Returns
    -------
    list of dict
        One entry a band.
    """
    bands: list[dict[str, object]] = json.loads(zlib.decompress(content))
    return bands


def read_gap_polygons(content: bytes) -> list[BaseGeometry]:
    """Read the polygons of the gaps, in the order of their ranks.

    Parameters
    ----------
    content : bytes
        The gap block.

    Returns
    -------
    list of BaseGeometry
        Polygons in EPSG:4490 degrees.
    """
    return list(shapely.from_wkb(read_table(content)["polygon"].to_pylist()))
