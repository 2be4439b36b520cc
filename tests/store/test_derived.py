"""Rows of runs on both stores: the newest run of a type is current, the oldest make room, the index stays true."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import shapely
from sqlalchemy import select, text

from geo.store import Store, derived, layers, maintenance, open_store, runs
from geo.store.engine import open_engine, writing
from geo.store.frames import EncodedRows
from geo.store.geometry import as_stored, encode_wkb
from geo.store.layer import DERIVED_LAYERS, layer
from geo.store.pages import RowChoice, read_page

CELLS = "coverage_cells"
ANY = RowChoice(None, None)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """Open an empty store."""
    with open_store(store_url) as opened:
        yield opened


def rows(run_id: str, types: list[str], start: int = 0) -> EncodedRows:
    """Make a square for each type given, beginning at a place on a line."""
    west = 118 + (start + np.arange(len(types))) / 1000
    boxes = np.asarray(shapely.box(west, 36, west + 0.001, 36.001), dtype=object).reshape(-1)
    squares = as_stored(boxes, "MULTIPOLYGON")
    facts = {"run_id": [run_id] * len(types), "type": types, "is_current": [True] * len(types)}
    values = {name: np.array([*column, None], dtype=object)[:-1] for name, column in facts.items()}
    return EncodedRows(values, squares, encode_wkb(squares), shapely.bounds(squares).reshape(-1, 4))


def add(store: Store, run_id: str, counts: dict[str, int], *, start: int = 0, is_alone: bool = False) -> None:
    """Add a run with some rows of each type."""
    made = rows(run_id, [slug for slug, count in counts.items() for _ in range(count)], start)
    with store.session() as session:
        derived.add_run(session, CELLS, run_id, list(counts), made, is_alone=is_alone)


def held(store: Store) -> dict[tuple[str, str, bool], int]:
    """Count rows by run, type and whether they are current."""
    table = layer(CELLS).table.c
    found: dict[tuple[str, str, bool], int] = {}
    with store.session(write=False) as session:
        for run_id, slug, current in session.execute(select(table.run_id, table.type, table.is_current)):
            found[run_id, slug, current] = found.get((run_id, slug, current), 0) + 1
    return found


def check_index(store: Store) -> None:
    """Make sure that every row, and nothing else, is found by its place."""
    spec = layer(CELLS)
    with store.session(write=False) as session:
        everything = read_page(session, spec, (), ANY, after=0, limit=100_000)
        boxes = shapely.bounds(shapely.from_wkb(np.array(everything.wkb, dtype=object))).reshape(-1, 4)
        for west in (118.0, 118.0055, 119.3):
            box = (west, 35.0, west + 0.01, 37.0)
            found = read_page(session, spec, (), RowChoice(None, None, (box,)), after=0, limit=100_000)
            inside = (boxes[:, 0] <= box[2]) & (boxes[:, 2] >= box[0])
            assert found.fids == tuple(np.array(everything.fids)[inside].tolist())
        if store.kind == "gpkg":
            assert session.scalar(text(f"SELECT rtreecheck('rtree_{CELLS}_geom')")) == "ok"
            indexed = session.scalars(text(f"SELECT id FROM rtree_{CELLS}_geom ORDER BY id")).all()
            assert tuple(indexed) == everything.fids


def test_the_newest_run_of_each_type_is_current(store: Store) -> None:
    add(store, "r1", {"a": 2, "b": 3})
    add(store, "r2", {"a": 4}, start=10)
    assert held(store) == {("r1", "a", False): 2, ("r1", "b", True): 3, ("r2", "a", True): 4}
    add(store, "r3", {"a": 0, "b": 1}, start=20)
    assert held(store) == {
        ("r1", "a", False): 2, ("r1", "b", False): 3, ("r2", "a", False): 4, ("r3", "b", True): 1,
    }  # fmt: skip
    add(store, "r1", {"a": 1, "b": 1})
    assert held(store) == {
        ("r1", "a", True): 1, ("r1", "b", True): 1, ("r2", "a", False): 4, ("r3", "b", False): 1,
    }  # fmt: skip
    check_index(store)
    add(store, "r4", {"a": 1}, start=5, is_alone=True)
    assert held(store) == {("r4", "a", True): 1}
    check_index(store)


def test_the_oldest_runs_make_room_but_never_a_current_one(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derived, "MOST_ROWS", 9)
    add(store, "r1", {"b": 4})
    for number in range(2, 5):
        add(store, f"r{number}", {"a": 2})
    assert held(store) == {("r1", "b", True): 4, ("r3", "a", False): 2, ("r4", "a", True): 2}
    add(store, "r5", {"a": 8})
    assert held(store) == {("r1", "b", True): 4, ("r5", "a", True): 8}
    add(store, "r6", {"a": 10})
    assert held(store) == {("r1", "b", True): 4, ("r6", "a", True): 10}
    check_index(store)
    add(store, "r7", {"a": 2, "b": 10})
    assert held(store) == {("r7", "a", True): 2, ("r7", "b", True): 10}
    check_index(store)


@pytest.mark.parametrize("counts", [(30, 20), (2_500, 2_100), (2_500, 30), (30, 2_500)])
def test_the_index_is_true_whatever_comes_and_goes(store: Store, counts: tuple[int, int]) -> None:
    first, second = counts
    add(store, "r1", {"a": first, "b": 40})
    check_index(store)
    add(store, "r1", {"a": second}, start=7)
    assert held(store) == {("r1", "a", True): second}
    add(store, "r2", {"a": first}, start=3)
    check_index(store)
    assert held(store) == {("r1", "a", False): second, ("r2", "a", True): first}
    add(store, "r2", {"a": 0})
    assert held(store) == {("r1", "a", False): second}
    check_index(store)


def test_a_run_raises_the_revision_once_and_leaves_no_journal(store: Store) -> None:
    add(store, "r1", {"a": 5})
    add(store, "r2", {"a": 5}, start=100)
    with store.session(write=False) as session:
        assert layers.revisions(session)[CELLS] == 2
        assert session.scalar(text("SELECT count(*) FROM change_journal")) == 0
        if store.kind == "gpkg":
            box = session.execute(text(f"SELECT min_x, max_x FROM gpkg_contents WHERE table_name = '{CELLS}'")).one()
            assert tuple(box) == pytest.approx((118, 118.105))
    # The triggers are back: an edit by hand is tracked.
    with store.session() as session:
        session.execute(text(f"UPDATE {CELLS} SET persons = 12 WHERE run_id = 'r2'"))
    with store.session(write=False) as session:
        assert layers.revisions(session)[CELLS] == 7
        assert session.scalar(text("SELECT count(*) FROM change_journal")) == 5


def test_rows_are_replaced_as_a_whole(store: Store) -> None:
    with store.session() as session:
        derived.replace_rows(session, CELLS, rows("r1", ["a"] * 3))
    with store.session() as session:
        derived.replace_rows(session, CELLS, rows("r2", ["a"] * 2))
    assert held(store) == {("r2", "a", True): 2}
    with store.session() as session:
        derived.replace_rows(session, CELLS, rows("r3", []))
    assert held(store) == {}
    check_index(store)


@pytest.mark.parametrize("engine", ["gpkg", pytest.param("postgis", marks=pytest.mark.postgis)])
def test_a_store_from_before_gets_the_layers_empty_and_keeps_its_runs(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = str(tmp_path / "old.gpkg") if engine == "gpkg" else request.getfixturevalue("empty_database")()
    old = open_engine(url)
    maintenance.migrate(old, to="0001")
    with writing(old) as connection:
        connection.exec_driver_sql(
            "INSERT INTO analysis_runs (run_id, kind, parameters, revisions, summary, content_hash, software_version, "
            "actor, created_at) VALUES ('cov-1', 'coverage', '{}', '{}', '{}', '', '0', 'x', '2025-01-01T00:00:00Z')"
        )
    old.dispose()
    assert maintenance.upgrade(url) == "0001"
    with open_store(url) as store:
        assert held(store) == {}
        with store.session(write=False) as session:
            assert runs.get_run(session, "cov-1").actor == "x"
            assert {layers.revision(session, name) for name in DERIVED_LAYERS} == {0}
        add(store, "cov-2", {"a": 3})
        check_index(store)


def test_of_two_runs_at_once_one_is_current(store: Store, store_url: str) -> None:
    add(store, "r1", {"a": 2})
    is_written, failures = threading.Event(), list[BaseException]()

    def first() -> None:
        with store.session() as session:
            derived.add_run(session, CELLS, "r2", ["a"], rows("r2", ["a"] * 3, 10))
            is_written.set()
            time.sleep(0.4)

    def second() -> None:
        assert is_written.wait(20)
        with open_store(store_url) as other:
            add(other, "r3", {"a": 4}, start=20)

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert held(store) == {("r1", "a", False): 2, ("r2", "a", False): 3, ("r3", "a", True): 4}
    check_index(store)
