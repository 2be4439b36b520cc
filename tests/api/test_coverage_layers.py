"""Gaps and cells on the map, on both stores: what whom is shown, and what an attacker can make of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import mapbox_vector_tile
import numpy as np
import pytest
import shapely
from sqlalchemy import text
from starlette.testclient import TestClient

from api.app import create_app
from api.settings import settings_for
from geo.access.privacy import MINIMUM_PERSONS, told_gap
from geo.catalog.map_layer import PUBLIC, ROLES, map_layer
from geo.services import coverage
from geo.services.reporting import coverage_report
from geo.services.run_layers import write_layers
from geo.store import open_store
from geo.tiles.matrix import MATRIX_SETS
from tests.api.conftest import Served
from tests.api.test_app import take_gone_district
from tests.api.test_features import pages
from tests.api.test_tiles import tiles_over
from tests.cli import town
from tests.cli.conftest import Run

LAYERS = ("gaps", "coverage_cells", "demand_cells")
ANALYSTS = ("planner", "data_steward", "system_administrator")
NARROW = ("data_steward", "system_administrator")
COUNTS = (
    "persons", "covered_persons", "uncovered_persons", "too_far", "gate_closed", "disconnected", "not_linked",
)  # fmt: skip
BOX = (102.99, 40.99, 103.04, 41.03)
TILE_MATRICES = tuple(MATRIX_SETS)


def crowd(count: int = 700, seed: int = 5) -> list[tuple[str, float, float, int, int, int]]:
    """Return people along the town's street, most places with one or two of them, and a few far from everybody."""
    random = np.random.default_rng(seed)
    east, north = random.uniform(-400, 2400, count), random.normal(0, 90, count).clip(-450, 450)
    ages = random.integers(0, [3, 2, 2], (count, 3))
    rows = [(f"p{row}", float(east[row]), float(north[row]), *map(int, ages[row])) for row in range(count)]
    return [*rows, ("far", 100.0, 2000.0, 7, 0, 0), ("farther", 2700.0, 1500.0, 0, 3, 1)]


@pytest.fixture
def crowded(fangyu: Run, tmp_path: Path) -> Run:
    """Return the runner with a town full of people, one canteen in the west and one in the middle."""
    demand = town.write_demand(tmp_path, crowd(), name="crowd.csv")
    sites = town.write_facilities(tmp_path, [("C1", 300.0), ("C2", 1150.0)])
    for words in (
        ("import", "streets", town.write_streets(tmp_path)),
        ("import", "divisions", town.write_divisions(tmp_path)),
        ("import", "demand", demand, "--datum", "cgcs2000"),
        ("import", "facilities", sites, "--type", "senior_canteen", "--datum", "cgcs2000"),
    ):
        result = fangyu(*words)
        assert result.code == 0, result.err
    return fangyu


def cover(run: Run, minutes: float = 6, *more: str) -> Any:
    """Run a coverage analysis."""
    result = run("coverage", "run", "--type", "senior_canteen", "--minutes", minutes, *more, "--json")
    assert result.code == 0, result.err
    return result.json()


@pytest.fixture
def clients(store_url: str, tmp_path: Path) -> Iterator[Served]:
    """Return a maker of clients, one a role, of the store as it is when the first is made."""
    with ExitStack() as stack:

        def client(role: str) -> TestClient:
            app = create_app(settings_for(store_url, tmp_path / "cache", demo=True))
            made = stack.enter_context(TestClient(app, base_url="http://127.0.0.1"))
            if role != PUBLIC:
                assert made.post("/api/session/demo", json={"role": role}).status_code == 200
            return made

        yield client


def features(client: TestClient, layer: str, query: str = "") -> list[Any]:
    """Return all features of a layer."""
    found = pages(client, f"/ogc/collections/{layer}/items?limit=50{query}")
    return [feature for page in found for feature in page["features"]]


def properties(client: TestClient, layer: str, query: str = "") -> list[dict[str, Any]]:
    """Return the properties of all features of a layer."""
    return [feature["properties"] for feature in features(client, layer, query)]


def by_township(people: list[tuple[str, float, float, int, int, int]]) -> dict[str, int]:
    """Count people by township, in the head."""
    found = {"990101001": 0, "990101002": 0, "outside": 0}
    for _, east, north, *ages in people:
        found["outside" if north > 500 else "990101001" if east <= 1000 else "990101002"] += sum(ages)
    return found


def check_told(row: dict[str, Any]) -> None:
    """Make sure that no number of a row is of a few people, and that those of a gap are in tens."""
    if "rank" in row:
        assert all(row.get(name) is None or row[name] % MINIMUM_PERSONS == 0 for name in COUNTS)
    for name in COUNTS:
        value = row.get(name)
        assert value is None or value == 0 or value >= MINIMUM_PERSONS, (name, row)
    if "cell_m" in row:
        assert row["cell_m"] >= 100
        assert row["persons"] >= MINIMUM_PERSONS
    if row.get("covered_persons") is not None:
        assert row["covered_persons"] + row["uncovered_persons"] == row["persons"]
    if row.get("mean_walk_s") is not None:
        assert row["mean_walk_s"] % 60 == 0


def test_every_role_reads_what_the_table_says(crowded: Run, clients: Served) -> None:
    cover(crowded)
    for role in ROLES:
        client = clients(role)
        (tile,) = tiles_over((*town.position(0), *town.position(0)), "WebMercatorQuad", 12)
        for layer in LAYERS:
            for tail in ("", "/items", "/queryables", f"/tiles/{tile}", "/style", "/tiles/WebMercatorQuad?f=tilejson"):
                expected = 200 if role in ANALYSTS else 404
                assert client.get(f"/ogc/collections/{layer}{tail}").status_code == expected, (role, layer, tail)
        assert client.get("/ogc/collections/demand/items").status_code == (200 if role == "planner" else 404)


@pytest.mark.parametrize("by_band", [False, True])
def test_cells_of_a_township_sum_to_its_people_and_rows_tell_of_no_few(
    crowded: Run, clients: Served, by_band: bool
) -> None:
    printed = cover(crowded, 6, *(["--bands"] if by_band else []))
    exact = by_township(crowd())
    assert exact == {row["code"]: row["total"] for row in printed["divisions"] if row["total"]}
    for role in ANALYSTS:
        client = clients(role)
        for layer in ("demand_cells", "coverage_cells"):
            rows = properties(client, layer)
            assert len(rows) > 20
            for row in rows:
                check_told(row)
            sums = dict.fromkeys(exact, 0)
            for row in rows:
                sums[row["division_code"]] += row["persons"]
            assert sums == exact
        told = [row for row in properties(client, "coverage_cells") if row["covered_share"] is not None]
        assert 0 < sum(row["covered_persons"] for row in told) < sum(row["persons"] for row in told)
        assert len({row["covered_share"] for row in told}) >= 3
        for row in properties(client, "gaps"):
            check_told(row)


@pytest.mark.parametrize("matrix", TILE_MATRICES)
def test_tiles_of_all_zooms_tell_what_the_items_tell_and_no_more(
    crowded: Run, clients: Served, matrix: str
) -> None:
    cover(crowded)
    client = clients("data_steward")
    for layer in LAYERS:
        items = {feature["id"]: feature["properties"] for feature in features(client, layer)}
        for zoom in range(MATRIX_SETS[matrix].first, 17):
            seen: dict[int, Any] = {}
            counted = 0
            for tile in tiles_over(BOX, matrix, zoom):
                answer = client.get(f"/ogc/collections/{layer}/tiles/{tile}")
                assert answer.status_code == 200
                found = mapbox_vector_tile.decode(answer.content) if answer.content else {}
                assert set(found) <= {layer, f"{layer}_counts"}
                counts = found.get(f"{layer}_counts", {"features": []})["features"]
                # A count is one of rows, each of which is of enough people.
                assert all(set(one["properties"]) == {"count"} for one in counts)
                counted += sum(one["properties"]["count"] for one in counts)
                for feature in found.get(layer, {"features": []})["features"]:
                    seen[feature["id"]] = feature["properties"]
                    check_told(feature["properties"])
            assert bool(seen) != bool(counted)
            if counted:
                assert counted == len(items)
                continue
            assert seen == {
                key: {name: value for name, value in row.items() if value is not None} for key, row in items.items()
            }


def test_gaps_are_those_of_the_report_and_small_ones_are_nowhere(
    crowded: Run, clients: Served, store_url: str
) -> None:
    printed = cover(crowded, 4)
    with open_store(store_url) as store, store.session(write=False) as session:
        (result,) = coverage_report(session, printed["run_id"]).types
    reported = {gap.rank: gap for gap in result.gaps if gap.persons.total >= MINIMUM_PERSONS}
    assert len(result.gaps) > len(reported) > 0
    exact = {gap["rank"]: gap["persons"] for gap in printed["gaps"]}
    shown = features(clients("planner"), "gaps")
    assert {one["properties"]["rank"] for one in shown} == set(reported)
    for one in shown:
        row, gap = one["properties"], reported[one["properties"]["rank"]]
        assert row["persons"] == gap.persons.total
        assert abs(row["persons"] - exact[row["rank"]]) <= MINIMUM_PERSONS / 2
        assert (row["nearest_facility_name"], row["nearest_m"]) == (gap.nearest_facility, gap.nearest_m)
        assert (row["type"], row["run_id"], row["minutes"]) == ("senior_canteen", printed["run_id"], 4)
        reasons = [getattr(gap.persons, name) for name in COUNTS[3:]]
        assert [row[name] for name in COUNTS[3:]] == [None if np.isnan(count) else count for count in reasons]
        drawn = shapely.from_geojson(str(one["geometry"]).replace("'", '"'))
        assert drawn.symmetric_difference(gap.polygon).area < 1e-9


def test_filters_on_counts_find_no_few(crowded: Run, clients: Served) -> None:
    cover(crowded)
    client = clients("system_administrator")
    for asked in (
        "persons < 10", "covered_persons > 0 AND covered_persons < 10", "uncovered_persons BETWEEN 1 AND 9",
        "cell_m < 100", "persons < 20 AND covered_share > 0 AND covered_share < 1",
    ):  # fmt: skip
        assert properties(client, "coverage_cells", f"&filter={asked.replace(' ', '%20')}") == [], asked
    few = "&filter=(too_far BETWEEN 1 AND 9) OR (not_linked BETWEEN 1 AND 9) OR persons < 10".replace(" ", "%20")
    assert properties(client, "gaps", few) == []
    # What is not served cannot be asked for either.
    for hidden in ("uid = 'x'", "row_version = 1", "source IS NULL"):
        answer = client.get("/ogc/collections/coverage_cells/items", params={"filter": hidden})
        assert answer.status_code == 400
    # However a box is laid, a row is in or out as a whole.
    whole = {feature["id"]: feature["properties"] for feature in features(client, "demand_cells")}
    west, south = town.position(400, -30)
    for step in range(8):
        east, north = town.position(400 + 60 * step, 30 + 40 * step)
        for feature in features(client, "demand_cells", f"&bbox={west},{south},{east},{north}"):
            assert feature["properties"] == whole[feature["id"]]


def test_two_nearly_equal_runs_tell_only_planners_apart_and_even_them_by_enough(
    crowded: Run, clients: Served
) -> None:
    old = [cover(crowded, 6 + step / 20)["run_id"] for step in range(4)]
    new = cover(crowded, 6.2)["run_id"]
    planner = clients("planner")
    assert {row["run_id"] for row in properties(planner, "coverage_cells")} == {new}

    def cells(run_id: str) -> dict[str, Any]:
        return {
            str(one["geometry"]) + str(one["properties"]["division_code"]): one["properties"]
            for one in features(planner, "coverage_cells", f"&run_id={run_id}")
        }

    present = cells(new)
    for run_id in old:
        former = cells(run_id)
        # The same people in the same cells: nobody lies between two of them.
        assert {key: row["persons"] for key, row in former.items()} == {
            key: row["persons"] for key, row in present.items()
        }
        assert not any(row["is_current"] for row in former.values())
        for key, row in former.items():
            if None not in (row["covered_persons"], present[key]["covered_persons"]):
                change = abs(row["covered_persons"] - present[key]["covered_persons"])
                assert change == 0 or change >= MINIMUM_PERSONS
    an_old_row = features(planner, "coverage_cells", f"&run_id={old[0]}")[0]["id"]
    assert planner.get(f"/ogc/collections/coverage_cells/items/{an_old_row}").status_code == 200
    for role in NARROW:
        client = clients(role)
        for layer in ("gaps", "coverage_cells"):
            for query in (
                f"&run_id={old[0]}", f"&filter=run_id='{old[0]}'", "&is_current=false", "&filter=is_current=false"
            ):  # fmt: skip
                assert features(client, layer, query) == [], query
            assert {row["run_id"] for row in properties(client, layer)} == {new}
        assert client.get(f"/ogc/collections/coverage_cells/items/{an_old_row}").status_code == 404
    for tile in tiles_over(BOX, "WebMercatorQuad", 14):
        found = mapbox_vector_tile.decode(planner.get(f"/ogc/collections/coverage_cells/tiles/{tile}").content or b"")
        for feature in found.get("coverage_cells", {"features": []})["features"]:
            assert feature["properties"]["run_id"] == new


def test_when_the_people_change_only_one_partition_stays(
    crowded: Run, clients: Served, tmp_path: Path
) -> None:
    old = cover(crowded, 6)["run_id"]
    before = properties(clients("planner"), "demand_cells")
    people = crowd()
    people[0] = (*people[0][:3], 9, 9, 9)
    path = town.write_demand(tmp_path, people, name="crowd.csv")
    assert crowded("import", "demand", path, "--datum", "cgcs2000").code == 0
    # Until the next run the map shows what the newest run found.
    assert properties(clients("planner"), "demand_cells") == before
    new = cover(crowded, 7)["run_id"]
    planner = clients("planner")
    assert sum(row["persons"] for row in properties(planner, "demand_cells")) == sum(by_township(people).values())
    assert properties(planner, "coverage_cells", f"&run_id={old}") == []
    assert {row["run_id"] for row in properties(planner, "coverage_cells")} == {new}
    assert {row["run_id"] for row in properties(planner, "gaps", f"&run_id={old}")} == {old}


def test_the_report_is_of_the_same_cells_and_tells_the_same_shares(
    crowded: Run, clients: Served, store_url: str
) -> None:
    printed = cover(crowded)
    with open_store(store_url) as store, store.session(write=False) as session:
        report = coverage_report(session, printed["run_id"])
    cells, values = report.cells, report.types[0].overall.cells
    assert cells is not None
    assert values is not None
    shares = np.where(np.isnan(values.covered_share), -1, values.covered_share)
    reported = sorted(zip(cells.persons.tolist(), (cells.span * cells.unit_m).tolist(), shares.tolist(), strict=True))
    rows = properties(clients("data_steward"), "coverage_cells")
    told = [
        (row["persons"], row["cell_m"], -1 if row["covered_share"] is None else row["covered_share"]) for row in rows
    ]
    assert np.array(sorted(told)) == pytest.approx(np.array(reported))


def test_results_tell_of_a_few_only_to_planners(crowded: Run, clients: Served) -> None:
    printed = cover(crowded, 4)
    small = [gap for gap in printed["gaps"] if gap["persons"] < MINIMUM_PERSONS]
    assert small
    assert clients("planner").get("/api/runs/latest").json()["gaps"] == printed["gaps"]
    for role in NARROW:
        told = clients(role).get("/api/runs/latest").json()
        assert told["divisions"] == printed["divisions"]
        assert len(told["gaps"]) == len(printed["gaps"]) - len(small)
        assert all(gap["persons"] >= MINIMUM_PERSONS and gap["nearest_min_m"] is None for gap in told["gaps"])
        for gap in told["gaps"]:
            check_told(gap)
        rest = told["gaps_remainder"]
        assert rest["persons"] == printed["gaps_remainder"]["persons"] + sum(gap["persons"] for gap in small)
        assert rest["small_areas"] == printed["gaps_remainder"]["small_areas"] + len(small)


def test_of_a_handful_of_people_no_cell_is_told(fangyu: Run, clients: Served, tmp_path: Path) -> None:
    few = [("a", 0.0, 0.0, 2, 1, 0), ("b", 1900.0, 0.0, 3, 0, 1)]
    for words in (
        ("import", "streets", town.write_streets(tmp_path)),
        ("import", "divisions", town.write_divisions(tmp_path)),
        ("import", "demand", town.write_demand(tmp_path, few), "--datum", "cgcs2000"),
        ("import", "facilities", town.write_facilities(tmp_path, [("C1", 0.0)]), "--type", "senior_canteen",
         "--datum", "cgcs2000"),
    ):  # fmt: skip
        assert fangyu(*words).code == 0
    cover(fangyu)
    client = clients("planner")
    for layer in LAYERS:
        assert features(client, layer) == []


def test_a_failed_run_leaves_no_row(
    crowded: Run, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_and_fail(*arguments: Any) -> None:
        write_layers(*arguments)
        raise RuntimeError("the power fails")

    monkeypatch.setattr(coverage, "write_layers", write_and_fail)
    with pytest.raises(RuntimeError):
        cover(crowded)
    with open_store(store_url) as store, store.session(write=False) as session:
        for table in ("coverage_gaps", "coverage_cells", "demand_cells", "analysis_runs"):
            assert session.scalar(text(f"SELECT count(*) FROM {table}")) == 0


def test_no_gap_among_cells_tells_how_few_are_not_in_it(crowded: Run, clients: Served) -> None:
    cover(crowded, 4)
    client = clients("data_steward")
    cells = [
        (shapely.geometry.shape(one["geometry"]), one["properties"]["persons"])
        for one in features(client, "demand_cells")
    ]
    gaps = features(client, "gaps")
    assert gaps
    for gap in gaps:
        around = shapely.geometry.shape(gap["geometry"])
        people = sum(persons for square, persons in cells if square.intersects(around))
        told = gap["properties"]["persons"]
        fits = [number for number in range(10, int(people) + 1) if told_gap(number, {})[0] == told]
        rest = {people - number for number in fits}
        assert not (len(rest) == 1 and 0 < min(rest) < MINIMUM_PERSONS)


def test_styles_draw_cells_by_their_number(crowded: Run, clients: Served) -> None:
    cover(crowded)
    people = map_layer("demand_cells").ramp
    assert people is not None
    style = clients("planner").get("/ogc/collections/demand_cells/style").json()
    (fill,) = [layer for layer in style["layers"] if layer["type"] == "fill"]
    assert fill["paint"]["fill-color"][:2] == ["step", ["get", "persons"]]
    assert fill["paint"]["fill-color"][2::2] == list(people.colours)
    ramp = map_layer("coverage_cells").ramp
    assert ramp is not None
    style = clients("planner").get("/ogc/collections/coverage_cells/style").json()
    (fill,) = [layer for layer in style["layers"] if layer["type"] == "fill"]
    case, has, step, unknown = fill["paint"]["fill-color"]
    assert (case, has, unknown) == ("case", ["has", "covered_share"], ramp.unknown)
    assert [part for part in step[2:] if isinstance(part, str)] == list(ramp.colours)
    assert [part for part in step[2:] if not isinstance(part, str)] == list(ramp.breaks)


def test_an_area_counted_for_one_township_is_not_read_in_the_next(crowded: Run, clients: Served) -> None:
    """A gap's outline may cross the border; whose it is, its code says."""
    cover(crowded, 3)
    planner, local = clients("planner"), clients("planner")
    everybody = {layer: properties(planner, layer) for layer in LAYERS}
    assert everybody["gaps"]
    for district in ("990101001", "990101002"):
        take_gone_district(local, "planner", district)
        for layer in LAYERS:
            own = [row for row in everybody[layer] if (row["division_code"] or "").startswith(district)]
            assert own or layer == "gaps", (layer, district)
            assert properties(local, layer) == own
            tiles = tiles_over(BOX, "WebMercatorQuad", 14)
            drawn = [local.get(f"/ogc/collections/{layer}/tiles/{tile}").content for tile in tiles]
            seen = {
                feature["properties"]["division_code"]
                for found in map(mapbox_vector_tile.decode, filter(None, drawn))
                for feature in found.get(layer, {"features": []})["features"]
            }
            assert seen == {row["division_code"] for row in own}, layer
