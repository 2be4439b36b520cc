"""The single-file map as a text: nothing to fetch, nothing to run but our own, nobody's home in it."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import html
import json
import re
from pathlib import Path

import pytest

from geo.errors import InputError
from geo.report.html import BaseMap, render_html, tianditu, write_html
from geo.report.model import CoverageReport, DivisionRow, PersonCounts
from geo.report.payload import report_json
from tests.report.builders import coverage_report, with_names


def small() -> CoverageReport:
    return coverage_report(6_000, 120, 12)


def test_the_page_links_to_no_script_style_or_picture() -> None:
    page = render_html(small())
    assert not re.findall(r"<script[^>]+\bsrc=|<link[^>]+href=\"(?!data:)|<img|<iframe|@import", page)
    styles = re.findall(r"<style>(.*?)</style>", page, flags=re.DOTALL)
    assert len(styles) == 5
    assert not any("url(" in style for style in styles)
    for stock in ("jsdelivr", "cdnjs", "jquery", "bootstrap", "awesome", "unpkg", "sourceMappingURL"):
        assert stock not in page.lower().replace("sourcemappingurl", "sourceMappingURL")


def test_every_script_is_named_by_its_digest_in_the_policy() -> None:
    page = render_html(small())
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert len(scripts) == 3
    assert policy is not None
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in html.unescape(policy[1])
    assert "unsafe-eval" not in policy[1]
    assert not re.search(r"\beval\(|new Function\(|innerHTML\s*=[^=]", scripts[-1])


def test_the_licence_of_leaflet_travels_with_it() -> None:
    page = render_html(small())
    assert "BSD 2-Clause License" in page
    assert "Redistributions in binary form must reproduce the above" in page


def test_the_same_report_gives_the_same_page(tmp_path: Path) -> None:
    first, second = tmp_path / "a.html", tmp_path / "b.html"
    write_html(small(), first)
    second.write_text("older and longer " * 9, encoding="utf-8")
    write_html(small(), second)
    assert first.read_bytes() == second.read_bytes()


def test_a_name_cannot_end_the_element_it_stands_in() -> None:
    wicked = '</script><script>alert(1)</script><!--"&'
    page = render_html(with_names(small(), wicked))
    assert "<script>alert(1)" not in page
    assert "</script><script>" not in page
    assert page.count("<!--") == 1


def test_the_tile_key_stays_behind_its_own_switch() -> None:
    page = render_html(small(), base_map=tianditu("k<e>y"))
    assert "k\\u003ce>y" in page
    assert "tianditu" not in render_html(small())


@pytest.mark.parametrize("address", ["javascript:alert(1)//{x}{y}{z}", "https://tiles.example/{x}/{y}.png", ""])
def test_an_address_that_is_no_tile_template_is_refused(address: str) -> None:
    with pytest.raises(InputError, match="tile address"):
        render_html(small(), base_map=BaseMap(address))


def test_villages_below_the_minimum_carry_no_number() -> None:
    report = small()
    data = json.loads(report_json(report))
    rows = {row.code: row for row in report.types[0].overall.divisions}
    small_ones = [c for c, row in rows.items() if row.level == "village" and 0 < row.persons.total < 10]
    total = base64.b64decode(data["types"][0]["groups"][0]["divisions"]["total"])
    shown = {
        division[0]: int.from_bytes(total[4 * i : 4 * i + 4], "little", signed=True)
        for i, division in enumerate(data["divisions"])
    }
    raised = json.loads(report_json(dataclasses.replace(report, minimum_persons=500)))
    hidden = base64.b64decode(raised["types"][0]["groups"][0]["divisions"]["total"])
    for i, division in enumerate(raised["divisions"]):
        value = int.from_bytes(hidden[4 * i : 4 * i + 4], "little", signed=True)
        if rows[division[0]].level == "village" and rows[division[0]].persons.total < 500:
            assert value in (-1, 0)
        elif rows[division[0]].level != "village":
            assert value == shown[division[0]] == rows[division[0]].persons.total
    assert all(shown[code] == -1 for code in small_ones)


def test_bands_say_nothing_below_township_level() -> None:
    data = json.loads(report_json(small()))
    total = base64.b64decode(data["types"][0]["groups"][1]["divisions"]["total"])
    values = [int.from_bytes(total[i : i + 4], "little", signed=True) for i in range(0, len(total), 4)]
    levels = [division[2] for division in data["divisions"]]
    assert {value for value, level in zip(values, levels, strict=True) if level == "village"} == {-1}
    assert all(value >= 0 for value, level in zip(values, levels, strict=True) if level == "township")


def test_people_in_no_division_have_a_row_of_their_own_at_every_level() -> None:
    report = small()
    result = report.types[0]
    strays = (
        DivisionRow("unassigned", "本级未划入", "county", None, PersonCounts(11, 11)),
        DivisionRow("unassigned", "本级未划入", "township", None, PersonCounts(22, 22)),
        DivisionRow("unassigned", "本级未划入", "village", None, PersonCounts(3, 3)),
        DivisionRow("outside", "区划范围以外", None, None, PersonCounts(44, 44)),
    )
    overall = dataclasses.replace(result.overall, divisions=(*result.overall.divisions, *strays))
    more = dataclasses.replace(report, types=(dataclasses.replace(result, overall=overall),))
    data = json.loads(report_json(more))
    totals = base64.b64decode(data["types"][0]["groups"][0]["divisions"]["total"])
    shown = {
        division[0]: (division[2], int.from_bytes(totals[4 * i : 4 * i + 4], "little", signed=True))
        for i, division in enumerate(data["divisions"])
    }
    assert shown["unassigned@county"] == ("county", 11)
    assert shown["unassigned@township"] == ("township", 22)
    assert shown["unassigned@village"] == ("village", -1)
    assert shown["outside"] == (None, 44)
    assert len(shown) == len(data["divisions"])


def test_gaps_with_too_few_people_are_counted_not_shown() -> None:
    report = small()
    least = sorted(gap.persons.total for gap in report.types[0].gaps)[1]
    data = json.loads(report_json(dataclasses.replace(report, minimum_persons=int(least))))
    assert data["types"][0]["hiddenGaps"] == sum(gap.persons.total < least for gap in report.types[0].gaps)
    assert len(data["types"][0]["gaps"]) + data["types"][0]["hiddenGaps"] == len(report.types[0].gaps)


def test_a_report_without_divisions_cells_or_bands_is_still_a_page() -> None:
    report = small()
    bare = [
        dataclasses.replace(
            result,
            bands=(),
            gaps=(),
            facilities=(),
            indicators=(),
            circles=(),
            overall=dataclasses.replace(result.overall, divisions=(), cells=None, straight_line=None),
        )
        for result in report.types[:1]
    ]
    empty = dataclasses.replace(report, types=tuple(bare), outlines=None, context=None, cells=None, imports=())
    assert json.loads(report_json(empty))["divisions"] == []
    assert "report-data" in render_html(empty)
