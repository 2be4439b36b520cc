"""Single parts of the demo city's generator."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
import shapely
from python_calamine import CalamineWorkbook

from geo.demo.defects import MEANING, spoil
from geo.demo.districts import lloyd
from geo.demo.facility import Table
from geo.demo.lattice import make_lattice
from geo.demo.plane import blobs, keys, make_plane, snap
from geo.demo.recipe import load_recipe
from geo.demo.roads import relative_neighbours
from geo.demo.write_tables import write_csv, write_xlsx
from geo.errors import DataSourceError, InputError


def test_the_recipe_reads_and_a_missing_one_is_named(tmp_path: Path) -> None:
    assert load_recipe().name == "示范市"
    with pytest.raises(DataSourceError, match=r"absent\.toml"):
        load_recipe(tmp_path / "absent.toml")


def test_a_recipe_without_its_seed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "poor.toml"
    path.write_text('name = "示范市"\n', encoding="utf-8")
    with pytest.raises(InputError, match="seed"):
        load_recipe(path)


def test_defects_are_all_explained() -> None:
    used = {defect for row in load_recipe().facilities for defect in row.defects}
    assert used <= set(MEANING)


def test_the_warp_bends_but_hardly_stretches() -> None:
    plane = make_plane(103.2, 41.2, np.random.default_rng(1))
    rng = np.random.default_rng(2)
    a = rng.uniform(-40000, 40000, (2000, 2))
    b = a + rng.normal(0, 60, a.shape)
    ratio = np.hypot(*(plane.warp(b) - plane.warp(a)).T) / np.hypot(*(b - a).T)
    assert ratio.min() > 0.8
    assert ratio.max() < 1.25


def test_keys_tell_grid_positions_apart() -> None:
    rng = np.random.default_rng(3)
    xy = snap(rng.uniform(-50000, 50000, (5000, 2)))
    assert len(np.unique(keys(xy))) == len(np.unique(np.round(xy, 3), axis=0))
    assert (keys(xy) == keys(xy + 0.001)).all()


def test_relative_neighbours_equal_the_plain_definition() -> None:
    xy = np.random.default_rng(4).uniform(0, 1000, (60, 2))
    u, v = relative_neighbours(xy)
    got = {(int(a), int(b)) for a, b in zip(u, v, strict=True)}
    gap = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1))
    want = {
        (i, j)
        for i in range(60)
        for j in range(i + 1, 60)
        if not (np.maximum(gap[i], gap[j]) < gap[i, j] * 0.985).any()
    }
    assert got == want


def test_clusters_are_never_empty() -> None:
    rng = np.random.default_rng(5)
    label = lloyd(rng.normal(size=(40, 2)), np.ones(40), 37, rng)
    assert set(label.tolist()) == set(range(37))


def test_inner_nets_stay_inside_their_plots_and_hang_together() -> None:
    rng = np.random.default_rng(6)
    plots = blobs(np.array([[0.0, 0.0], [600.0, 50.0]]), np.array([150.0, 200.0]), rng)
    same = np.full(2, 40.0)
    net = make_lattice(plots, same, same * 0.002, np.full(2, 0.3), np.empty(0, dtype=object), rng)
    assert shapely.contains_xy(plots[net.plot], net.xy[:, 0], net.xy[:, 1]).all()
    assert (net.plot[net.u] == net.plot[net.v]).all()
    assert (net.component[net.u] == net.component[net.v]).all()
    assert set(net.plot.tolist()) == {0, 1}


def test_good_rows_survive_spoiling_in_order() -> None:
    table = Table({"编号": [f"A{i}" for i in range(50)], "名称": ["甲"] * 50}, np.full((50, 2), [103.0, 41.0]))
    defects = ("duplicate_id", "swapped", "zero", "missing_name", "not_a_number")
    bad = spoil(table, defects, has_header=True, rng=np.random.default_rng(7))
    rows = {one.row - 2 for one in bad.refusals}
    assert sorted(one.defect for one in bad.refusals) == sorted(defects)
    assert [name for i, name in enumerate(bad.columns["编号"]) if i not in rows] == table.columns["编号"]
    for one in bad.refusals:
        if one.defect == "duplicate_id":
            assert bad.columns["编号"].index(bad.columns["编号"][one.row - 2]) < one.row - 2


def test_a_workbook_reads_back_with_numbers_as_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    write_xlsx(path, "表<1>", {"编号": ["0001", None], "床位": [12, 3.5], "名称": ["甲&乙", "丙"]}, date(2026, 1, 1))
    sheet = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    assert sheet == [["编号", "床位", "名称"], ["0001", 12.0, "甲&乙"], ["", 3.5, "丙"]]


def test_a_table_is_written_in_its_encoding(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write_csv(path, {"名称": ["长者食堂", None]}, "gb18030")
    assert path.read_bytes().decode("gb18030") == '名称\r\n长者食堂\r\n""\r\n'
