"""The layer table: what it says fits the store, and nothing internal is public by accident."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.auth.policy import POLICIES
from geo.catalog.load import families
from geo.catalog.map_layer import PUBLIC, field_titles, map_layer, map_layers, parse_layers
from geo.catalog.reader import ProblemLog, read_toml
from geo.errors import InputError, NotFoundError
from geo.report import html
from geo.report.html import legend_style
from geo.store.layer import DERIVED_LAYERS, LAYERS

INTERNAL_TABLES = {
    "coverage_gaps", "coverage_cells", "demand_cells", "demand_points", "residential_land", "gates", "barriers",
    "facility_footprints",
}  # fmt: skip
BOOKKEEPING = {"source", "import_id", "import_line", "closed_import_id", "quality", "raw_x", "raw_y", "attributes"}


def test_every_layer_reads_a_table_of_the_store_and_only_columns_it_has() -> None:
    for layer in map_layers().values():
        assert set(layer.fields) <= set(LAYERS[layer.table].columns), layer.name


def test_every_served_column_has_a_title_and_every_title_a_column() -> None:
    served = {field for layer in map_layers().values() for field in layer.fields}
    assert served == set(field_titles())


def test_the_public_reads_divisions_streets_and_facilities_and_nothing_else() -> None:
    public = {layer.table for layer in map_layers().values() if PUBLIC in layer.read}
    assert public == {"admin_divisions", "street_segments", "facilities"}
    assert not public & INTERNAL_TABLES
    assert not {field for layer in map_layers().values() for field in layer.fields} & BOOKKEEPING


def test_people_are_for_planners_alone() -> None:
    assert map_layer("demand").read == {"planner"}


def test_what_runs_leave_on_the_map_is_for_those_who_may_read_runs() -> None:
    derived = {layer.name: layer for layer in map_layers().values() if layer.table in DERIVED_LAYERS}
    assert set(derived) == {"gaps", "coverage_cells", "demand_cells"}
    for layer in derived.values():
        assert layer.read == POLICIES["runs.read"].roles
        assert layer.note_zh
        assert layer.note_en
        assert layer.is_current == ("is_current" in layer.fields)


def test_a_ramp_goes_by_a_served_column_and_is_the_reports_legend() -> None:
    for layer in map_layers().values():
        assert layer.ramp is None or layer.ramp.field in layer.fields
    ramp = map_layer("coverage_cells").ramp
    assert ramp is not None
    style, tokens = legend_style(), (Path(html.__file__).parent / "assets/tokens.css").read_text("utf-8")
    for number, colour in enumerate(reversed(ramp.colours)):
        assert f"--class-{number}:{colour};" in style
    # The page's own file has colours of its own for dark ground only.
    light, dark = tokens.split('[data-theme="dark"]')
    assert "--class-0" not in light
    assert "--class-0" in dark


def test_facilities_are_served_by_family() -> None:
    found = {layer.family for layer in map_layers().values() if layer.is_facility}
    assert found == set(families())


def test_an_unknown_layer_is_not_found() -> None:
    with pytest.raises(NotFoundError):
        map_layer("secrets")


def test_every_mistake_in_a_layer_table_is_reported_at_once(tmp_path: Path) -> None:
    path = tmp_path / "layers.toml"
    path.write_text(
        '[a]\ntable = "x"\ntitle_zh = "甲"\ntitle_en = "A"\nread = ["nobody"]\nfields = []\nzoom = 40\n'
        'colour = "red"\nextra = 1\nwhere = "nowhere"\n'
        '[a.ramp]\nfield = "x"\ncolours = ["#000000", "blue"]\nbreaks = [2, 1]\nunknown = "#000000"\n',
        encoding="utf-8",
    )
    log = ProblemLog()
    parse_layers(read_toml(path, log))
    with pytest.raises(InputError) as caught:
        log.raise_if_any()
    fields = {problem.field for problem in caught.value.problems}
    wanted = {"read", "fields", "zoom", "colour", "extra", "where", "ramp.colours", "ramp.breaks"}
    assert {f"a.{name}" for name in wanted} <= fields | {
        problem.line("en").split('"')[1] for problem in caught.value.problems if '"' in problem.line("en")
    }
