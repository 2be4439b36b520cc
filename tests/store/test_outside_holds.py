"""Published legal records edited past Fangyu: they come back as they were, and the edit is held whole."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from geo.catalog.map_layer import legal_tables
from geo.store import Store, audit, open_store, outside_holds
from geo.store.engine import open_engine, writing
from geo.store.layer import layer
from geo.store.outside_holds import HoldRecord
from tests.store.frames import bring_in, divisions, facilities, read, revision
from tests.store.outsider import execute

TABLE = "admin_divisions"
EAST, WEST = "id = '379902'", "id = '379903'"


@pytest.fixture
def filled(store_url: str) -> str:
    with open_store(store_url) as store:
        bring_in(store, TABLE, divisions())
        bring_in(store, "facilities", facilities())
    return store_url


def rows(store: Store) -> dict[int, dict[str, object]]:
    """Read every division whole: every column, the geometry to its last digit."""
    with store.session(write=False) as session:
        keys = list(session.scalars(text(f"SELECT fid FROM {TABLE} ORDER BY fid")))
        said = {key: json.loads(outside_holds.row_now(session, layer(TABLE), key) or "") for key in keys}
    return {key: {name: value for name, value in row.items() if name != "row_version"} for key, row in said.items()}


def held(store: Store) -> list[HoldRecord]:
    """Return what waits, the oldest first."""
    with store.session(write=False) as session:
        return outside_holds.list_holds(session, state="held")[::-1]


def content(said: str | None) -> dict[str, object]:
    found: dict[str, object] = json.loads(said or "{}")
    return found


MOVED = f"UPDATE {TABLE} SET geom = (SELECT geom FROM {TABLE} WHERE {WEST}) WHERE {EAST}"
DRAWN = (
    f"INSERT INTO {TABLE} (id, code, name, level, geom) "
    f"SELECT '379904', '379904', '新画区', level, geom FROM {TABLE} WHERE {WEST}"
)
TWICE = [f"UPDATE {TABLE} SET name = '一' WHERE {EAST}", f"UPDATE {TABLE} SET name = '二', code = '1' WHERE {EAST}"]


@pytest.mark.parametrize(
    ("statements", "operations"),
    [
        ([f"UPDATE {TABLE} SET name = '改名区' WHERE {EAST}"], ["update"]),
        ([MOVED], ["update"]),
        ([f"DELETE FROM {TABLE} WHERE {EAST}"], ["delete"]),
        ([f"DELETE FROM {TABLE}"], ["delete", "delete"]),
        ([DRAWN], ["insert"]),
        (TWICE, ["update"]),
        ([f"UPDATE {TABLE} SET name = '一' WHERE {EAST}", f"DELETE FROM {TABLE} WHERE {EAST}"], ["delete"]),
        ([f"UPDATE {TABLE} SET fid = 777, name = '换号' WHERE {EAST}"], ["delete", "insert"]),
        ([f"UPDATE {TABLE} SET fid = 777 WHERE {EAST}", MOVED], ["delete", "insert"]),
        ([f"UPDATE {TABLE} SET valid_to = '2020-01-01', closed_import_id = 1 WHERE {EAST}"], ["update"]),
        ([f"UPDATE {TABLE} SET geom = NULL, name = NULL, id = NULL, source = NULL WHERE {EAST}"], ["update"]),
        ([DRAWN, "UPDATE admin_divisions SET name = '又改' WHERE id = '379904'"], ["insert"]),
        (
            [
                f"UPDATE {TABLE} SET uid = 'tmp' WHERE {EAST}",
                f"UPDATE {TABLE} SET uid = (SELECT uid FROM {TABLE} WHERE {EAST}) || '-x' WHERE {WEST}",
            ],
            ["update", "update"],
        ),
        (
            [
                f"CREATE TABLE kept AS SELECT fid, uid FROM {TABLE}",
                f"UPDATE {TABLE} SET uid = NULL",
                f"UPDATE {TABLE} SET uid = (SELECT k.uid FROM kept AS k WHERE k.fid <> {TABLE}.fid)",
                "DROP TABLE kept",
            ],
            ["update", "update"],
        ),
    ],
)  # fmt: skip
def test_what_is_published_comes_back_whole_and_the_edit_is_held(
    filled: str, statements: list[str], operations: list[str]
) -> None:
    with open_store(filled) as store:
        before = rows(store)
    execute(filled, *statements)
    with open_store(filled) as store:
        assert rows(store) == before
        assert store.outside_edits == ()
        assert [one.operation for one in store.outside_holds] == operations
        found = held(store)
        assert found == list(store.outside_holds)
        assert all(one.problem is None for one in found)
        for one in found:
            published = {name: value for name, value in content(one.before).items() if name != "row_version"}
            assert published == before.get(one.row_fid, {})
        assert revision(store, TABLE) > 1, "caches and tiles see it"
        with store.session(write=False) as session:
            told = [entry for entry in audit.entries(session) if entry.action == "outside edit held"]
            assert len(told) == len(found)
            assert audit.first_broken(session) is None
            assert not outside_holds.has_pending(session)
            if store.kind == "gpkg":
                assert session.scalar(text(f"SELECT rtreecheck('rtree_{TABLE}_geom')")) == "ok"
    with open_store(filled) as again:
        assert again.outside_holds == ()
        assert held(again) == found


def test_the_held_edit_says_all_that_was_edited(filled: str) -> None:
    execute(filled, f"UPDATE {TABLE} SET name = '改名区', geom = NULL WHERE {EAST}")
    with open_store(filled) as store:
        [one] = held(store)
        assert (one.layer, one.feature_id, one.state) == (TABLE, "379902", "held")
        assert (content(one.before)["name"], content(one.after)["name"]) == ("示范东区", "改名区")
        assert content(one.before)["geom"]
        assert not content(one.after)["geom"]
        assert {"uid", "source", "import_id", "valid_from"} <= set(content(one.before))
        assert read(store, TABLE)["name"].tolist() == ["示范东区"]


def test_a_row_that_is_edited_back_outside_is_not_held(filled: str) -> None:
    execute(filled, f"UPDATE {TABLE} SET name = 'x' WHERE {EAST}", f"UPDATE {TABLE} SET name = '示范东区' WHERE {EAST}")
    execute(filled, DRAWN, "DELETE FROM admin_divisions WHERE id = '379904'")
    with open_store(filled) as store:
        assert (store.outside_edits, held(store)) == ((), [])
        with store.session(write=False) as session:
            assert [one.action for one in audit.entries(session, limit=2)] == ["edited outside"] * 2


def test_other_layers_are_absorbed_as_before_and_at_the_same_opening(filled: str) -> None:
    execute(
        filled,
        "UPDATE facilities SET name = '改名食堂' WHERE id = '1'",
        f"UPDATE {TABLE} SET name = '改名区' WHERE {EAST}",
    )
    with open_store(filled) as store:
        assert [(one.layer, one.operation) for one in store.outside_edits] == [("facilities", "updated")]
        assert [one.layer for one in store.outside_holds] == [TABLE]
        assert read(store, "facilities")["name"].iloc[0] == "改名食堂"


def test_what_is_edited_while_a_store_is_open_is_put_back_before_the_next_write(filled: str) -> None:
    with open_store(filled) as store:
        before = rows(store)
        execute(filled, f"UPDATE {TABLE} SET name = '改名区' WHERE {EAST}", f"DELETE FROM {TABLE} WHERE {WEST}")
        assert rows(store) != before
        with store.session() as session:
            names = list(session.scalars(text(f"SELECT name FROM {TABLE} ORDER BY fid")))
        assert names == ["示范东区", "示范西县"] or names == ["示范西县", "示范东区"]
        assert rows(store) == before
        assert [one.operation for one in store.outside_holds] == ["update", "delete"]
        execute(filled, f"UPDATE {TABLE} SET name = '再改' WHERE {EAST}")
        bring_in(store, "facilities", facilities(2), sha256="01")
        assert [content(one.after).get("name") for one in held(store)] == ["改名区", None, "再改"]
        assert rows(store) == before


def test_a_write_that_fails_puts_nothing_back_and_loses_nothing(filled: str) -> None:
    with open_store(filled) as store:
        execute(filled, f"UPDATE {TABLE} SET name = '改名区' WHERE {EAST}")

        class Stop(Exception):  # noqa: N818
            pass

        with pytest.raises(Stop), store.session():
            raise Stop
        assert (store.outside_holds, held(store)) == ((), [])
        with store.session():
            pass
        assert [content(one.after)["name"] for one in held(store)] == ["改名区"]


def test_our_own_imports_are_not_held(filled: str) -> None:
    with open_store(filled) as store:
        bring_in(store, TABLE, divisions().assign(name=["新东区", "新西县"]), sha256="01")
        with store.session() as session:
            session.execute(text(f"UPDATE {TABLE} SET quality = NULL"))
        assert (store.outside_holds, held(store)) == ((), [])
    with open_store(filled) as store:
        assert (store.outside_edits, store.outside_holds) == ((), ())


def test_what_a_migration_changes_is_not_held(filled: str) -> None:
    engine = open_engine(filled)
    with writing(engine) as connection:
        connection.execute(text(f"UPDATE {TABLE} SET name = '迁移' WHERE {EAST}"))
    engine.dispose()
    with open_store(filled) as store:
        assert (store.outside_edits, store.outside_holds) == ((), ())
        assert "迁移" in read(store, TABLE)["name"].tolist()


def test_what_cannot_be_put_back_is_held_and_said_why(filled: str) -> None:
    execute(
        filled,
        f"DELETE FROM {TABLE} WHERE {EAST}",
        f"CREATE UNIQUE INDEX one_level ON {TABLE} (level)",
    )
    with open_store(filled) as store:
        [one] = held(store)
        assert (one.operation, one.before is not None) == ("delete", True)
        assert "level" in str(one.problem)
        assert len(rows(store)) == 1
        with store.session(write=False) as session:
            told = json.loads(audit.entries(session, limit=1)[0].detail)
            assert (told["is_put_back"], "level" in told["problem"]) == (False, True)
        execute(filled, "DROP INDEX one_level")
        with store.session() as session:
            assert outside_holds.put_back(session, one) is None
            assert outside_holds.put_back(session, one) is None, "once more is no harm"
        assert len(rows(store)) == 2


def test_a_hold_is_decided_once_and_never_changed_or_removed(filled: str) -> None:
    execute(filled, f"UPDATE {TABLE} SET name = '改名区' WHERE {EAST}", f"DELETE FROM {TABLE} WHERE {WEST}")
    with open_store(filled) as store:
        first, _ = held(store)
        with store.session() as session:
            done = outside_holds.settle(session, first, state="restored", reviewer="li", reason="误操作")
        assert (done.state, done.reviewer, done.reason, done.tag) == ("restored", "li", "误操作", f"{first.hold_id}.2")
        for statement in (
            "DELETE FROM outside_holds",
            "UPDATE outside_holds SET before = NULL WHERE state = 'held'",
            "UPDATE outside_holds SET after = '{}', state = 'accepted' WHERE state = 'held'",
            "UPDATE outside_holds SET state = 'held' WHERE state = 'restored'",
            "UPDATE outside_holds SET reason = 'x' WHERE state = 'restored'",
            f"INSERT OR REPLACE INTO outside_holds SELECT * FROM outside_holds WHERE hold_id = '{first.hold_id}'"
            if store.kind == "gpkg"
            else "TRUNCATE outside_holds",
        ):
            with pytest.raises(DBAPIError, match="decided once"), store.session() as session:
                session.execute(text(statement))


def test_every_legal_layer_is_a_layer_of_the_store() -> None:
    assert TABLE in legal_tables()
    for name in legal_tables():
        assert layer(name).name == name


@pytest.mark.parametrize("store_url", ["gpkg"], indirect=True)
class TestOnGeoPackage:
    """What only SQLite and its clients do."""

    @pytest.mark.parametrize(
        "statement",
        [
            f"INSERT OR REPLACE INTO {TABLE} (fid, id, name) SELECT fid, id, '替换' FROM {TABLE} WHERE {EAST}",
            f"INSERT OR REPLACE INTO {TABLE} (uid, id, name) SELECT uid, id, '替换' FROM {TABLE} WHERE {EAST}",
            f"UPDATE OR REPLACE {TABLE} SET uid = (SELECT uid FROM {TABLE} WHERE {EAST}) WHERE {WEST}",
            f"UPDATE OR REPLACE {TABLE} SET fid = (SELECT fid FROM {TABLE} WHERE {EAST}) WHERE {WEST}",
            f"INSERT INTO {TABLE} (fid, name) SELECT fid, '并入' FROM {TABLE} WHERE {EAST} "
            "ON CONFLICT (fid) DO UPDATE SET name = excluded.name",
            f"INSERT OR IGNORE INTO {TABLE} (fid, name) SELECT fid, '略过' FROM {TABLE} WHERE {EAST}",
        ],
    )
    def test_a_row_that_is_replaced_without_being_deleted_comes_back(self, filled: str, statement: str) -> None:
        with open_store(filled) as store:
            before = rows(store)
        execute(filled, statement)
        with open_store(filled) as store:
            assert rows(store) == before
            assert bool(held(store)) is ("IGNORE" not in statement)
            with store.session(write=False) as session:
                assert session.scalar(text(f"SELECT rtreecheck('rtree_{TABLE}_geom')")) == "ok"

    @pytest.mark.skipif(shutil.which("ogr2ogr") is None, reason="GDAL's programs are not installed (gdal-bin)")
    def test_what_gdal_edits_and_appends_is_held(self, filled: str, tmp_path: Path) -> None:
        with open_store(filled) as store:
            before = rows(store)
        subprocess.run(["ogrinfo", "-q", filled, "-sql", f"UPDATE {TABLE} SET name = '改' WHERE {EAST}"], check=True)
        copied = tmp_path / "copy.gpkg"
        columns = "SELECT id, code, name, level, geom FROM admin_divisions"
        subprocess.run(["ogr2ogr", "-f", "GPKG", "-nln", TABLE, "-sql", columns, copied, filled], check=True)
        subprocess.run(["ogr2ogr", "-append", "-nln", TABLE, filled, copied, TABLE], check=True)
        with open_store(filled) as store:
            assert rows(store) == before
            assert [one.operation for one in held(store)] == ["update", "insert", "insert"]
            assert content(held(store)[1].after)["geom"]


@pytest.mark.postgis
@pytest.mark.parametrize("store_url", [pytest.param("postgis", marks=pytest.mark.postgis)], indirect=True)
class TestOnPostgis:
    """What only PostgreSQL and its clients do."""

    def test_a_layer_that_is_emptied_comes_back(self, filled: str) -> None:
        with open_store(filled) as store:
            before = rows(store)
        execute(filled, f"TRUNCATE {TABLE}")
        with open_store(filled) as store:
            assert rows(store) == before
            assert [one.operation for one in held(store)] == ["delete", "delete"]

    def test_an_edit_that_is_still_open_is_waited_for_and_never_published(self, filled: str) -> None:
        with open_store(filled) as store:
            before = rows(store)
            execute(filled, f"UPDATE {TABLE} SET name = '一' WHERE {EAST}")
            with psycopg.connect(filled.replace("+psycopg", "")) as other:
                other.execute(f"UPDATE {TABLE} SET name = '二' WHERE {EAST}".encode())

                def write() -> None:
                    with store.session():
                        pass

                thread = threading.Thread(target=write)
                thread.start()
                thread.join(0.5)
                assert thread.is_alive(), "the row is not to be put back under somebody's hands"
                other.commit()
                thread.join(30)
            assert rows(store) == before
            assert [content(one.after)["name"] for one in held(store)] == ["二"]
