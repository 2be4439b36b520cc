"""The layer table: what it says fits the store, and nothing internal is public by accident."""

from __future__ import annotations

from pathlib import Path

import pytest

from geo.catalog.load import families
from geo.catalog.map_layer import PUBLIC, field_titles, map_layer, map_layers, parse_layers
from geo.catalog.reader import ProblemLog, read_toml
from geo.errors import InputError, NotFoundError
from geo.store.layer import LAYERS

INTERNAL_TABLES = {"demand_points", "residential_land", "gates", "barriers", "facility_footprints"}
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
        'colour = "red"\nextra = 1\n',
        encoding="utf-8",
    )
    log = ProblemLog()
    parse_layers(read_toml(path, log))
    with pytest.raises(InputError) as caught:
        log.raise_if_any()
    fields = {problem.field for problem in caught.value.problems}
    assert {"a.read", "a.fields", "a.zoom", "a.colour", "a.extra"} <= fields | {
        problem.line("en").split('"')[1] for problem in caught.value.problems if '"' in problem.line("en")
    }
