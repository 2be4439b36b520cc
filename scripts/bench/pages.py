"""Pages and counts of a layer of 360,000 polygons: ``python scripts/bench/pages.py STORE [--rows N]``.

STORE is the path of a ``.gpkg`` that does not exist yet, or the URL of an empty PostGIS store; it is filled first.
Goal G5: a page of 1,000 rows within 25 ms (p95), page 300 within 20 % of page 1.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from geo.store import Store, imports, layers, maintenance, open_store
from geo.store.cql2 import compile_filter
from geo.store.layer import ColumnKind, layer
from geo.store.matched import count_rows
from geo.store.pages import PageKey, RowChoice, Sort, read_page, today

SPEC = layer("residential_land")
COLUMNS = ["id", "name", "kind", "valid_from", "valid_to"]
FIELDS: dict[str, ColumnKind] = {"id": "text", "name": "text", "kind": "text"}
RUNS = 60
_CORNERS = ((0, 0), (1, 0), (1, 1), (0.5, 1.1), (0, 1), (0, 0))
_RING = "117.9 36.9,118.1 36.9,118.12 37,118.1 37.1,117.9 37.1,117.9 36.9"


def fill(store: Store, rows: int) -> None:
    """Store a grid of small polygons with five corners, as land parcels are."""
    side = int(np.ceil(np.sqrt(rows)))
    x, y = (axis.ravel()[:rows] for axis in np.meshgrid(np.arange(side), np.arange(side)))
    x, y = 117 + x / side * 2, 36 + y / side * 2
    width = 1.6 / side
    corners = np.stack(
        [
            np.stack([x + dx * width, y + dy * width], 1)
            for dx, dy in ((0, 0), (1, 0), (1, 1), (0.5, 1.1), (0, 1), (0, 0))
        ],
        axis=1,
    )
    number = np.arange(rows)
    frame = gpd.GeoDataFrame(
        {
            "id": number.astype(str),
            "name": pd.Series([f"示范{value % 997}小区" if value % 10 else None for value in number], dtype=object),
            "kind": np.where(number % 3 == 0, "residential", "village"),
            "import_line": number + 2,
        },
        geometry=shapely.polygons(corners),
        crs=4490,
    )
    with store.session() as session:
        one = imports.register(
            session, layer=SPEC.name, source="bench", file_name="bench", sha256="0", actor="bench", parameters="{}"
        )
        counts = layers.sync_layer(session, SPEC.name, frame, source="bench", import_id=one, on=date(2025, 1, 1))
        imports.finish(session, one, counts, rows_read=rows)


def show(name: str, work: Callable[[], object], runs: int = RUNS) -> None:
    """Time something in a warm session and print its median, 95th percentile and result."""
    work()
    seconds = []
    for _ in range(runs):
        begun = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - begun)
    p50, p95 = np.percentile(seconds, [50, 95]) * 1000
    print(f"{name:52} p50 {p50:8.1f} ms  p95 {p95:8.1f} ms  {result}", flush=True)


def main() -> None:
    """Fill a store and measure it."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("store")
    arguments.add_argument("--rows", type=int, default=360_000)
    chosen = arguments.parse_args()
    if "://" in chosen.store:
        maintenance.upgrade(chosen.store)
    with open_store(chosen.store) as store:
        fill(store, chosen.rows)
        if store.kind == "postgis":
            with store.session() as session:
                session.connection().exec_driver_sql(f"ANALYZE {SPEC.name}")
        now = RowChoice(today(), today())
        boxes = {
            "1 % box": (117.9, 36.9, 118.1, 37.1),
            "25 % box": (117.5, 36.5, 118.5, 37.5),
            "whole box": (116.0, 35.0, 120.0, 39.0),
        }
        texts = {
            "name LIKE": "name LIKE '%7小区'",
            "CASEI LIKE": "CASEI(name) LIKE CASEI('%17小区')",
            "polygon 1 %": f"S_WITHIN(geometry, POLYGON(({_RING})))",
            "NOT polygon": "NOT S_INTERSECTS(geometry, POLYGON((117.9 36.9,118.1 36.9,118.1 37.1,117.9 36.9)))",
            "matches nothing": "name = 'x'",
        }
        with store.session(write=False) as session:
            choices = {"": now}
            choices |= {name: RowChoice(today(), today(), (box,)) for name, box in boxes.items()}
            choices |= {
                name: RowChoice(
                    today(),
                    today(),
                    (),
                    (compile_filter(session, SPEC, FIELDS, text),),
                )
                for name, text in texts.items()
            }

            def page(choice: RowChoice, after: int | PageKey, sort: Sort | None = None) -> int:
                return len(read_page(session, SPEC, COLUMNS, choice, after=after, limit=1_000, sort=sort).fids)

            last = chosen.rows * 299 // 360
            for name, choice in choices.items():
                runs = RUNS if not name else 12
                show(f"page of 1,000, first {name}", lambda choice=choice: page(choice, 0), runs)
                show(f"page of 1,000, after fid {last} {name}", lambda choice=choice: page(choice, last), runs)
                show(f"count {name}", lambda choice=choice: count_rows(session, SPEC, choice), 3)
            show("count, budget 10 ms", lambda: count_rows(session, SPEC, now, budget_s=0.01), 3)
            sort = Sort("name")
            key = read_page(session, SPEC, COLUMNS, now, after=0, limit=chosen.rows * 5 // 6, sort=sort).key
            show("page of 1,000 by name, first", lambda: page(now, 0, sort), 5)
            show("page of 1,000 by name, deep", lambda: page(now, key or 0, sort), 5)


if __name__ == "__main__":
    main()
