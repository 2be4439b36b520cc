"""Layers: what goes in comes out, and a re-import keeps every version."""

from __future__ import annotations

from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from geo.errors import ConflictError, InputError, NotFoundError
from geo.store import Store, audit, imports, layers, open_store
from geo.store.hilbert import hilbert_order
from geo.store.layer import LAYER_NAMES, layer
from geo.store.layers import SyncCounts
from tests.store.frames import ON, bring_in, demand, divisions, every_layer, facilities, read, revision, segments

LATER = date(2025, 6, 1)


def same_rows(found: gpd.GeoDataFrame, given: gpd.GeoDataFrame) -> None:
    """Assert that a layer holds what a frame gave, value by value and shape by shape."""
    given = given.sort_values("id", ignore_index=True)
    assert len(found) == len(given)
    for name in given.columns.drop(["geometry", "import_line"]):
        ours, theirs = found[name], given[name]
        assert list(ours.isna()) == list(theirs.isna()), name
        assert list(ours.dropna()) == list(theirs.dropna()), name
    assert shapely.equals(np.asarray(found.geometry), np.asarray(given.geometry)).all()
    assert found.crs.to_epsg() == 4490


@pytest.mark.parametrize("name", LAYER_NAMES)
def test_every_layer_returns_what_was_brought_in(store: Store, name: str) -> None:
    given = every_layer()[name]
    before = given.copy()
    _, counts = bring_in(store, name, given)
    assert counts == SyncCounts(added=len(given))
    on = date(2015, 1, 1) if name == "admin_divisions" else None
    same_rows(read(store, name, on=on), given)
    pd.testing.assert_frame_equal(given, before)


def test_missing_values_come_back_as_none_or_nan(store: Store) -> None:
    bring_in(store, "facilities", facilities())
    found = read(store, "facilities")
    assert found["status"].tolist() == ["open", None, None, None]
    assert found["open_date"].tolist() == [date(2020, 5, 1), None, None, None]
    assert np.isnan(found["capacity"][1])
    assert found["capacity"][0] == 120.5
    bring_in(store, "demand_points", demand())
    people = read(store, "demand_points")
    assert people["year"].dtype == np.float64
    assert np.isnan(people["year"][0])
    bring_in(store, "street_segments", segments())
    streets = read(store, "street_segments")
    assert (streets["is_steps"].dtype, streets["level"].dtype) == (np.dtype(bool), np.dtype(np.int64))


def test_an_empty_layer_reads_as_an_empty_frame_with_its_columns(store: Store) -> None:
    found = read(store, "gates")
    assert len(found) == 0
    assert {"fid", "uid", "id", "kind", "access", "geometry"} <= set(found.columns)


def test_an_empty_frame_closes_everything_of_its_source(store: Store) -> None:
    bring_in(store, "facilities", facilities())
    _, counts = bring_in(store, "facilities", facilities(0), on=LATER)
    assert counts == SyncCounts(closed=4)
    assert len(read(store, "facilities")) == 0
    assert len(read(store, "facilities", on=ON)) == 4


def test_a_reimport_without_changes_touches_nothing(store: Store) -> None:
    bring_in(store, "street_segments", segments())
    before, number = read(store, "street_segments"), revision(store, "street_segments")
    shuffled = segments().sample(frac=1, random_state=3).reset_index(drop=True)
    _, counts = bring_in(store, "street_segments", shuffled, on=LATER, sha256="01")
    assert counts == SyncCounts(unchanged=50)
    assert revision(store, "street_segments") == number
    pd.testing.assert_frame_equal(read(store, "street_segments"), before)


def test_a_reimport_versions_what_changed_and_closes_what_is_gone(store: Store) -> None:
    bring_in(store, "facilities", facilities())
    second = facilities(5).drop(index=2).reset_index(drop=True)
    second.loc[0, "name"] = "示范街道第一长者食堂(新)"
    second.loc[1, "geometry"] = shapely.Point(118.5, 36.9)
    second.loc[2, "capacity"] = 40.0
    number, counts = bring_in(store, "facilities", second, on=LATER, sha256="01")
    assert counts == SyncCounts(added=1, changed=3, closed=1)
    same_rows(read(store, "facilities"), second)
    # Feature 5 is new: nothing says since when it exists, so it holds at every date.
    same_rows(read(store, "facilities", on=ON).query("id != '5'"), facilities())
    assert read(store, "facilities")["valid_from"].tolist() == [LATER, LATER, LATER, None]
    with store.session(write=False) as session:
        kept = session.execute(text("SELECT count(*), count(closed_import_id) FROM facilities")).one()
        assert tuple(kept) == (8, 4)
        assert imports.get_import(session, number).counts == counts


def test_sources_do_not_close_each_other(store: Store) -> None:
    bring_in(store, "facilities", facilities(), source="a.csv")
    _, counts = bring_in(store, "facilities", facilities(2), source="b.csv")
    assert counts == SyncCounts(added=2)
    assert read(store, "facilities", where={"source": "b.csv"})["id"].tolist() == ["1", "2"]
    assert len(read(store, "facilities")) == 6


def test_two_changes_on_one_day_leave_one_version_at_every_date(store: Store) -> None:
    for step in range(3):
        changed = facilities(2)
        changed["name"] = f"第{step}次"
        bring_in(store, "facilities", changed, on=LATER if step else ON, sha256=str(step))
    assert read(store, "facilities", on=LATER)["name"].tolist() == ["第2次", "第2次"]
    assert read(store, "facilities", on=ON)["name"].tolist() == ["第0次", "第0次"]


def test_periods_that_a_file_states_win_over_the_date_of_import(store: Store) -> None:
    bring_in(store, "admin_divisions", divisions())
    assert read(store, "admin_divisions")["code"].tolist() == ["379902"]
    assert read(store, "admin_divisions", on=date(2019, 6, 29))["code"].tolist() == ["379902", "379903"]
    assert read(store, "admin_divisions", on=date(2019, 6, 30))["code"].tolist() == ["379902"]
    assert read(store, "admin_divisions", on=date(2009, 1, 1))["code"].tolist() == ["379903"]
    renamed = divisions()
    renamed.loc[0, "name"] = "示范新区"
    bring_in(store, "admin_divisions", renamed, on=LATER, sha256="01")
    # The file says that the new state holds since 2010: a correction, so the old version holds at no date.
    assert read(store, "admin_divisions", on=date(2015, 1, 1))["name"].tolist() == ["示范新区", "示范西县"]
    _, again = bring_in(store, "admin_divisions", renamed, on=LATER, sha256="02")
    assert again == SyncCounts(unchanged=2)


def test_undo_reopens_what_was_closed_and_withdraws_what_was_new(store: Store) -> None:
    bring_in(store, "admin_divisions", divisions())
    first = read(store, "admin_divisions", on=date(2015, 1, 1))
    changed = divisions()
    changed["name"] = ["甲", "乙"]
    second, _ = bring_in(store, "admin_divisions", changed, on=LATER, sha256="01")
    number = revision(store, "admin_divisions")
    with store.session() as session:
        assert imports.undo(session, second, actor="tester", on=LATER) == SyncCounts(added=2, closed=2)
    pd.testing.assert_frame_equal(read(store, "admin_divisions", on=date(2015, 1, 1)), first)
    assert revision(store, "admin_divisions") > number
    assert len(read(store, "admin_divisions", on=date(1, 1, 1))) == 1
    with store.session(write=False) as session:
        assert session.scalar(text("SELECT count(*) FROM admin_divisions")) == 4
        assert imports.find_same(session, "admin_divisions", "a.csv", "01", "{}") is None
        assert imports.find_same(session, "admin_divisions", "a.csv", "00", "{}") is not None
        assert [entry.action for entry in audit.entries(session)] == ["import undone", "imported", "imported"]
    _, again = bring_in(store, "admin_divisions", changed, on=LATER, sha256="01")
    assert again == SyncCounts(changed=2)


def test_only_the_newest_import_of_a_source_can_be_undone(store: Store) -> None:
    first, _ = bring_in(store, "facilities", facilities(2))
    second, _ = bring_in(store, "facilities", facilities(3), sha256="01")
    with store.session() as session, pytest.raises(ConflictError, match=f"undo {second} first"):
        imports.undo(session, first, actor="tester", on=ON)
    for number in (second, first):
        with store.session() as session:
            imports.undo(session, number, actor="tester", on=ON)
    with store.session() as session, pytest.raises(ConflictError, match="was undone"):
        imports.undo(session, first, actor="tester", on=ON)
    with store.session() as session, pytest.raises(NotFoundError, match="the newest is 2"):
        imports.undo(session, 99, actor="tester", on=ON)
    assert len(read(store, "facilities")) == 0


def test_one_import_may_fill_several_layers_and_is_undone_as_a_whole(store: Store) -> None:
    made = every_layer()
    with store.session() as session:
        number = imports.register(
            session, layer="streets", source="s.pbf", file_name="s.pbf", sha256="0", actor="t", parameters="{}"
        )
        total = SyncCounts()
        for name in ("street_segments", "gates", "barriers"):
            total += layers.sync_layer(session, name, made[name], source="s.pbf", import_id=number, on=ON)
        imports.finish(session, number, total)
    with store.session() as session:
        assert imports.undo(session, number, actor="t", on=ON) == SyncCounts(closed=53)
    assert [len(read(store, name)) for name in ("street_segments", "gates", "barriers")] == [0, 0, 0]


def test_a_failed_import_leaves_nothing(store_url: str) -> None:
    with open_store(store_url) as store:
        with pytest.raises(RuntimeError, match="the power fails"):
            bring_in(store, "facilities", facilities(), fail=True)
        assert len(read(store, "facilities")) == 0
        assert revision(store, "facilities") == 0
        with store.session(write=False) as session:
            assert imports.list_imports(session) == []
            assert audit.entries(session) == []
    with open_store(store_url) as store:
        bring_in(store, "facilities", facilities())
        with store.session() as session:
            session.execute(text("UPDATE facilities SET name = 'x' WHERE id = '1'"))
        assert revision(store, "facilities") == 2  # the triggers are still there


def test_rows_that_no_layer_can_keep_are_refused_all_at_once(store: Store) -> None:
    bad = facilities(5)
    bad["id"] = texts = ["1", "1", "3", "4", "5"]
    bad["id"] = pd.Series([*texts[:2], None, *texts[3:]], dtype=object)
    bad.loc[3, "geometry"] = shapely.LineString([(118, 36), (119, 37)])
    bad.loc[4, "geometry"] = None
    with pytest.raises(InputError) as caught, store.session() as session:
        layers.sync_layer(session, "facilities", bad, source="a", import_id=1, on=ON)
    found = sorted((problem.row, problem.code) for problem in caught.value.problems)
    assert found == [(3, "duplicate_id"), (4, "missing_id"), (5, "wrong_geometry"), (6, "wrong_geometry")]
    assert len(read(store, "facilities")) == 0


def test_a_callers_mistakes_are_named(store: Store) -> None:
    with store.session(write=False) as session:
        with pytest.raises(NotFoundError, match="no layer 'roads'"):
            layers.read_layer(session, "roads")
        with pytest.raises(ValueError, match="no columns \\['beds'\\]"):
            layers.read_layer(session, "facilities", columns=["beds"])
    with store.session() as session, pytest.raises(ValueError, match="no columns \\['beds'\\]"):
        layers.sync_layer(session, "facilities", facilities().assign(beds=1), source="a", import_id=1, on=ON)
    with store.session() as session, pytest.raises(ValueError, match="must be EPSG:4490"):
        layers.sync_layer(session, "facilities", facilities().to_crs(3857), source="a", import_id=1, on=ON)


def test_rows_can_be_chosen_by_value(store: Store) -> None:
    bring_in(store, "facilities", facilities())
    assert read(store, "facilities", where={"type": "senior_canteen"})["id"].tolist() == ["2", "4"]
    assert read(store, "facilities", where={"id": ["1", "4", "9"]})["id"].tolist() == ["1", "4"]
    assert read(store, "facilities", where={"status": None})["id"].tolist() == ["2", "3", "4"]
    assert read(store, "facilities", where={"id": []})["id"].tolist() == []
    found = read(store, "facilities", columns=["id", "row_version", "import_line"])
    assert list(found.columns) == ["fid", "uid", "id", "row_version", "import_line", "geometry"]
    assert found["uid"].is_unique


def test_heights_are_dropped_and_single_polygons_become_multipolygons(store: Store) -> None:
    high = facilities(2)
    high["geometry"] = shapely.points([[118.0, 36.0, 12.0], [118.1, 36.1, 13.0]])
    bring_in(store, "facilities", high)
    assert not read(store, "facilities").has_z.any()
    bring_in(store, "admin_divisions", divisions())
    assert set(read(store, "admin_divisions", on=date(2015, 1, 1)).geom_type) == {"MultiPolygon"}
    _, counts = bring_in(store, "facilities", high, sha256="01")
    assert counts == SyncCounts(unchanged=2)


def test_reading_sees_one_state_and_cannot_write(store: Store) -> None:
    bring_in(store, "facilities", facilities(2))
    with store.session(write=False) as session:
        assert len(layers.read_layer(session, "facilities")) == 2
        bring_in(store, "facilities", facilities(3), sha256="01")
        assert len(layers.read_layer(session, "facilities")) == 2
    with pytest.raises(Exception, match=r"readonly|read-only"), store.session(write=False) as session:
        layers.bump(session, "facilities")


def test_a_bulk_import_raises_the_revision_once_and_a_small_edit_too(store: Store) -> None:
    bring_in(store, "street_segments", segments(300))
    assert revision(store, "street_segments") == 1
    with store.session(write=False) as session:
        assert layers.revisions(session) == dict.fromkeys(LAYER_NAMES, 0) | {"street_segments": 1}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 3), max_size=8),
    second=st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 3), max_size=8),
)
def test_a_reimport_makes_the_layer_equal_to_the_file_whatever_the_change(
    tmp_path_factory: pytest.TempPathFactory, first: dict[str, int], second: dict[str, int]
) -> None:
    def rows(state: dict[str, int]) -> gpd.GeoDataFrame:
        places = shapely.points([100.0 + value for value in state.values()], [30.0] * len(state))
        return gpd.GeoDataFrame({"id": pd.Series(list(state), dtype=object)}, geometry=places, crs=4490)

    with open_store(str(tmp_path_factory.mktemp("s") / "s.gpkg")) as store:
        bring_in(store, "gates", rows(first))
        number, counts = bring_in(store, "gates", rows(second), on=LATER)
        shared = first.keys() & second.keys()
        changed = sum(first[key] != second[key] for key in shared)
        assert counts == SyncCounts(
            len(second.keys() - first.keys()), changed, len(first.keys() - second.keys()), len(shared) - changed
        )
        for on, state in ((None, second), (LATER, second)):
            found = read(store, "gates", on=on)
            assert dict(zip(found["id"], found.geometry.x - 100, strict=True)) == state
        with store.session() as session:
            imports.undo(session, number, actor="t", on=LATER)
        found = read(store, "gates")
        assert dict(zip(found["id"], found.geometry.x - 100, strict=True)) == first


def test_hilbert_order_keeps_neighbours_together() -> None:
    side = 64
    x, y = (part.ravel().astype(float) for part in np.meshgrid(np.arange(side), np.arange(side)))
    order = hilbert_order(x, y)
    assert sorted(order) == list(range(side * side))
    steps = np.abs(np.diff(x[order])) + np.abs(np.diff(y[order]))
    assert (steps == 1).all()  # the curve goes from each cell to a neighbour


def test_points_without_place_come_last_in_hilbert_order() -> None:
    assert hilbert_order(np.array([np.nan, 1.0, 0.0]), np.array([0.0, 1.0, 0.0])).tolist() == [2, 1, 0]


def test_every_layer_has_titles_for_people() -> None:
    assert all(layer(name).title_zh and layer(name).title_en for name in LAYER_NAMES)


def test_two_copies_of_a_store_edited_apart_have_different_tokens(store: Store) -> None:
    from geo.store import state

    def token() -> str:
        with store.session(write=False) as session:
            return state.token(session, ["facilities"])

    def bumped() -> str:
        with store.session() as session:
            layers.bump(session, "facilities")
        return token()

    # The revision alone would be the same after one change in each copy; the stamp is not.
    first = bumped()
    with store.session() as session:
        session.execute(text("UPDATE layer_revisions SET revision = revision - 1 WHERE layer = 'facilities'"))
    assert bumped() != first


def test_what_comes_back_does_not_stand_beside_what_it_was_before(store: Store) -> None:
    both = facilities(2)
    bring_in(store, "facilities", both)
    bring_in(store, "facilities", both.iloc[:1].reset_index(drop=True), on=LATER)
    back = date(2025, 9, 1)
    bring_in(store, "facilities", both, on=back)
    for on, expected in ((ON, ["1", "2"]), (LATER, ["1"]), (back, ["1", "2"]), (None, ["1", "2"])):
        assert read(store, "facilities", on=on)["id"].tolist() == expected, on


def test_what_was_undone_was_never_there(store: Store) -> None:
    number, _ = bring_in(store, "facilities", facilities(2))
    with store.session() as session:
        imports.undo(session, number, actor="tester", on=ON)
    bring_in(store, "facilities", facilities(2), on=LATER, sha256="01")
    assert read(store, "facilities", on=ON)["id"].tolist() == ["1", "2"]
