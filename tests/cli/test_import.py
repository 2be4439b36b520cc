"""Imports as a person types them: refusals, re-imports, rehearsals and undoing."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from pathlib import Path

from api.cli.output import tell_problems
from geo.errors import Problem
from tests.cli import town
from tests.cli.conftest import Run

CANTEENS = ("--type", "senior_canteen", "--datum", "cgcs2000")


def bad_file(folder: Path) -> Path:
    """Write five rows of which four are refused, each for another reason."""
    lon, lat = town.position(100.0)
    path = folder / "bad.csv"
    path.write_text(
        "编号,名称,经度,纬度\n"
        f"1,好的,{lon},{lat}\n1,重号,{lon},{lat}\n3,颠倒,{lat},{lon}\n4,零点,0,0\n5,文字,东经,{lat}\n",
        encoding="utf-8",
    )
    return path


def stored(fangyu: Run) -> int:
    """Count the open canteens of the store."""
    found = fangyu("coverage", "run", "--type", "senior_canteen", "--minutes", 15, "--json").json()
    count: int = found["facilities"]["recorded"]
    return count


def test_one_refused_row_refuses_the_file_and_nothing_is_stored(small_town: Run, tmp_path: Path) -> None:
    refused = small_town("import", "facilities", bad_file(tmp_path), *CANTEENS)
    assert refused.code == 3
    for row in (3, 4, 5, 6):
        assert f"第 {row} 行" in refused.err
    assert stored(small_town) == 1
    assert len(small_town("import", "list", "--json").json()["imports"]) == 4


def test_every_line_of_a_mixed_file_says_what_became_of_the_row() -> None:
    lines = [
        Problem("a", "note", "f.csv", 2, None, None, "甲", "one"),
        Problem("b", "refused", "f.csv", 3, None, None, "乙", "two"),
        Problem("c", "repaired", "f.csv", 4, None, None, "丙", "three"),
        Problem("d", "refused", "f.csv", 5, None, None, "丁", "four"),
    ]
    capture = io.StringIO()
    with contextlib.redirect_stderr(capture):
        tell_problems(lines, "zh")
        tell_problems(lines, "en")
    told = capture.getvalue().splitlines()
    assert told[0].strip() == "共 拒绝 2 处，已修正 1 处，提示 1 处："
    assert [line.split()[0] for line in told[1:5]] == ["[拒绝]", "[拒绝]", "[已修正]", "[提示]"]
    assert told[5].strip() == "In all: 2 refused, 1 repaired, 1 note:"
    assert [line.split()[0] for line in told[6:]] == ["[refused]", "[refused]", "[repaired]", "[note]"]


def test_skip_bad_stores_the_good_rows_and_lists_the_others(small_town: Run, tmp_path: Path) -> None:
    found = small_town("import", "facilities", bad_file(tmp_path), *CANTEENS, "--skip-bad", "--json")
    assert found.code == 0
    report = found.json()
    assert report["rows"] == {"read": 5, "stored": 1, "repaired": 0, "refused": 4}
    refused = [problem for problem in report["problems"] if problem["severity"] == "refused"]
    assert {problem["row"] for problem in refused} == {3, 4, 5, 6}
    assert all(problem["file"] == "bad.csv" and problem["field"] and problem["message_en"] for problem in refused)
    assert stored(small_town) == 2


def test_refusals_are_one_json_object_and_english_when_asked(small_town: Run, tmp_path: Path) -> None:
    found = small_town("--lang", "en", "import", "facilities", bad_file(tmp_path), *CANTEENS, "--json")
    assert found.code == 3
    error = found.json()["error"]
    refused = [problem for problem in error["problems"] if problem["severity"] == "refused"]
    assert (error["code"], len(refused)) == ("input", 4)
    assert "row 3" in found.err
    assert "第" not in found.err


def test_a_file_without_a_datum_is_refused_with_the_choices(small_town: Run, tmp_path: Path) -> None:
    found = small_town("import", "facilities", bad_file(tmp_path), "--type", "senior_canteen")
    assert found.code == 3
    assert "gcj02" in found.err


def test_the_same_file_again_changes_nothing(small_town: Run, tmp_path: Path) -> None:
    again = small_town("import", "facilities", tmp_path / "canteens.csv", *CANTEENS, "--json").json()
    assert again["is_repeat"]
    assert len(small_town("import", "list", "--json").json()["imports"]) == 4


def test_a_newer_file_shows_the_difference_closes_what_is_gone_and_can_be_undone(
    small_town: Run, tmp_path: Path
) -> None:
    small_town("import", "facilities", town.write_facilities(tmp_path, [("C1", 0.0), ("C2", 100.0)]), *CANTEENS)
    newer = town.write_facilities(tmp_path, [("C2", 200.0), ("C3", 300.0)])
    rehearsal = small_town("import", "facilities", newer, *CANTEENS, "--dry-run", "--json").json()
    assert rehearsal["changes"]["facilities"] == {"added": 1, "changed": 1, "closed": 1, "unchanged": 0}
    assert rehearsal["dry_run"]
    before = small_town("import", "list", "--json").json()["imports"]
    done = small_town("import", "facilities", newer, *CANTEENS, "--json").json()
    assert done["changes"] == rehearsal["changes"]
    assert done["import_id"] > before[0]["import_id"]
    undone = small_town("import", "undo", done["import_id"], "--json").json()
    assert (undone["withdrawn"], undone["reopened"]) == (2, 2)
    assert stored(small_town) == 2
    assert small_town("import", "undo", done["import_id"]).code == 3


def test_only_the_newest_import_of_a_source_can_be_undone(small_town: Run, tmp_path: Path) -> None:
    first = small_town("import", "list", "--json").json()["imports"][0]["import_id"]
    small_town("import", "facilities", town.write_facilities(tmp_path, [("C9", 0.0)]), *CANTEENS)
    assert small_town("import", "undo", first).code == 3


def test_a_column_can_be_named_by_hand(small_town: Run, tmp_path: Path) -> None:
    lon, lat = town.position(300.0)
    path = tmp_path / "odd.csv"
    path.write_text(f"甲,乙,丙,丁\n1,一号,{lon},{lat}\n", encoding="utf-8")
    words = [word for pair in ("甲=id", "乙=name", "丙=lon", "丁=lat") for word in ("--map", pair)]
    found = small_town("import", "facilities", path, *CANTEENS, *words)
    assert found.code == 0, found.err
    assert small_town("import", "facilities", path, *CANTEENS, "--map", "甲").code == 2


def test_people_of_a_table_are_spread_over_the_streets_of_the_stored_divisions(
    fangyu: Run, tmp_path: Path
) -> None:
    fangyu("import", "streets", town.write_streets(tmp_path))
    text = town.write_divisions(tmp_path).read_text(encoding="utf-8").replace("township", "village")
    path = tmp_path / "villages.geojson"
    path.write_text(text.replace("990101001", "990101001001").replace("990101002", "990101002001"), encoding="utf-8")
    assert fangyu("import", "divisions", path).code == 0
    table = tmp_path / "table.csv"
    table.write_text("名称,60-69岁,70-79岁,80岁以上\n西镇,101,57,13\n东镇,7,5,3\n", encoding="utf-8")
    words = ("--areas", "divisions", "--population", "registered", "--year", 2025)
    found = fangyu("import", "demand", table, *words)
    assert found.code == 0, found.err
    run = fangyu("coverage", "run", "--type", "senior_canteen", "--minutes", 15, "--bands", "--json").json()
    assert run["persons"]["total"] == 186
    assert {row["name"]: row["total"] for row in run["divisions"]} == {"西镇": 171, "东镇": 15}
    assert run["parameters"]["population_kinds"] == ["registered"]


def test_an_osm_file_with_a_foreign_datum_is_refused(fangyu: Run, tmp_path: Path) -> None:
    found = fangyu("import", "streets", town.write_streets(tmp_path), "--datum", "gcj02")
    assert (found.code, "WGS 84" in found.err) == (3, True)


def test_a_missing_and_an_empty_file_are_refused_in_words(fangyu: Run, tmp_path: Path) -> None:
    assert fangyu("import", "facilities", tmp_path / "none.csv", *CANTEENS).code == 3
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    found = fangyu("import", "facilities", empty, *CANTEENS)
    assert found.code == 3
    assert "Traceback" not in found.err


def test_wrong_usage_is_one_json_object_too(fangyu: Run, tmp_path: Path) -> None:
    for words in (("import", "list", "--bogus"), ("import", "demand", tmp_path / "a.csv", "--population", "all")):
        found = fangyu(*words, "--json")
        assert found.code == 2
        assert found.json()["error"]["code"] == "usage"
    assert fangyu("import", "list", "--bogus").out == ""


def test_a_year_that_cannot_be_is_refused(fangyu: Run, tmp_path: Path) -> None:
    path = town.write_demand(tmp_path, town.PEOPLE)
    for year in (-5, 20255):
        found = fangyu("import", "demand", path, "--datum", "cgcs2000", f"--year={year}", "--json")
        assert (found.code, str(year) in found.json()["error"]["message_zh"]) == (3, True)


def test_people_are_spread_anew_when_the_streets_have_changed(fangyu: Run, tmp_path: Path) -> None:
    text = town.write_divisions(tmp_path).read_text(encoding="utf-8").replace("township", "village")
    areas = tmp_path / "villages.geojson"
    areas.write_text(text.replace("990101001", "990101001001").replace("990101002", "990101002001"), encoding="utf-8")
    table = tmp_path / "table.csv"
    table.write_text("名称,人数\n西镇,171\n东镇,15\n", encoding="utf-8")
    words = ("import", "demand", table, "--areas", areas, "--json")
    assert fangyu(*words).json()["rows"]["stored"] == 2
    assert fangyu(*words).json()["is_repeat"] is True
    fangyu("import", "streets", town.write_streets(tmp_path))
    assert fangyu(*words).json()["rows"]["stored"] > 2
    assert fangyu(*words).json()["is_repeat"] is True


def test_listing_imports_loads_no_geographic_library() -> None:
    loaded = "import sys, geo.services.import_log, geo.services.opening"
    code = loaded + "\nprint({'geopandas', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
