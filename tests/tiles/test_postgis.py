"""Tiles of the embedded encoder against those of PostGIS."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import mapbox_vector_tile
import numpy as np
import psycopg
import pytest
import shapely
from hypothesis import HealthCheck, given, settings

from geo.tiles.encode import EXTENT, encode_tile
from geo.tiles.matrix import MATRIX_SETS, TileBox
from tests.tiles.drawn import BOX, KEPT, decoded, in_degrees, is_near, layer, places, polygons

pytestmark = pytest.mark.postgis
TIANDITU = MATRIX_SETS["TiandituC"].box(13, 1210, 6782)


@pytest.fixture(scope="module")
def database(cluster_url: str) -> Iterator[psycopg.Connection[Any]]:
    """Return a connection to a database with PostGIS."""
    plain, name = cluster_url.replace("+psycopg", ""), f"fangyu_tiles_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(plain, autocommit=True) as maintenance:
        maintenance.execute(f"CREATE DATABASE {name}".encode())
        try:
            with psycopg.connect(plain.rsplit("/", 1)[0] + f"/{name}", autocommit=True) as connection:
                connection.execute("CREATE EXTENSION postgis")
                yield connection
        finally:
            maintenance.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def theirs(database: psycopg.Connection[Any], shapes: list[Any], box: TileBox) -> bytes:
    """Return the tile that PostGIS makes of shapes drawn in tile units, numbered from 1."""
    srid = 3857 if box.is_mercator else 4490
    table = [(i + 1, shapely.to_wkb(in_degrees(shape, box)), f"名{i}", i * 0.5) for i, shape in enumerate(shapes)]
    with database.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS shape")
        cursor.execute("CREATE TABLE shape (fid bigint, wkb bytea, name text, value double precision)")
        cursor.executemany("INSERT INTO shape VALUES (%s, %s, %s, %s)", table)
        cursor.execute(
            """
            SELECT ST_AsMVT(cut, 'a', 4096, 'geom', 'fid') FROM (
                SELECT fid, name, value, ST_AsMVTGeom(
                    ST_Transform(ST_GeomFromWKB(wkb, 4490), %(srid)s::int),
                    ST_MakeEnvelope(%(left)s, %(bottom)s, %(right)s, %(top)s, %(srid)s::int)::box2d, 4096, 64, true
                ) AS geom FROM shape ORDER BY fid
            ) AS cut WHERE geom IS NOT NULL
            """,
            {"srid": srid, "left": box.left, "bottom": box.bottom, "right": box.right, "top": box.top},
        )
        found = cursor.fetchone()
    return bytes(found[0]) if found is not None else b""


@pytest.mark.parametrize("box", [BOX, TIANDITU], ids=["mercator", "degrees"])
def test_a_tile_of_everyday_shapes_equals_that_of_postgis_within_a_unit(
    database: psycopg.Connection[Any], box: TileBox
) -> None:
    random = np.random.default_rng(7)
    corner = random.uniform(-200, 4250, (300, 2))
    blocks = list(shapely.box(*corner.T, *(corner + random.uniform(5, 300, (300, 2))).T))
    yards = [shapely.difference(block, shapely.buffer(block.centroid, 1.7)) for block in blocks[:100]]
    points = list(shapely.points(random.uniform(-60, 4150, (100, 2))))
    lines = list(shapely.linestrings(random.uniform(-60, 4150, (100, 5, 2))))
    shapes = [*blocks, *yards, *points, *lines]
    columns = {"name": [f"名{i}" for i in range(len(shapes))], "value": np.arange(len(shapes)) * 0.5}
    mine, other = encode_tile([layer(shapes, columns, box)], box), theirs(database, shapes, box)
    ours, expected = decoded(mine), decoded(other)
    assert set(ours) == set(expected)
    for fid, shape in ours.items():
        again = expected[fid]
        assert shape.geom_type == again.geom_type
        # The same vertices, one by one.
        one, two = (np.unique(shapely.get_coordinates(s), axis=0) for s in (shape, again))
        assert shapely.hausdorff_distance(shapely.MultiPoint(one), shapely.MultiPoint(two)) < 1.5, (shape, again)
        if len(one) == len(two) and shape.geom_type == "Point":
            assert np.abs(one - two).max() <= 1
    read = [mapbox_vector_tile.decode(tile)["a"]["features"] for tile in (mine, other)]
    assert [one["properties"] for one in read[0]] == [one["properties"] for one in read[1]]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(polygons())
def test_any_polygon_equals_that_of_postgis_within_a_unit(database: psycopg.Connection[Any], shape: Any) -> None:
    ours = decoded(encode_tile([layer([shape])], BOX)).get(1, shapely.MultiPolygon())
    expected = decoded(theirs(database, [shape], BOX)).get(1, shapely.MultiPolygon())
    # PostGIS may leave rings that touch themselves, which shapely counts as invalid, and it mends slivers its own way.
    assert is_near(ours, shapely.make_valid(expected), sliver=0.5)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places(-300, EXTENT + 300), places(-300, EXTENT + 300))
def test_any_line_equals_that_of_postgis_within_a_unit(
    database: psycopg.Connection[Any], begin: tuple[int, int], end: tuple[int, int]
) -> None:
    line = shapely.LineString([begin, end])
    ours = decoded(encode_tile([layer([line])], BOX)).get(1)
    expected = decoded(theirs(database, [line], BOX)).get(1)
    if ours is None or expected is None:
        assert shapely.intersection(line, KEPT).length < 2
        return
    assert shapely.hausdorff_distance(ours, expected) < 1.5


