"""Pages by key and counts, on both engines."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update

from geo.store import Session, Store, layers
from geo.store.cql2 import compile_filter
from geo.store.matched import count_rows
from geo.store.page_stream import all_pages
from geo.store.pages import PageKey, RowChoice, Sort, read_page, today
from tests.store.cql2_cases import FIELDS, STREETS, fill, streets
from tests.store.frames import ON, bring_in, segments

NOW = RowChoice(today(), today())
COLUMNS = ("id", "name", "is_steps", "level", "width_m", "valid_from")
LATER = date(2025, 6, 1)


@pytest.fixture
def rows(store: Store) -> list[dict[str, Any]]:
    return fill(store)


def walk(session: Session, choice: RowChoice, *, limit: int = 7, sort: Sort | None = None) -> list[tuple[Any, ...]]:
    """Read page after page; each is full but the last."""
    found: list[tuple[Any, ...]] = []
    after: int | PageKey = 0
    while True:
        page = read_page(session, STREETS, COLUMNS, choice, after=after, limit=limit, sort=sort)
        assert len(page.fids) == limit or not page.has_more
        found += zip(page.fids, page.wkb, *page.values, strict=True)
        if not page.has_more:
            return found
        assert page.key is not None
        after = page.key


@pytest.mark.parametrize("limit", [1, 7, 60, 100])
def test_pages_put_together_are_the_layer(store: Store, rows: list[Any], limit: int) -> None:
    with store.session(write=False) as session:
        found = walk(session, NOW, limit=limit)
        whole = layers.read_layer(session, "street_segments", columns=["id", "name", "level"])
    assert [row[0] for row in found] == whole["fid"].tolist()
    assert [row[3] for row in found] == whole["name"].tolist()
    shapes = shapely.from_wkb(np.array([row[1] for row in found], dtype=object))
    assert shapely.equals_identical(shapes, np.asarray(whole.geometry)).tolist() == [
        one is not None for one in whole.geometry
    ]
    assert {row[4] for row in found} == {True, False, None}
    assert {row[7] for row in found} == {"2020-05-01", "2020-05-02", "2024-02-29", None}


@pytest.mark.parametrize("column", ["name", "is_steps", "level", "width_m", "valid_from", "fid", "foot"])
@pytest.mark.parametrize("is_descending", [False, True])
def test_a_sorted_walk_has_every_row_once_in_order_and_missing_values_last(
    store: Store, rows: list[Any], column: str, is_descending: bool
) -> None:
    with store.session(write=False) as session:
        found = [row[0] for row in walk(session, NOW, sort=Sort(column, is_descending))]
        values = dict(tuple(row) for row in session.execute(select(STREETS.table.c.fid, STREETS.table.c[column])))
    known = sorted(fid for fid, value in values.items() if value is not None)
    # Sorting is stable and keeps rows of one value in the order of fid, also the other way round.
    known.sort(key=lambda fid: values[fid], reverse=is_descending)
    assert found == [*known, *sorted(fid for fid, value in values.items() if value is None)]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    west=st.integers(0, 8),
    south=st.integers(0, 8),
    width=st.integers(0, 8),
    limit=st.integers(1, 20),
    sort=st.sampled_from([None, Sort("name"), Sort("level", True)]),
)
def test_pages_of_a_box_and_a_filter_lose_and_repeat_nothing(
    store: Store, rows: list[Any], west: int, south: int, width: int, limit: int, sort: Sort | None
) -> None:
    box = (118 + west / 8, 36 + south / 8, 118 + (west + width) / 8, 36 + (south + width) / 8)
    with store.session(write=False) as session:
        words = ", ".join(map(str, box))
        condition = compile_filter(session, STREETS, FIELDS, f"S_INTERSECTS(geometry, BBOX({words})) AND level <> 1")
        choice = RowChoice(today(), today(), (), (condition,))
        both = RowChoice(today(), today(), (box,), (condition,)) if width else choice
        found = [row[2] for row in walk(session, both, limit=limit, sort=sort)]
        assert count_rows(session, STREETS, both) == (len(found), True)
    corners = shapely.box(*box) if width else shapely.Point(box[:2])
    wanted = {
        row["id"]
        for row in rows
        if row["geometry"] is not None and row["level"] in (0, -1) and shapely.intersects(row["geometry"], corners)
    }
    assert sorted(found) == sorted(wanted)


def test_versions_of_a_date_are_those_read_layer_reads(store: Store) -> None:
    first = streets()
    first["valid_from"] = None
    bring_in(store, "street_segments", first)
    second = first.drop(index=range(10)).reset_index(drop=True)
    second["name"] = "新名"
    bring_in(store, "street_segments", second, on=LATER, sha256="01")
    with store.session(write=False) as session:
        for on in (ON, LATER):
            whole = layers.read_layer(session, "street_segments", on=on)
            assert [row[0] for row in walk(session, RowChoice(on, on))] == whole["fid"].tolist()
            assert count_rows(session, STREETS, RowChoice(on, on)) == (len(whole), True)
        assert len(walk(session, NOW)) == 50


def test_a_row_that_goes_between_two_pages_does_not_shift_them(store: Store, rows: list[Any]) -> None:
    with store.session(write=False) as session:
        first = read_page(session, STREETS, COLUMNS, NOW, after=0, limit=20)
        expected = read_page(session, STREETS, COLUMNS, NOW, after=first.fids[-1], limit=20)
    with store.session() as session:
        gone = update(STREETS.table).where(STREETS.table.c.fid.in_(first.fids[:5])).values(valid_to=date(2020, 1, 1))
        session.execute(gone)
    with store.session(write=False) as session:
        assert first.key is not None
        assert read_page(session, STREETS, COLUMNS, NOW, after=first.key, limit=20).fids == expected.fids


def test_an_empty_page_has_no_key(store: Store) -> None:
    with store.session(write=False) as session:
        page = read_page(session, STREETS, COLUMNS, NOW, after=0, limit=5)
        assert (page.fids, page.key, page.has_more) == ((), None, False)
        assert count_rows(session, STREETS, NOW) == (0, True)
        assert count_rows(session, STREETS, NOW, budget_s=-1)[0] >= 0


def test_rows_are_sorted_by_columns_of_the_layer_only(store: Store) -> None:
    with store.session(write=False) as session, pytest.raises(ValueError, match="no column fid; DROP"):
        read_page(session, STREETS, COLUMNS, NOW, after=0, limit=5, sort=Sort("fid; DROP TABLE imports"))


@pytest.mark.parametrize("write", [False, True])
def test_a_count_that_takes_too_long_is_an_estimate_and_the_transaction_lives_on(store: Store, write: bool) -> None:
    many = streets(30_000)
    many["id"] = [f"w{row}" for row in range(len(many))]
    bring_in(store, "street_segments", many)
    if store.kind == "postgis":
        with store.session() as session:
            session.connection().exec_driver_sql("ANALYZE street_segments")
    with store.session(write=write) as session:
        before = (
            session.scalar(text("SELECT current_setting('statement_timeout')")) if store.kind == "postgis" else None
        )
        condition = compile_filter(session, STREETS, FIELDS, "ACCENTI(CASEI(name)) LIKE '%e%' OR length_m < 150")
        choice = RowChoice(today(), today(), (), (condition,))
        exact, is_exact = count_rows(session, STREETS, choice, budget_s=30)
        assert is_exact
        number, is_exact = count_rows(session, STREETS, choice, budget_s=0.002)
        assert not is_exact
        assert 0 < number <= 30_000
        assert count_rows(session, STREETS, choice, budget_s=0.002, at_least=40_000) == (40_000, False)
        if before is not None:
            assert session.scalar(text("SELECT current_setting('statement_timeout')")) == before
        assert count_rows(session, STREETS, choice, budget_s=30) == (exact, True)
        if write:
            layers.bump(session, "street_segments")


def test_an_estimate_on_the_embedded_store_is_close(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from geo.store import matched, open_store

    # However busy the machine is: what is tested is the estimate, not the clock.
    monkeypatch.setattr(matched, "_SAMPLE_S", 60.0)

    many = streets(30_000)
    many["id"] = [f"w{row}" for row in range(len(many))]
    with open_store(str(tmp_path / "one.gpkg")) as store:
        bring_in(store, "street_segments", many)
        with store.session(write=False) as session:
            condition = compile_filter(session, STREETS, FIELDS, "CASEI(name) LIKE '%e%' OR length_m < 150")
            choice = RowChoice(today(), today(), (), (condition,))
            exact, _ = count_rows(session, STREETS, choice)
            number, is_exact = count_rows(session, STREETS, choice, budget_s=0.002)
    assert not is_exact
    assert number == pytest.approx(exact, rel=0.1)


def test_reading_a_whole_layer_leaves_the_page_cache_as_it_was(
    store: Store, rows: list[dict[str, Any]]
) -> None:
    if store.kind != "gpkg":
        return
    with store.session(write=False) as session:

        def size() -> int:
            return int(session.connection().exec_driver_sql("PRAGMA cache_size").scalar_one())

        usual = size()
        pages = all_pages(session, STREETS, COLUMNS, NOW, size=10)
        next(pages)
        assert abs(size()) < abs(usual)
        pages.close()
        assert size() == usual


def test_postgresql_looks_through_a_table_after_many_rows_came_in(store: Store) -> None:
    if store.kind != "postgis":
        return
    bring_in(store, "street_segments", segments(2000))
    asked = "SELECT reltuples FROM pg_class WHERE relname = 'street_segments'"
    with store.session(write=False) as session:
        assert session.connection().exec_driver_sql(asked).scalar_one() == 2000
