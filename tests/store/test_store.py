"""Opening, closing, schema, audit log, runs, several writers."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyproj
import pytest
import shapely
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError

from geo.errors import ConflictError, DataSourceError, FangyuError, InputError, NotFoundError
from geo.store import Store, audit, imports, layers, maintenance, open_store, runs
from geo.store.engine import open_engine, writing
from geo.store.layer import LAYER_NAMES, LAYERS
from geo.store.migrations import HEAD
from geo.store.rebuild import rebuild_feature_table
from geo.store.rows import sqlite_connection
from geo.store.tables import AuditEntry, Base, Facility
from geo.store.triggers import sqlite_tracking
from tests.store.frames import ON, bring_in, every_layer, facilities, read, revision, segments


def schema_of(connection: Connection) -> dict[str, object]:
    """Describe a schema so that two of them can be compared."""
    if connection.dialect.name == "sqlite":
        objects = connection.execute(
            text("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name")
        ).all()
        described: dict[str, object] = {f"{row[0]} {row[1]}": row[3] for row in objects if row[0] != "table"}
        tables = [row[1] for row in objects if row[0] == "table"]
        for name in tables:
            described[name] = [tuple(row)[1:] for row in connection.execute(text(f'PRAGMA table_info("{name}")'))]
            described[f"{name} auto"] = "AUTOINCREMENT" in next(row[3] for row in objects if row[1] == name)
        for name in ("gpkg_geometry_columns", "gpkg_extensions", "gpkg_spatial_ref_sys", "layer_revisions"):
            described[f"rows {name}"] = sorted(map(tuple, connection.execute(text(f"SELECT * FROM {name}"))))
        contents = "SELECT table_name, data_type, identifier, description, srs_id FROM gpkg_contents"
        described["rows contents"] = sorted(map(tuple, connection.execute(text(contents))))
        described["pragmas"] = [
            connection.scalar(text(f"PRAGMA {name}")) for name in ("application_id", "user_version")
        ]
        return described
    columns = (
        "SELECT table_name, column_name, data_type, udt_name, is_nullable, column_default, is_identity "
        "FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, ordinal_position"
    )
    indexes = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname"
    triggers = "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY tgname"
    geometry = "SELECT f_table_name, f_geometry_column, srid, type FROM geometry_columns ORDER BY 1"
    return {
        query: [tuple(row) for row in connection.execute(text(query))]
        for query in (columns, indexes, triggers, geometry)
    }


@pytest.fixture(params=["gpkg", pytest.param("postgis", marks=pytest.mark.postgis)])
def two_empty_urls(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """Return two places where there is no store yet, on each engine in turn."""
    if request.param == "gpkg":
        return str(tmp_path / "a.gpkg"), str(tmp_path / "b.gpkg")
    make = request.getfixturevalue("empty_database")
    return make(), make()


def test_a_migrated_schema_is_the_fresh_one(two_empty_urls: tuple[str, str]) -> None:
    fresh_url, migrated_url = two_empty_urls
    maintenance.upgrade(fresh_url)
    migrating = open_engine(migrated_url)
    maintenance.migrate(migrating)
    fresh = open_engine(fresh_url)
    with fresh.connect() as one, migrating.connect() as other:
        assert schema_of(one) == schema_of(other)
        assert one.scalar(text("SELECT version_num FROM alembic_version")) == HEAD
        assert other.scalar(text("SELECT version_num FROM alembic_version")) == HEAD
    fresh.dispose()
    migrating.dispose()
    with open_store(migrated_url) as store:
        bring_in(store, "facilities", facilities())
        assert len(read(store, "facilities")) == 4


def test_head_is_the_newest_migration_and_is_configured_in_the_project_file() -> None:
    import tomllib

    from alembic.config import Config
    from alembic.script import ScriptDirectory

    project = Path(__file__).parents[2] / "pyproject.toml"
    location = tomllib.loads(project.read_text("utf-8"))["tool"]["alembic"]["script_location"]
    config = Config()
    config.set_main_option("script_location", location.replace("%(here)s", str(project.parent)))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_a_rebuilt_table_is_as_a_fresh_one_and_keeps_its_rows(gpkg_path: Path, tmp_path: Path) -> None:
    with open_store(str(gpkg_path)) as store:
        for name, rows in every_layer().items():
            bring_in(store, name, rows)
    with open_store(str(gpkg_path)) as store:
        before = {name: read(store, name) for name in LAYER_NAMES}
    open_store(str(tmp_path / "fresh.gpkg")).close()
    engine, fresh = open_engine(str(gpkg_path)), open_engine(str(tmp_path / "fresh.gpkg"))
    with writing(engine) as connection:
        # An older schema had no ownership and another name for the tier.
        for name in sqlite_tracking(Base.metadata.tables["facilities"]):
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.exec_driver_sql("ALTER TABLE facilities DROP COLUMN ownership")
        connection.exec_driver_sql("ALTER TABLE facilities RENAME COLUMN tier TO grade")
    with writing(engine) as connection:
        rebuild_feature_table(connection, Base.metadata.tables["facilities"], fill={"tier": "grade"})
    with engine.connect() as one, fresh.connect() as other:
        ours, theirs = schema_of(one), schema_of(other)
        assert ours.pop("rows layer_revisions") != theirs.pop("rows layer_revisions")
        assert ours == theirs
    engine.dispose()
    fresh.dispose()
    with open_store(str(gpkg_path)) as store:
        for name in LAYER_NAMES:
            assert read(store, name).equals(before[name])
        assert revision(store, "facilities") == 2
        with store.session(write=False) as session:
            assert session.scalar(text("SELECT rtreecheck('rtree_facilities_geom')")) == "ok"
            assert session.scalar(text("SELECT max_x FROM gpkg_contents WHERE table_name = 'facilities'")) > 118


def test_every_sqlite_column_has_a_geopackage_type(gpkg_path: Path) -> None:
    allowed = {"TEXT", "INTEGER", "REAL", "BOOLEAN", "DATE", "DATETIME", "BLOB", "POINT", "LINESTRING", "MULTIPOLYGON"}
    with open_store(str(gpkg_path)) as store, store.session(write=False) as session:
        for name in [*Base.metadata.tables, "alembic_version"]:
            for row in session.execute(text(f"PRAGMA table_info({name})")):
                assert row[2] in allowed, (name, row[1])


def test_text_number_and_json_columns_compile_to_geopackage_types(gpkg_path: Path) -> None:
    from sqlalchemy import JSON, Column, Float, MetaData, Numeric, String, Table

    columns = [Column("a", String(20)), Column("b", Numeric(10, 2)), Column("c", JSON), Column("d", Float)]
    engine = open_engine(str(gpkg_path))
    with writing(engine) as connection:
        Table("t", MetaData(), *columns).create(connection)
        assert [row[2] for row in connection.execute(text("PRAGMA table_info(t)"))] == ["TEXT", "REAL", "TEXT", "REAL"]
    engine.dispose()


def test_the_coordinate_system_is_the_one_of_the_epsg_register(gpkg_path: Path) -> None:
    with open_store(str(gpkg_path)) as store, store.session(write=False) as session:
        rows = session.execute(text("SELECT srs_id, definition FROM gpkg_spatial_ref_sys WHERE srs_id > 0")).all()
        assert {row[0] for row in rows} == {4326, 4490}
        for number, definition in rows:
            assert pyproj.CRS(definition).equals(pyproj.CRS.from_epsg(number), ignore_axis_order=True)


def test_a_closed_store_is_one_file(gpkg_path: Path) -> None:
    store = open_store(str(gpkg_path))
    bring_in(store, "facilities", facilities())
    assert Path(f"{gpkg_path}-wal").exists()
    store.close()
    assert sorted(path.name for path in gpkg_path.parent.iterdir()) == ["store.gpkg"]
    with sqlite3.connect(gpkg_path) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert raw.execute("SELECT count(*) FROM facilities").fetchone() == (4,)
    raw.close()


def test_closing_leaves_a_store_alone_that_another_one_still_uses(gpkg_path: Path) -> None:
    first, second = open_store(str(gpkg_path)), open_store(str(gpkg_path))
    bring_in(first, "facilities", facilities())
    with second.session(write=False) as session:
        assert len(layers.read_layer(session, "facilities")) == 4
        first.close()
        assert len(layers.read_layer(session, "facilities")) == 4
    bring_in(second, "facilities", facilities(5), sha256="01")
    second.close()
    assert sorted(path.name for path in gpkg_path.parent.iterdir()) == ["store.gpkg"]


def test_a_store_keeps_its_id(store_url: str) -> None:
    with open_store(store_url) as store:
        first = store.store_id
    with open_store(store_url) as store:
        assert store.store_id == first
    assert re.fullmatch("[0-9a-f]{32}", first)


def test_what_is_no_store_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a \.gpkg path or a postgresql"):
        open_store("store.sqlite")
    with pytest.raises(InputError, match="postgresql"):
        open_store("mysql://x/y")
    with pytest.raises(DataSourceError, match="does not exist"):
        open_store(str(tmp_path / "missing.gpkg"), create=False)
    assert not (tmp_path / "missing.gpkg").exists()
    (tmp_path / "text.gpkg").write_text("this is no database, only text that is long enough" * 50)
    with pytest.raises(DataSourceError, match="cannot be opened"):
        open_store(str(tmp_path / "text.gpkg"))
    with sqlite3.connect(tmp_path / "other.gpkg") as raw:
        raw.execute("CREATE TABLE roads (fid INTEGER PRIMARY KEY)")
    raw.close()
    content = (tmp_path / "other.gpkg").read_bytes()
    with pytest.raises(DataSourceError, match="no Fangyu store"):
        open_store(str(tmp_path / "other.gpkg"))
    with pytest.raises(DataSourceError, match="no Fangyu store"):
        maintenance.upgrade(str(tmp_path / "other.gpkg"))
    assert (tmp_path / "other.gpkg").read_bytes() == content
    with open_store(str(tmp_path / "whole.gpkg")):
        pass
    (tmp_path / "cut.gpkg").write_bytes((tmp_path / "whole.gpkg").read_bytes()[:20_000])
    with pytest.raises(DataSourceError, match="cannot be opened"):
        open_store(str(tmp_path / "cut.gpkg"))
    with pytest.raises(DataSourceError, match="cannot be opened"):
        open_store("postgresql+psycopg://nobody:secret@127.0.0.1:1/none?connect_timeout=2")


def test_a_password_is_never_shown() -> None:
    with pytest.raises(DataSourceError) as caught:
        open_store("postgresql+psycopg://nobody:secret@127.0.0.1:1/none?connect_timeout=2")
    assert "secret" not in caught.value.message("zh") + caught.value.message("en") + str(caught.value.detail)


def test_a_newer_store_is_refused(store_url: str) -> None:
    with open_store(store_url) as store, store.session() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConflictError, match="newer than this software"):
        open_store(store_url)
    with pytest.raises(ConflictError, match="newer than this software"):
        maintenance.upgrade(store_url)


@pytest.mark.postgis
def test_a_database_without_schema_waits_for_db_upgrade(request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("empty_database")()
    with pytest.raises(ConflictError, match="fangyu db upgrade"):
        open_store(url)
    assert maintenance.upgrade(url) is None
    assert maintenance.upgrade(url) == HEAD
    open_store(url).close()


def test_an_older_embedded_store_is_copied_and_migrated_at_opening(
    gpkg_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store(str(gpkg_path)) as store:
        bring_in(store, "facilities", facilities())
        with store.session() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    migrated: list[str] = []

    def pretend(engine: object, *, to: str = "head") -> None:
        migrated.append(to)
        with sqlite3.connect(gpkg_path) as raw:
            raw.execute("UPDATE alembic_version SET version_num = ?", (HEAD,))
        raw.close()

    monkeypatch.setattr(maintenance, "migrate", pretend)
    with open_store(str(gpkg_path)) as store:
        assert len(read(store, "facilities")) == 4
    assert migrated == ["head"]
    copy = gpkg_path.with_name(f"store.before-{HEAD}.gpkg")
    with sqlite3.connect(copy) as raw:
        assert raw.execute("SELECT version_num FROM alembic_version").fetchone() == ("0000",)
        assert raw.execute("SELECT count(*) FROM facilities").fetchone() == (4,)
    raw.close()


def test_a_process_that_dies_in_the_middle_of_an_import_leaves_nothing(gpkg_path: Path) -> None:
    open_store(str(gpkg_path)).close()
    program = (
        "import os, sys\n"
        "from geo.store import imports, layers, open_store\n"
        "from tests.store.frames import ON, segments\n"
        "with open_store(sys.argv[1]) as store, store.session() as session:\n"
        "    layers.sync_layer(session, 'street_segments', segments(3000), source='a', import_id=1, on=ON)\n"
        "    session.connection().exec_driver_sql('PRAGMA cache_spill = 1')\n"
        "    os._exit(9)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program, str(gpkg_path)], cwd=root, check=False)
    assert done.returncode == 9
    with open_store(str(gpkg_path)) as store:
        assert len(read(store, "street_segments")) == 0
        assert revision(store, "street_segments") == 0
        bring_in(store, "street_segments", segments(10))
        with store.session() as session:
            session.execute(text("UPDATE street_segments SET name = 'x' WHERE fid = 1"))
        assert revision(store, "street_segments") == 2


def test_the_audit_log_can_only_grow(store: Store) -> None:
    with store.session() as session:
        audit.append(session, "tester", "did", "thing/1", "{}")
        audit.append_many(session, [audit.Note("tester", "did", f"thing/{n}", "{}") for n in (2, 3)])
    statements = ["UPDATE audit_log SET actor = 'nobody'", "DELETE FROM audit_log WHERE fid = 1"]
    if store.kind == "gpkg":
        statements.append(
            "INSERT OR REPLACE INTO audit_log (fid, at, actor, action, subject, detail, chain, seq, kind, outcome) "
            "VALUES (1, '', '', '', '', '', '', 9, '', '')"
        )
    else:
        statements.append("TRUNCATE audit_log")
    for statement in statements:
        with pytest.raises(DBAPIError, match="append-only"), store.session() as session:
            session.execute(text(statement))
    with store.session(write=False) as session:
        assert [entry.subject for entry in audit.entries(session)] == ["thing/3", "thing/2", "thing/1"]
        assert [entry.subject for entry in audit.entries(session, limit=1)] == ["thing/3"]
        assert audit.first_broken(session) is None


def test_a_forged_audit_entry_breaks_the_chain(gpkg_path: Path) -> None:
    with open_store(str(gpkg_path)) as store, store.session() as session:
        for number in range(4):
            audit.append(session, "tester", "did", f"thing/{number}", "{}")
    with sqlite3.connect(gpkg_path) as raw:
        raw.execute("DROP TRIGGER keep_audit_log_update")
        raw.execute("UPDATE audit_log SET actor = 'nobody' WHERE fid = 2")
    raw.close()
    with open_store(str(gpkg_path)) as store, store.session(write=False) as session:
        assert audit.first_broken(session) == 2


def test_runs_and_results_are_kept_replaced_and_found(store: Store) -> None:
    def run(run_id: str, summary: str = "{}") -> runs.RunRecord:
        return runs.RunRecord(run_id, "coverage", '{"minutes": 15}', '{"facilities": 1}', summary, "ab", "0.1.0")

    with store.session() as session:
        runs.save_run(session, run("r1"))
        runs.save_result(session, "r1", "senior_canteen", "80_plus", b"\x00\x01")
        runs.save_result(session, "r1", "senior_canteen", "80_plus", b"\x02")
        runs.save_result(session, "r1", "care_home", "80_plus", b"\x03")
        runs.save_run(session, run("r2"))
    with store.session(write=False) as session:
        assert runs.load_result(session, "r1", "senior_canteen", "80_plus") == b"\x02"
        assert runs.list_results(session, "r1") == [("senior_canteen", "80_plus"), ("care_home", "80_plus")]
        newest = runs.latest(session, "coverage")
        assert newest is not None
        assert newest.run_id == "r2"
        assert newest.created_at is not None
        assert newest.created_at.tzinfo is not None
        assert runs.latest(session, "siting") is None
        assert [found.run_id for found in runs.list_runs(session, kind="coverage")] == ["r2", "r1"]
        with pytest.raises(NotFoundError, match="the latest are r2, r1"):
            runs.get_run(session, "r3")
        with pytest.raises(NotFoundError, match="care_home/80_plus"):
            runs.load_result(session, "r1", "care_home", "unable")
    with store.session() as session:
        runs.save_run(session, run("r1", '{"again": true}'))
    with store.session(write=False) as session:
        assert runs.get_run(session, "r1").summary == '{"again": true}'
        assert runs.list_results(session, "r1") == []


def test_a_facility_written_through_the_model_is_tracked_and_indexed(store: Store) -> None:
    with store.session() as session:
        session.add(Facility(id="7", source="form", name="示范食堂", geom=shapely.Point(118.3, 36.7)))
    with store.session() as session:
        found = session.scalars(select(Facility)).one()
        assert found.geom is not None
        assert found.geom.equals(shapely.Point(118.3, 36.7))
        found.geom = shapely.Point(118.4, 36.7)
        found.name = "示范食堂二"
    with store.session(write=False) as session:
        stored = session.scalars(select(Facility)).one()
        assert (stored.row_version, stored.name) == (2, "示范食堂二")
        assert layers.revision(session, "facilities") == 2
        if store.kind == "gpkg":
            box = session.execute(text("SELECT minx, maxx FROM rtree_facilities_geom")).one()
            assert box[0] <= 118.4 <= box[1]
            assert box[1] - box[0] < 1e-4


def test_two_writers_do_not_corrupt_the_store(store_url: str) -> None:
    with open_store(store_url) as first, open_store(store_url) as second:
        failures: list[BaseException] = []

        def write(store: Store, source: str) -> None:
            try:
                for step in range(8):
                    bring_in(store, "facilities", facilities(3 + step % 2), source=source, sha256=str(step))
                    with store.session() as session:
                        session.execute(text("UPDATE facilities SET name = name || '!' WHERE id = '1'"))
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=write, args=pair) for pair in ((first, "a"), (second, "b"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert failures == []
        found = read(first, "facilities", columns=["id", "source"])
        assert sorted(zip(found["source"], found["id"], strict=True)) == [
            (source, str(row + 1)) for source in "ab" for row in range(4)
        ]
        with first.session(write=False) as session:
            assert audit.first_broken(session) is None
            assert session.scalar(text("SELECT count(*) FROM change_journal WHERE origin IS NULL")) == 0
            if first.kind == "gpkg":
                assert session.scalar(text("PRAGMA integrity_check")) == "ok"
                assert session.scalar(text("SELECT rtreecheck('rtree_facilities_geom')")) == "ok"


def test_backup_and_restore_bring_everything_back(
    store_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    is_file = "://" not in store_url
    copy = tmp_path / ("copy.gpkg" if is_file else "copy.dump")
    with open_store(store_url) as store:
        for name, rows in every_layer().items():
            bring_in(store, name, rows)
        expected = {name: read(store, name) for name in LAYER_NAMES}
        maintenance.backup(store_url, str(copy))  # while the store is open
        identity = store.store_id
        bring_in(store, "facilities", facilities(1), sha256="01")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("copy")) == [copy.name]
    with pytest.raises(ConflictError, match="--force"):
        maintenance.restore(str(copy), store_url)
    target = str(tmp_path / "new.gpkg") if is_file else request.getfixturevalue("empty_database")()
    for url, overwrite in ((target, False), (store_url, True)):
        maintenance.restore(str(copy), url, overwrite=overwrite)
        with open_store(url) as store:
            assert store.store_id == identity
            for name in LAYER_NAMES:
                assert read(store, name).equals(expected[name])
            number = revision(store, "facilities")
            _, counts = bring_in(store, "facilities", facilities(5), sha256="02")
            assert (counts.added, counts.unchanged) == (1, 4)
            with store.session() as session:
                session.execute(text("UPDATE facilities SET name = 'x' WHERE id = '5'"))
            assert revision(store, "facilities") == number + 2
            with pytest.raises(DBAPIError, match="append-only"), store.session() as session:
                session.execute(text("DELETE FROM audit_log"))


def test_a_backup_of_nothing_is_refused_in_words(tmp_path: Path, gpkg_path: Path) -> None:
    with pytest.raises(DataSourceError, match="does not exist"):
        maintenance.backup(str(gpkg_path), str(tmp_path / "copy.gpkg"))
    with pytest.raises(DataSourceError, match="does not exist"):
        maintenance.restore(str(tmp_path / "copy.gpkg"), str(gpkg_path))
    (tmp_path / "copy.gpkg").write_bytes(b"SQLite format 3\x00" + b"\x00" * 4000)
    with pytest.raises(DataSourceError, match="no sound Fangyu store"):
        maintenance.restore(str(tmp_path / "copy.gpkg"), str(gpkg_path))
    assert not gpkg_path.exists()


@pytest.mark.postgis
def test_an_edit_in_the_database_past_fangyu_is_absorbed(request: pytest.FixtureRequest) -> None:
    import psycopg

    url = request.getfixturevalue("postgis_url")
    with open_store(url) as store:
        bring_in(store, "facilities", facilities())
    with psycopg.connect(url.replace("+psycopg", "")) as raw:
        raw.execute("UPDATE facilities SET geom = ST_SetSRID(ST_MakePoint(118.5, 36.5), 4490) WHERE id = '1'")
        raw.execute("DELETE FROM facilities WHERE id = '2'")
        raw.execute("INSERT INTO facilities (name, status) VALUES ('无几何', 'gone')")
    with open_store(url) as store:
        found = {(edit.id, edit.operation): [p.code for p in edit.problems] for edit in store.outside_edits}
        assert found == {
            ("1", "updated"): [],
            ("2", "deleted"): [],
            ("new-5", "inserted"): ["missing_geometry", "unknown_value"],
        }
        moved = read(store, "facilities", where={"id": "1"}).iloc[0]
        assert (moved["raw_x"], moved["datum_method"]) == (118.5, "edited outside")
        with store.session(write=False) as session:
            assert len(session.scalars(select(AuditEntry).where(AuditEntry.action == "edited outside")).all()) == 3
    with open_store(url) as store:
        assert store.outside_edits == ()


def test_every_layer_has_a_table_of_its_own() -> None:
    assert [LAYERS[name].table.name for name in LAYER_NAMES] == list(LAYER_NAMES)


def test_a_damaged_backup_leaves_the_store_that_was_there(store_url: str, tmp_path: Path) -> None:
    copy = tmp_path / ("copy.gpkg" if "://" not in store_url else "copy.dump")
    with open_store(store_url) as store:
        bring_in(store, "street_segments", segments(400))
        expected = read(store, "street_segments")
    maintenance.backup(store_url, str(copy))
    whole = copy.read_bytes()
    for kept in (100, len(whole) // 2, len(whole) - len(whole) // 5):
        copy.write_bytes(whole[:kept])
        with pytest.raises(DataSourceError):
            maintenance.restore(str(copy), store_url, overwrite=True)
        with open_store(store_url) as store:
            assert read(store, "street_segments").equals(expected)


def test_a_store_that_breaks_under_way_is_reported_in_words(gpkg_path: Path) -> None:
    def fill(store: Store) -> None:
        with store.session() as session:
            session.execute(text("PRAGMA max_page_count = 1"))
            rows = ((str(number), "x" * 900) for number in range(900))
            sqlite_connection(session).executemany("INSERT INTO store_info VALUES (?, ?)", rows)

    with open_store(str(gpkg_path)) as store, pytest.raises(DataSourceError, match="disk is full"):
        fill(store)


@pytest.mark.parametrize("source", ["shared", "another"])
def test_two_people_importing_one_file_at_once_import_it_once(store_url: str, source: str) -> None:
    done: list[bool] = []
    started = threading.Barrier(2)

    def bring(name: str) -> None:
        with open_store(store_url) as store:
            started.wait(10)
            with store.session() as session:
                same = imports.find_same(session, "facilities", name, "ab", "{}")
                if same is None:
                    facts = {"layer": "facilities", "source": name, "file_name": "f.csv", "sha256": "ab"}
                    number = imports.register(session, **facts, actor="test", parameters="{}")
                    layers.sync_layer(session, "facilities", facilities(), source=name, import_id=number, on=ON)
                    time.sleep(0.2)
                done.append(same is None)

    threads = [threading.Thread(target=bring, args=(name,)) for name in ("shared", source)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(done) == [source == "another", True]


@pytest.mark.parametrize(
    "url",
    [
        "postgres://fangyu:secret@host/db",
        "mysql://fangyu:secret@host:3306/db",
        "mysql://:secret@host/db",
        "postgresql://fangyu:sec@ret/secret@host/db.gpkg?x=1",
        "postgresql://fangyu:secret@host:port/db",
        "postgresql+psycopg://fangyu@127.0.0.1:1/db?connect_timeout=1&password=secret",
        "postgresql+psycopg://fangyu:secret@127.0.0.1:1/db?connect_timeout=1",
    ],
)
def test_no_message_holds_a_password(url: str, tmp_path: Path) -> None:
    for act in (open_store, maintenance.upgrade, lambda given: maintenance.backup(given, str(tmp_path / "saved"))):
        with pytest.raises(FangyuError) as refused:
            act(url)
        told = refused.value.message_zh + refused.value.message_en + str(refused.value.detail)
        assert "secret" not in told
        assert "sec@" not in told
