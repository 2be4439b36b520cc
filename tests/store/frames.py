"""Frames of every layer as intake would bring them, small and seeded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.store import Store, imports, layers
from geo.store.layers import SyncCounts

ON = date(2025, 3, 1)


def frame(data: Mapping[str, object], shapes: object) -> gpd.GeoDataFrame:
    """Build a frame in EPSG:4490 whose columns keep None."""
    made = gpd.GeoDataFrame({name: pd.Series(values) for name, values in data.items()}, geometry=shapes, crs=4490)
    made["import_line"] = np.arange(len(made)) + 2
    return made


def texts(values: list[str | None]) -> pd.Series:
    """Build a text column that keeps None."""
    return pd.Series(values, dtype=object)


def facilities(count: int = 4) -> gpd.GeoDataFrame:
    """Build canteens and care homes, one with everything and the others with less."""
    rows = range(count)
    return frame(
        {
            "id": [str(row + 1) for row in rows],
            "name": texts([f"示范街道第{row + 1}长者食堂" for row in rows]),
            "type": texts(["senior_canteen" if row % 2 else "care_home" for row in rows]),
            "status": texts([None if row else "open" for row in rows]),
            "open_date": pd.Series([date(2020, 5, 1) if row == 0 else None for row in rows], dtype=object),
            "capacity": [120.5 if row == 0 else np.nan for row in rows],
            "capacity_unit": texts(["beds" if row == 0 else None for row in rows]),
            "attributes": texts(['{"nursing_beds": 20}' if row == 0 else None for row in rows]),
            "raw_x": [118.0 + row / 100 for row in rows],
            "raw_y": [36.8 for _ in rows],
            "raw_crs": texts(["EPSG:4490" for _ in rows]),
        },
        shapely.points([118.0 + row / 100 for row in rows], [36.8] * count),
    )


def segments(count: int = 50, seed: int = 7) -> gpd.GeoDataFrame:
    """Build street segments all over a city."""
    random = np.random.default_rng(seed)
    sizes = random.integers(2, 7, count)
    owner = np.repeat(np.arange(count), sizes)
    centre = np.column_stack([random.uniform(117.5, 118.5, count), random.uniform(36.5, 37.2, count)])
    lines = shapely.linestrings(centre[owner] + random.normal(0, 5e-4, (len(owner), 2)), indices=owner)
    return frame(
        {
            "id": [f"w{row}-0" for row in range(count)],
            "feature_id": [f"w{row}" for row in range(count)],
            "part": [0] * count,
            "name": texts(["人民路" if row % 3 == 0 else None for row in range(count)]),
            "name_en": texts([None] * count),
            "kind": texts(["residential" if row % 2 else "footway" for row in range(count)]),
            "foot": texts(["private" if row % 5 == 0 else "public" for row in range(count)]),
            "is_steps": [row % 7 == 0 for row in range(count)],
            "crossing_share": [0.5 if row % 11 == 0 else 0.0 for row in range(count)],
            "oneway_foot": [0] * count,
            "level": [1 if row % 13 == 0 else 0 for row in range(count)],
            "is_bridge": [False] * count,
            "is_tunnel": [False] * count,
            "is_derived": [False] * count,
            "width_m": [3.5 if row % 2 else np.nan for row in range(count)],
            "length_m": random.uniform(5, 300, count),
        },
        lines,
    )


def divisions() -> gpd.GeoDataFrame:
    """Build two counties, one abolished in 2019 by its own file's word, one of two parts."""
    west, east = shapely.box(118, 36, 118.5, 37), shapely.box(118.5, 36, 119, 37)
    island = shapely.box(119.2, 36.2, 119.3, 36.3)
    return frame(
        {
            "id": ["379902", "379903"],
            "code": ["379902", "379903"],
            "name": ["示范东区", "示范西县"],
            "level": ["county", "county"],
            "parent_code": texts(["379900", None]),
            "valid_from": pd.Series([date(2010, 1, 1), None], dtype=object),
            "valid_to": pd.Series([None, date(2019, 6, 30)], dtype=object),
        },
        [shapely.MultiPolygon([east, island]), west],
    )


def demand(count: int = 6) -> gpd.GeoDataFrame:
    """Build demand points, with and without age bands."""
    rows = range(count)
    return frame(
        {
            "id": [f"d{row}" for row in rows],
            "persons": [float(10 + row) for row in rows],
            "persons_60_69": [5.0 if row else np.nan for row in rows],
            "division_code": texts(["379902"] * count),
            "population": texts(["registered"] * count),
            "year": [2023.0 if row else np.nan for row in rows],
        },
        shapely.points([118.1 + row / 1000 for row in rows], [36.81] * count),
    )


def every_layer() -> dict[str, gpd.GeoDataFrame]:
    """Build a frame for each layer."""
    square = shapely.box(118, 36, 118.01, 36.01)
    hole = shapely.Polygon(square.exterior.coords, [shapely.box(118.002, 36.002, 118.004, 36.004).exterior.coords])
    line = shapely.LineString([(118, 36), (118.02, 36.01), (118.02, 36.02)])
    return {
        "admin_divisions": divisions(),
        "facilities": facilities(),
        "facility_footprints": frame({"id": ["1"], "kind": ["building"]}, [hole]),
        "street_segments": segments(),
        "gates": frame(
            {
                "id": ["n1", "n2"],
                "name": texts(["南门", None]),
                "kind": ["gate", "lift_gate"],
                "access": ["hours", "open"],
                "opening_hours": texts(["Mo-Su 06:00-22:00", None]),
            },
            shapely.points([118.0, 118.1], [36.0, 36.1]),
        ),
        "barriers": frame({"id": ["b1"], "kind": ["wall"], "name": texts([None])}, [line]),
        "residential_land": frame(
            {"id": ["r1", "r2"], "name": texts(["和平里", None]), "kind": ["residential", "residential"]},
            [square, shapely.MultiPolygon([square, shapely.box(118.02, 36, 118.03, 36.01)])],
        ),
        "demand_points": demand(),
        "coverage_gaps": frame(
            {
                "id": ["g1", "g2"],
                "run_id": ["cov-2", "cov-2"],
                "type": ["senior_canteen", "care_home"],
                "is_current": [True, True],
                "minutes": [15.0, 15.0],
                "rank": [1, 1],
                "persons": [41.0, 12.0],
                "too_far": [41.0, np.nan],
                "reason": texts(["too_far", None]),
                "division_name": texts(["示范街道", None]),
            },
            [hole, shapely.MultiPolygon([square, shapely.box(118.02, 36, 118.03, 36.01)])],
        ),
        "coverage_cells": frame(
            {
                "id": ["c1", "c2"],
                "run_id": ["cov-2", "cov-2"],
                "type": ["senior_canteen", "senior_canteen"],
                "is_current": [True, True],
                "minutes": [15.0, 15.0],
                "cell_m": [100.0, 200.0],
                "persons": [24.0, 15.0],
                "covered_persons": [12.0, np.nan],
                "uncovered_persons": [12.0, np.nan],
                "covered_share": [0.5, np.nan],
                "mean_walk_s": [660.0, 1500.0],
                "division_code": texts(["379902001", None]),
            },
            [square, shapely.box(118.02, 36, 118.03, 36.01)],
        ),
        "demand_cells": frame(
            {"id": ["p1"], "cell_m": [100.0], "persons": [24.0], "division_code": texts(["379902001"])}, [square]
        ),
    }


def bring_in(
    store: Store,
    layer: str,
    rows: gpd.GeoDataFrame,
    *,
    source: str = "a.csv",
    on: date = ON,
    sha256: str = "00",
    fail: bool = False,
) -> tuple[int, SyncCounts]:
    """Import a frame in one transaction, as services do."""
    with store.session() as session:
        number = imports.register(
            session,
            layer=layer,
            source=source,
            file_name=source,
            sha256=sha256,
            actor="tester",
            parameters="{}",
        )
        counts = layers.sync_layer(session, layer, rows, source=source, import_id=number, on=on)
        imports.finish(session, number, counts, rows_read=len(rows))
        if fail:
            raise RuntimeError("the power fails")
    return number, counts


def read(store: Store, layer: str, **options: object) -> gpd.GeoDataFrame:
    """Read a layer ordered by id."""
    with store.session(write=False) as session:
        found = layers.read_layer(session, layer, **options)  # type: ignore[arg-type]
    return found.sort_values("id", ignore_index=True)


def revision(store: Store, layer: str) -> int:
    """Return a layer's revision."""
    with store.session(write=False) as session:
        return layers.revision(session, layer)
