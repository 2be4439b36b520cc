"""The main job, checked against walks that can be worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.cli import town
from tests.cli.conftest import Run

COVERAGE = ("coverage", "run", "--type", "senior_canteen")
STATUSES = ("covered", "too_far", "not_linked", "disconnected", "gate_closed")


def test_a_run_prints_exactly_the_agreed_shape(small_town: Run) -> None:
    found = small_town(*COVERAGE, "--minutes", 15, "--json").json()
    agreed = {
        "run_id", "type", "minutes", "metres", "speed_mps", "persons", "coverage_ratio", "straight_line_ratio",
        "nearest_s", "divisions", "gaps", "seconds",
    }  # fmt: skip
    assert agreed <= set(found)
    assert (found["type"], found["minutes"], found["metres"], found["speed_mps"]) == ("senior_canteen", 15, None, 0.9)
    assert set(found["persons"]) == {"total", *STATUSES}
    assert {"p50", "p90", "max"} <= set(found["nearest_s"])
    assert {"code", "name", "level", "total", "covered"} <= set(found["divisions"][0])
    assert {"rank", "persons", "nearest_m"} <= set(found["gaps"][0])


def test_every_person_is_in_one_status_and_every_division_adds_up(small_town: Run) -> None:
    found = small_town(*COVERAGE, "--minutes", 15, "--json").json()
    people = found["persons"]
    assert people == {
        "total": 155, "covered": 130, "too_far": 15, "not_linked": 3, "disconnected": 7, "gate_closed": 0,
    }  # fmt: skip
    for name in ("total", *STATUSES):
        assert sum(row[name] for row in found["divisions"]) == people[name]
    outside = [row for row in found["divisions"] if row["code"] == "outside"]
    assert [row["total"] for row in outside] == [7]
    shown = sum(gap["persons"] for gap in found["gaps"]) + found["gaps_remainder"]["persons"]
    assert shown == people["total"] - people["covered"]


def test_walks_have_the_length_of_the_path_with_both_access_legs(small_town: Run, tmp_path: Path) -> None:
    out = tmp_path / "points.csv"
    small_town(*COVERAGE, "--minutes", 15, "--speed", 0.8, "--points", out)
    table = pd.read_csv(out).set_index("id")
    assert list(table.columns[:6]) == ["persons", "status", "facility_id", "walk_m", "walk_s", "access_m"]
    assert set(table["classification"]) == {"internal"}
    near = table.loc["near"]
    assert near["walk_m"] == pytest.approx(510.0, abs=0.2)
    assert near["access_m"] == pytest.approx(10.0, abs=0.05)
    assert near["walk_s"] == pytest.approx(near["walk_m"] / 0.8, rel=1e-9)
    assert near["facility_id"] == "C1"
    assert table.loc["home", "walk_m"] == pytest.approx(0.0, abs=0.05)
    assert table["status"].to_dict() == {
        "home": "covered", "near": "covered", "far": "too_far", "island": "disconnected", "nowhere": "not_linked",
    }  # fmt: skip
    assert table.loc[["island", "nowhere"], "walk_m"].isna().all()


@pytest.mark.parametrize("first", range(len(town.PEOPLE)))
def test_points_stand_in_the_order_of_the_file_each_with_its_own_result(
    fangyu: Run, tmp_path: Path, first: int
) -> None:
    people = [*town.PEOPLE[first:], *town.PEOPLE[:first]][:: 1 if first % 2 else -1]
    fangyu("import", "streets", town.write_streets(tmp_path))
    fangyu("import", "demand", town.write_demand(tmp_path, people), "--datum", "cgcs2000")
    places = town.write_facilities(tmp_path, [("C1", 0.0)])
    fangyu("import", "facilities", places, "--type", "senior_canteen", "--datum", "cgcs2000")
    out = tmp_path / "points.csv"
    fangyu(*COVERAGE, "--minutes", 15, "--points", out)
    found = pd.read_csv(out).set_index("id")
    assert found.index.tolist() == [row[0] for row in people]
    assert found.loc["near", "walk_m"] == pytest.approx(510.0, abs=0.2)
    assert found["status"].to_dict() == {
        "home": "covered", "near": "covered", "far": "too_far", "island": "disconnected", "nowhere": "not_linked",
    }  # fmt: skip


def test_the_threshold_itself_is_covered_and_a_metre_less_is_not(small_town: Run) -> None:
    enough = small_town(*COVERAGE, "--metres", 511, "--json").json()
    short = small_town(*COVERAGE, "--metres", 509, "--json").json()
    assert (enough["minutes"], enough["metres"]) == (None, 511)
    assert enough["persons"]["covered"] - short["persons"]["covered"] == 30


def test_bands_walk_at_their_own_speed_and_sum_to_everybody(small_town: Run, tmp_path: Path) -> None:
    out = tmp_path / "points.parquet"
    # 510 m take 425 s at 1.2, 510 s at 1.0 and 638 s at 0.8 m/s.
    found = small_town(*COVERAGE, "--minutes", 10, "--bands", "--points", out, "--json").json()
    assert found["speed_mps"] is None
    covered = {band["band"]: band["persons"]["covered"] for band in found["bands"]}
    assert covered == {"60_69": 50, "70_79": 40, "80_plus": 30}
    assert sum(covered.values()) == found["persons"]["covered"]
    assert sum(band["persons"]["total"] for band in found["bands"]) == found["persons"]["total"]
    table = pd.read_parquet(out)
    assert len(table) == 3 * len(town.PEOPLE)
    assert set(table["band"]) == set(covered)


def test_several_types_come_as_results(small_town: Run, tmp_path: Path) -> None:
    out = tmp_path / "points.csv"
    words = (*COVERAGE, "--type", "care_home", "--minutes", 15, "--points", out, "--json")
    found = small_town(*words).json()
    assert [result["type"] for result in found["results"]] == ["senior_canteen", "care_home"]
    # The store has no care home at all: everybody linked is disconnected from one, nobody is dropped.
    none = found["results"][1]["persons"]
    assert (none["covered"], none["disconnected"], none["not_linked"]) == (0, 152, 3)
    assert found["results"][1]["nearest_s"]["p50"] is None
    assert set(pd.read_csv(out)["type"]) == {"senior_canteen", "care_home"}


def test_equally_near_facilities_go_to_the_lowest_id_numbers_by_value(fangyu: Run, tmp_path: Path) -> None:
    fangyu("import", "streets", town.write_streets(tmp_path))
    fangyu("import", "demand", town.write_demand(tmp_path, town.PEOPLE), "--datum", "cgcs2000")
    places = town.write_facilities(tmp_path, [("10", 0.0), ("9", 0.0), ("A1", 0.0)])
    fangyu("import", "facilities", places, "--type", "senior_canteen", "--datum", "cgcs2000")
    out = tmp_path / "points.csv"
    fangyu(*COVERAGE, "--minutes", 15, "--points", out)
    found = pd.read_csv(out, dtype={"facility_id": str}).set_index("id")["facility_id"]
    assert found["near"] == "9"


def test_a_facility_counts_only_while_it_is_open(fangyu: Run, tmp_path: Path) -> None:
    fangyu("import", "streets", town.write_streets(tmp_path))
    fangyu("import", "demand", town.write_demand(tmp_path, town.PEOPLE), "--datum", "cgcs2000")
    lon, lat = town.position(0.0)
    path = tmp_path / "dated.csv"
    path.write_text(
        "编号,名称,经度,纬度,状态,开业日期,停业日期\n"
        f"1,一,{lon},{lat},营业,2024-01-01,\n2,二,{lon},{lat},停业,2020-01-01,2023-01-01\n3,三,{lon},{lat},规划,,\n",
        encoding="utf-8",
    )
    imported = fangyu("import", "facilities", path, "--type", "senior_canteen", "--datum", "cgcs2000")
    assert imported.code == 0, imported.err

    def opened(on: str) -> int:
        found = fangyu(*COVERAGE, "--minutes", 15, "--date", on, "--json").json()
        count: int = found["facilities"]["open"]
        return count

    assert [opened(on) for on in ("2022-06-01", "2023-06-01", "2024-06-01")] == [1, 0, 1]


def test_the_same_question_has_the_same_hash_and_another_question_another(small_town: Run) -> None:
    words = (*COVERAGE, "--date", "2026-01-01", "--json")
    first = small_town(*words, "--minutes", 15).json()
    again = small_town(*words, "--minutes", 15).json()
    other = small_town(*words, "--minutes", 14).json()
    assert first["content_hash"] == again["content_hash"] != other["content_hash"]
    assert first["run_id"] == again["run_id"]
    # The hash does not depend on the engine: both engines' tests hold it against this one value.
    HASHES.add(first["content_hash"])
    assert len(HASHES) == 1


HASHES: set[str] = set()


@pytest.mark.parametrize(
    "words",
    [
        ("--minutes", 15, "--metres", 500),
        (),
        ("--minutes", 15, "--bands", "--speed", 1.0),
        ("--minutes", 15, "--points", "points.txt"),
    ],
)
def test_a_contradictory_question_is_wrong_usage(fangyu: Run, words: tuple[object, ...]) -> None:
    assert fangyu(*COVERAGE, *words).code == 2


def test_an_unknown_type_says_which_there_are(small_town: Run) -> None:
    found = small_town("coverage", "run", "--type", "canteen", "--minutes", 15)
    assert found.code == 3
    assert "senior_canteen" in found.err


def test_a_store_without_streets_or_people_says_what_to_import(fangyu: Run, tmp_path: Path) -> None:
    missing = fangyu(*COVERAGE, "--minutes", 15)
    assert missing.code == 3
    fangyu("import", "divisions", town.write_divisions(tmp_path))
    empty = fangyu(*COVERAGE, "--minutes", 15)
    assert (empty.code, "import streets" in empty.err) == (3, True)
    fangyu("import", "streets", town.write_streets(tmp_path))
    unpeopled = fangyu(*COVERAGE, "--minutes", 15)
    assert (unpeopled.code, "import demand" in unpeopled.err) == (3, True)


def test_a_mistyped_row_does_not_close_the_facility_it_speaks_of(fangyu: Run, tmp_path: Path) -> None:
    lon, lat = town.position(0.0)
    path = tmp_path / "w.csv"
    words = ("import", "facilities", path, "--type", "senior_canteen", "--datum", "cgcs2000", "--skip-bad", "--json")
    path.write_text(f"编号,名称,经度,纬度\nA,甲,{lon},{lat}\nB,乙,{lon},{lat}\nC,丙,{lon},{lat}\n", encoding="utf-8")
    assert fangyu(*words).code == 0
    path.write_text(f"编号,名称,经度,纬度\nA,甲,{lon},{lat}\nB,乙,{lon}x,{lat}\n", encoding="utf-8")
    changes = fangyu(*words).json()["changes"]["facilities"]
    # C is gone from the file; B is in it, though what it says cannot be used.
    assert (changes["closed"], changes["unchanged"]) == (1, 1)


def test_facilities_beside_no_street_are_named_and_counted(small_town: Run, tmp_path: Path) -> None:
    lon, lat = town.position(700.0)
    rows = f"编号,名称,经度,纬度\nZ1,山上食堂,{lon:.9f},{lat + 0.02:.9f}\n"
    path = tmp_path / "away.csv"
    path.write_text(rows, encoding="utf-8")
    assert small_town("import", "facilities", path, "--type", "senior_canteen", "--datum", "cgcs2000").code == 0
    asked = ("coverage", "run", "--type", "senior_canteen", "--minutes", 15)
    found = small_town(*asked, "--json").json()["facilities"]
    assert found["open"] - found["linked"] == 1
    assert found["not_linked"] == [{"id": "Z1", "name": "山上食堂"}]
    said = small_town(*asked)
    assert "其中 1 处附近没有可步行的道路" in said.err + said.out
    assert "山上食堂" in said.err + said.out
    assert "另有 0 处" not in said.err + said.out
