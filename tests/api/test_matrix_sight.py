"""What is seen of a layer's internal things in which district: in lists, counts, filters, files and decoded tiles."""

from __future__ import annotations

import gzip
import html
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import mapbox_vector_tile
import pytest
import shapely
from pmtiles.reader import MemorySource, Reader, all_tiles
from starlette.testclient import TestClient

from api.app import create_app
from api.settings import settings_for
from geo.catalog.map_layer import map_layers
from geo.services.export import FORMATS
from geo.store import open_store
from geo.tiles.matrix import MATRIX_SETS
from tests.api.matrix_city import COLUMNS, EAST, MARKS, TYPE, UNLIMITED, WEST, City, served_city
from tests.api.matrix_requests import Cell, asked_of
from tests.api.test_app import take_gone_district
from tests.api.test_matrix import EXPECTED
from tests.cli import town
from tests.cli.conftest import Run
from tests.conftest import BOTH_ENGINES, fresh_url
from tests.store.frames import bring_in, frame, texts

SIGHT: Final[dict[str, dict[str, str]]] = EXPECTED["sight"]
MARK: Final = dict.fromkeys(("gaps", "coverage_cells", "demand_cells"), (WEST, EAST))
"""What tells western from eastern things of a layer, where it is not the mark of a name or an id."""
BORDER_LON: Final = town.position(1000.0)[0]
BOX: Final = (*town.position(-500.0, -500.0), *town.position(2500.0, 500.0))


@pytest.fixture(scope="module", params=BOTH_ENGINES)
def city(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    folder = tmp_path_factory.mktemp("sight")
    with fresh_url(request, folder) as url, served_city(url, folder) as made:
        yield made


def expected(layer: str) -> Iterator[tuple[str, str | None, str]]:
    """Yield column, district and what is seen."""
    for scope, district in (("whole", None), ("west", WEST)):
        for column, seen in zip(COLUMNS, SIGHT[layer][scope].split(), strict=True):
            if district is None or column not in UNLIMITED:
                yield column, district, seen


def seen_in(text: str, layer: str) -> str:
    """Tell whose things a text names."""
    west, east = MARK.get(layer, (MARKS[WEST], MARKS[EAST]))
    return ("W" if west in text else "") + ("E" if east in text else "") or "-"


def features_of(client: TestClient, layer: str, **query: str) -> tuple[list[dict[str, Any]], int]:
    """Return the features of a layer, and how many there are said to be."""
    answer = client.get(f"/ogc/collections/{layer}/items", params={"limit": "1000", **query})
    if answer.status_code == 404:
        return [], 0
    assert answer.status_code == 200, answer.text
    return answer.json()["features"], answer.json()["numberMatched"]


def test_every_internal_layer_is_in_the_table() -> None:
    assert {layer.name for layer in map_layers().values() if layer.is_internal} < set(SIGHT)


@pytest.mark.parametrize("layer", SIGHT)
def test_lists_counts_and_single_features_end_where_sight_does(city: City, layer: str) -> None:
    every = {one["id"]: str(one) for one in features_of(city.person("planner", None).client, layer)[0]}
    for column, district, seen in expected(layer):
        client, who = city.person(column, district).client, f"{column}@{district}"
        features, count = features_of(client, layer)
        assert seen_in(str(features), layer) == seen, who
        assert count == len(features), who
        page = client.get(f"/ogc/collections/{layer}/items", params={"f": "html", "limit": "1000"}).text
        assert seen_in(page, layer) in (seen, "-" if "404" in page else seen), who
        mine = {one["id"] for one in features}
        for fid, text in every.items():
            status = client.get(f"/ogc/collections/{layer}/items/{fid}").status_code
            assert status == (200 if fid in mine else 404), (who, text)


@pytest.mark.parametrize("layer", SIGHT)
def test_no_filter_finds_or_counts_what_is_not_seen(city: City, layer: str) -> None:
    west, east, south, north = BOX[0], BOX[2], BOX[1], BOX[3]
    eastern = f"POLYGON(({BORDER_LON} {south},{east} {south},{east} {north},{BORDER_LON} {north},{BORDER_LON} {south}))"
    texts = [f"S_INTERSECTS(geometry, {eastern})", f"S_INTERSECTS(geometry, POINT({west} {south})) OR 1 = 1"]
    mark = MARK.get(layer, (MARKS[WEST], MARKS[EAST]))[1]
    field = "division_code" if layer in MARK else "name" if "name" in map_layers()[layer].fields else "id"
    texts += [f"{field} LIKE '{mark}%'", f"NOT ({field} LIKE '{MARKS[WEST]}%')", f"{field} LIKE '%' OR {field} IS NULL"]
    for column, district, seen in expected(layer):
        client = city.person(column, district).client
        for text in texts:
            features, count = features_of(client, layer, filter=text) if "1 = 1" not in text else ([], 0)
            found = seen_in(str(features), layer)
            assert found == "-" or set(found) <= set(seen), (column, district, text)
            assert count == len(features)
        inside, count = features_of(client, layer, bbox=",".join(map(str, (BORDER_LON + 1e-6, south, east, north))))
        found = seen_in(str(inside), layer)
        assert ("E" in found) <= ("E" in seen), (column, district)
        assert count == len(inside)


@pytest.mark.parametrize("layer", SIGHT)
def test_decoded_tiles_of_every_zoom_end_where_sight_does(city: City, layer: str) -> None:
    matrices, first = MATRIX_SETS["WebMercatorQuad"], map_layers()[layer].zoom
    for column, district, _ in expected(layer):
        client = city.person(column, district).client
        features, _count = features_of(client, layer)
        middles = [east_of(one["geometry"]["coordinates"]) for one in features]
        for zoom in (0, first - 1, first, 16):
            counted, eastern = 0, False
            for _, row, tile_column in matrices.cover(BOX, zoom):
                answer = client.get(f"/ogc/collections/{layer}/tiles/WebMercatorQuad/{zoom}/{row}/{tile_column}")
                assert answer.status_code in (200, 204, 404)
                found = drawn(answer.content if answer.status_code == 200 else b"", zoom, tile_column)
                counted += sum(number for _, number in found)
                eastern |= any(lon > BORDER_LON for lon, _ in found)
            who = (column, district, zoom)
            if zoom < first:
                assert counted == len(features), who
            else:
                assert eastern is any(lon > BORDER_LON for lon in middles), who


@pytest.mark.parametrize("form", FORMATS)
def test_files_of_every_format_end_where_sight_does(city: City, form: str, tmp_path: Path) -> None:
    for layer in SIGHT:
        for column, district, seen in expected(layer):
            if column not in ("public", "planner", "data_steward", "key:layers.read", "reviewer"):
                continue
            client = city.person(column, district).client
            answer = client.get(f"/ogc/collections/{layer}/export", params={"f": form})
            who = (layer, column, district, form)
            if answer.status_code != 200:
                assert seen == "-", who
                continue
            if form == "pmtiles":
                lons = archived(answer.content)
                features, _ = features_of(client, layer)
                middles = [east_of(one["geometry"]["coordinates"]) for one in features]
                assert any(lon > BORDER_LON for lon in lons) is any(lon > BORDER_LON for lon in middles), who
                continue
            assert seen_in(told(answer.content, form, tmp_path), layer) == seen, who


# Everybody reads open facilities, wherever they are.
@pytest.mark.parametrize("layer", [one for one in SIGHT if not one.startswith("facilities")])
def test_where_a_layer_lies_tells_nothing_of_what_is_beyond_the_district(city: City, layer: str) -> None:
    client = city.person("planner", WEST).client
    home = f"/ogc/collections/{layer}"
    boxes = [client.get(home).json()["extent"]["spatial"]["bbox"][0]]
    boxes.append(client.get(f"{home}/tiles/WebMercatorQuad", params={"f": "tilejson"}).json()["bounds"])
    (listed,) = [one for one in client.get("/ogc/collections").json()["collections"] if one["id"] == layer]
    boxes.append(listed["extent"]["spatial"]["bbox"][0])
    header = Reader(MemorySource(client.get(f"{home}/export", params={"f": "pmtiles"}).content)).header()
    boxes.append([header[f"{side}_e7"] / 1e7 for side in ("min_lon", "min_lat", "max_lon", "max_lat")])
    for west, south, east, north in boxes:
        assert BOX[0] - 1e-6 <= west <= east <= BORDER_LON + 1e-6
        assert BOX[1] - 1e-6 <= south <= north <= BOX[3] + 1e-6


def test_results_of_runs_tell_of_other_districts_their_totals_alone(city: City) -> None:
    for column in ("planner", "stand_in", "data_steward", "key:runs.read"):
        whole = city.person(column, None).client.get("/api/runs/latest").json()
        assert {row["code"] for row in whole["divisions"]} >= {WEST, EAST}
        assert any(gap["division_code"].startswith(EAST) for gap in whole["gaps"])
        limited = city.person(column, WEST).client.get("/api/runs/latest").json()
        townships = [row for row in limited["divisions"] if row["level"] == "township"]
        assert {row["code"] for row in townships} == {WEST, EAST}
        assert not [row for row in limited["divisions"] if row["code"].startswith(f"{EAST}0")]
        assert limited["gaps"]
        assert not [gap for gap in limited["gaps"] if not gap["division_code"].startswith(WEST)]
        elsewhere = sum(gap["persons"] for gap in whole["gaps"] if not gap["division_code"].startswith(WEST))
        remainder = whole["gaps_remainder"]["persons"]
        if column != "data_steward":
            assert limited["gaps_elsewhere_persons"] == elsewhere
            assert [row for row in limited["divisions"] if row["code"].startswith(f"{WEST}0")]
            assert limited["gaps_remainder"]["persons"] == remainder


def meant(answer: Any) -> dict[str, str]:
    """Return the header of a change that is meant for the state of an answer."""
    return {"If-Match": answer.headers["ETag"]}


def test_scenarios_tell_of_other_districts_their_totals_alone(city: City) -> None:
    west, lon_lat = city.person("planner", WEST).client, town.position(950.0)
    asked = {"name": "边上", "types": [TYPE], "minutes": 6}
    scenario = west.post("/api/scenarios", json=asked)
    assert scenario.status_code == 201
    home = scenario.json()["href"]
    edit = {"kind": "add_facility", "type": TYPE, "id": "B1", "lon": lon_lat[0], "lat": lon_lat[1]}
    answers = [scenario]
    body = {"edits": [edit]}
    answers.append(west.post(f"{home}/edits", params={"full": True}, json=body, headers=meant(scenario)))
    answers += [west.get(home), west.get(f"{home}/changes")]
    for step in ("undo", "redo"):
        answers.append(west.post(f"{home}/{step}", headers=meant(west.get(home))))
    other = west.post(f"{home}/branch", json={"name": "支"})
    answers += [other, west.get(f"{home}/compare/{other.json()['scenario_id']}")]
    for answer in answers:
        assert answer.status_code in (200, 201), answer.text
        assert f'"{EAST}0' not in answer.text, answer.request.url
    assert f'"{EAST}"' in answers[1].text
    assert f'"{WEST}0' in answers[1].text
    whole = city.person("planner", None).client
    assert f'"{EAST}0' in whole.post("/api/scenarios", json=asked).text


@pytest.mark.parametrize(
    "edit",
    [
        {"kind": "add_facility", "type": TYPE, "id": "B1", "lon": 0, "lat": 0},
        {"kind": "move_facility", "type": TYPE, "id": "西开", "lon": 0, "lat": 0},
        {"kind": "add_population", "id": "B2", "lon": 0, "lat": 0, "persons": {"unspecified": 10}},
        {"kind": "add_street", "line": [[0, 0], [0, 0]]},
        {"kind": "close_facility", "type": TYPE, "id": "东开"},
        {"kind": "set_gate", "id": "东", "access": "closed"},
    ],
)
def test_edits_of_a_scenario_stay_in_the_district(city: City, edit: dict[str, Any]) -> None:
    def made(east: float) -> dict[str, Any]:
        (lon, lat), (lon_2, lat_2) = town.position(east), town.position(east + 50.0, 40.0)
        found = {**edit, **({"lon": lon, "lat": lat} if "lon" in edit else {})}
        if "line" in edit:
            found["line"] = [[lon, lat], [lon_2, lat_2]]
        if edit["kind"] == "close_facility":
            found["id"] = "东开" if east > 1000 else "西开"
        if edit["kind"] == "set_gate":
            gates = features_of(city.person("planner", None).client, "gates")[0]
            side = MARKS[EAST if east > 1000 else WEST]
            found["id"] = next(one["properties"]["id"] for one in gates if side in one["properties"]["name"])
        return found

    def tried(district: str | None, east: float) -> Any:
        client = city.person("planner", district).client
        begun = client.post("/api/scenarios", json={"name": "边上", "types": [TYPE], "minutes": 6})
        body = {"edits": [made(east)]}
        return client.post(f"{begun.json()['href']}/edits", json=body, headers=meant(begun))

    refused = tried(WEST, 1500.0)
    assert refused.status_code == 403, refused.text
    assert WEST in refused.json()["message_zh"]
    for district, east in ((WEST, 500.0), (None, 1500.0)):
        answer = tried(district, east)
        assert answer.status_code == 200, answer.text


def test_imports_are_told_to_whoever_may_import(city: City) -> None:
    whole = city.person("data_steward", None).client.get("/api/imports").json()["imports"]
    assert {one["layer"] for one in whole} >= {"demand_points", "facilities"}
    assert city.person("data_steward", WEST).client.get("/api/imports").json()["imports"] == []


def test_administrators_have_no_district(city: City) -> None:
    security = city.person("security_administrator", None).client
    for role in ("system_administrator", "security_administrator", "audit_administrator"):
        asked = {"roles": [role], "district": WEST}
        refused = security.put("/api/accounts/target/grant", json=asked, headers=city.etag("/api/accounts/target"))
        assert refused.status_code == 400
        assert [one["field"] for one in refused.json()["problems"]] == ["district"]
    lists = {column: city.person(column, WEST).client.get("/api/jobs").json() for column in ("planner", "data_steward")}
    asked_of("GET /api/jobs/{job_id}", Cell(city, city.person("planner", WEST), "foreign"))
    for column, before in lists.items():
        assert city.person(column, WEST).client.get("/api/jobs").json() == before, "jobs of others are not listed"


def test_lists_of_facilities_end_where_sight_does(city: City) -> None:
    for column, district, seen in expected("facilities_eldercare"):
        if column.startswith("key:") and column != "key:facilities.read":
            continue
        seen = ("WE" if district is None else "W") if column == "key:facilities.read" else seen
        client = city.person(column, district).client
        for query in ({}, {"q": "密"}, {"district": EAST}, {"sort": "name", "descending": "true"}, {"type": TYPE}):
            body = client.get("/api/facilities", params=query).json()
            found = seen_in(str(body["facilities"]), "facilities_eldercare")
            wanted = seen.replace("W", "") or "-" if "district" in query else seen
            assert found == wanted, (column, district, query)
            assert body["matched"] == len(body["facilities"])


def test_a_gap_of_the_neighbour_that_crosses_the_border_is_not_shown(
    small_town: Run, store_url: str, tmp_path: Path
) -> None:
    shape = shapely.box(*town.position(900.0, -50.0), *town.position(1200.0, 50.0))
    values: dict[str, object] = {
        "id": ["g1"], "run_id": ["cov-1"], "type": [TYPE], "is_current": [True], "minutes": [15.0], "rank": [1],
        "persons": [41.0], "division_code": texts([EAST]), "division_name": texts(["东镇"]),
    }  # fmt: skip
    with open_store(store_url) as store:
        bring_in(store, "coverage_gaps", frame(values, [shape]))
    app = create_app(settings_for(store_url, tmp_path / "served", demo=True))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        home, seen = "/ogc/collections/gaps", {}
        for district in (EAST, WEST):
            take_gone_district(client, "planner", district)
            tiles = client.get(f"{home}/tiles/WebMercatorQuad/0/0/0").content
            exported = client.get(f"{home}/export", params={"f": "csv"}).content.decode("utf-8-sig")
            listed = client.get(f"{home}/items").json()
            seen[district] = (listed["numberMatched"], sum(one for _, one in drawn(tiles, 0, 0)), "东镇" in exported)
    assert seen == {EAST: (1, 1, True), WEST: (0, 0, False)}


def east_of(coordinates: Any) -> float:
    """Return the middle longitude of a geometry."""
    lons: list[float] = []
    waiting = [coordinates]
    while waiting:
        one = waiting.pop()
        if isinstance(one[0], int | float):
            lons.append(one[0])
        else:
            waiting.extend(one)
    return (min(lons) + max(lons)) / 2


def drawn(content: bytes, zoom: int, column: int) -> list[tuple[float, int]]:
    """Return the middle longitude of every feature of a tile, and how many things it stands for."""
    found = []
    for layer in mapbox_vector_tile.decode(content).values():
        for one in layer["features"]:
            place = east_of(one["geometry"]["coordinates"]) / layer["extent"]
            found.append(((column + place) / 2**zoom * 360.0 - 180.0, int(one["properties"].get("count", 1))))
    return found


def archived(content: bytes) -> list[float]:
    """Return the middle longitude of every feature that an archive draws, not counts."""
    found: list[float] = []
    for (zoom, column, _), tile in all_tiles(Reader(MemorySource(content)).get_bytes):
        body = gzip.decompress(tile)
        names = mapbox_vector_tile.decode(body)
        if not any(name.endswith("_counts") or "count" in str(layer["features"][:1]) for name, layer in names.items()):
            found += [lon for lon, _ in drawn(body, zoom, column)]
    return found


def told(content: bytes, form: str, folder: Path) -> str:
    """Return everything a file says."""
    if form == "xlsx":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return "".join(html.unescape(archive.read(name).decode("utf-8")) for name in archive.namelist())
    if form in ("gpkg", "flatgeobuf"):
        path = folder / ("x.gpkg" if form == "gpkg" else "x.fgb")
        path.write_bytes(content)
        return str(gpd.read_file(path).to_json(default=str, ensure_ascii=False))
    if form == "geoparquet":
        return str(gpd.read_parquet(io.BytesIO(content)).to_json(default=str, ensure_ascii=False))
    return content.decode("utf-8-sig")
