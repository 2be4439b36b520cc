"""CQL2 filters on both stores, held against a plain evaluator over the rows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import cql2
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Dialect, make_url, select, update

from geo.store import Store
from geo.store.cql2 import CONFORMANCE, Queryable, compile_filter, filter_condition, layer_queryables, parse_filter
from geo.store.cql2.words import CONDITIONS, SPATIALS
from geo.store.functions import fold_accents, fold_case
from geo.store.layer import layer
from geo.store.tables import AnalysisRun, Base
from tests.store.cql2_cases import FIELDS, FILTERS, NAMES, SPATIAL, STREETS, expected, fill, found, write
from tests.store.frames import bring_in, every_layer, facilities, frame

DIALECTS: tuple[Dialect, ...] = tuple(
    make_url(url).get_dialect()() for url in ("sqlite://", "postgresql+psycopg://")
)
SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
FACILITIES = layer("facilities")
DATED: Any = {name: FACILITIES.columns[name].kind for name in ("id", "name", "open_date", "capacity")}


@pytest.fixture
def rows(store: Store) -> list[dict[str, Any]]:
    return fill(store)


@settings(max_examples=150, deadline=None, suppress_health_check=SLOW)
@given(tree=FILTERS)
def test_filters_find_the_rows_a_plain_evaluator_finds(store: Store, rows: list[dict[str, Any]], tree: Any) -> None:
    wanted = expected(rows, tree)
    assert found(store, json.dumps(tree), language="cql2-json") == wanted
    assert found(store, write(tree)) == wanted


@settings(max_examples=150, deadline=None, suppress_health_check=SLOW)
@given(tree=SPATIAL)
def test_spatial_conditions_know_rows_without_geometry(store: Store, rows: list[dict[str, Any]], tree: Any) -> None:
    for asked in (tree, {"op": "not", "args": [tree]}, {"op": "not", "args": [{"op": "not", "args": [tree]}]}):
        assert found(store, json.dumps(asked), language="cql2-json") == expected(rows, asked)


@settings(max_examples=100, deadline=None)
@given(tree=FILTERS)
def test_what_is_accepted_means_to_the_parser_what_it_means_to_us(tree: Any) -> None:
    queryables = {name: Queryable(STREETS.table.c[name], kind) for name, kind in FIELDS.items()}
    queryables["geometry"] = Queryable(STREETS.table.c.geom, "geometry")
    ours = parse_filter(write(tree), queryables)
    theirs = parse_filter(cql2.parse_text(write(tree)).to_text(), queryables)
    for dialect in DIALECTS:
        compiled = [
            filter_condition(one, is_sqlite=dialect.name == "sqlite").compile(dialect=dialect) for one in (ours, theirs)
        ]
        assert str(compiled[0]) == str(compiled[1])
        assert compiled[0].params == compiled[1].params


@pytest.mark.parametrize("name", ["facilities", "residential_land", "street_segments"])
@pytest.mark.parametrize("operator", SPATIALS)
def test_spatial_relations_hold_for_points_lines_and_areas(store: Store, name: str, operator: str) -> None:
    spec = layer(name)
    bring_in(store, name, every_layer()[name])
    with store.session(write=False) as session:
        stored = dict(tuple(row) for row in session.execute(select(spec.table.c.fid, spec.table.c.geom)))
        first = next(iter(stored.values()))
        assert first is not None
        near = first.buffer(0.005, quad_segs=2)
        corner = shapely.points(shapely.get_coordinates(first)[0])
        for literal in (first, near, corner, shapely.box(117.9, 35.9, 118.4, 37.3)):
            node = json.loads(shapely.to_geojson(literal))
            text = json.dumps({"op": operator, "args": [{"property": "geometry"}, node]})
            condition = compile_filter(session, spec, {}, text, language="cql2-json")
            ids = set(session.scalars(select(spec.table.c.fid).where(condition)))
            exact = shapely.from_geojson(json.dumps(node))
            assert ids == {fid for fid, one in stored.items() if getattr(shapely, operator[2:])(one, exact)}


def test_filters_may_have_their_coordinates_in_another_order_or_system(store: Store, rows: list[Any]) -> None:
    wanted = expected(
        rows, {"op": "s_intersects", "args": [{"property": "geometry"}, {"bbox": [118, 36, 118.3, 36.4]}]}
    )
    assert wanted
    assert found(store, "S_INTERSECTS(geometry, BBOX(118, 36, 118.3, 36.4))") == wanted
    turned = found(store, "S_INTERSECTS(geometry, BBOX(36, 118, 36.4, 118.3))", to_degrees=lambda one: one[:, ::-1])
    assert turned == wanted
    scaled = found(
        store, "S_INTERSECTS(geometry, BBOX(118000, 36000, 118300, 36400))", to_degrees=lambda one: one / 1000
    )
    assert scaled == wanted


def test_a_box_may_be_a_point_or_a_line_have_heights_or_cross_the_date_line(store: Store, rows: list[Any]) -> None:
    def meeting(text: str) -> set[str]:
        return found(store, f"S_INTERSECTS(geometry, {text})")

    assert meeting("BBOX(118.5, 36.5, 118.5, 36.5)") == meeting("POINT(118.5 36.5)") != set()
    assert meeting("BBOX(118, 36.5, 119, 36.5)") == meeting("LINESTRING(118 36.5, 119 36.5)")
    assert meeting("BBOX(118, 36, -100, 118.3, 36.4, 900)") == meeting("BBOX(118, 36, 118.3, 36.4)")
    assert meeting("BBOX(118.6, 36, 118.2, 37)") == meeting(
        "MULTIPOLYGON(((118.6 36,180 36,180 37,118.6 37,118.6 36)),((-180 36,118.2 36,118.2 37,-180 37,-180 36)))"
    )
    assert meeting("POINT Z(118.5 36.5 20)") == meeting("POINT(118.5 36.5)")


def test_collections_of_one_kind_are_one_geometry_and_mixed_ones_may_be_met(store: Store, rows: list[Any]) -> None:
    halves = "POLYGON((118 36,118.5 36,118.5 37,118 37,118 36)), POLYGON((118.5 36,119 36,119 37,118.5 37,118.5 36))"
    assert found(store, f"S_WITHIN(geometry, GEOMETRYCOLLECTION({halves}))") == found(
        store, "S_WITHIN(geometry, BBOX(118, 36, 119, 37))"
    )
    mixed = "GEOMETRYCOLLECTION(POINT(118.5 36.5), LINESTRING(118 36, 118.125 36))"
    parts = "S_INTERSECTS(geometry, POINT(118.5 36.5)) OR S_INTERSECTS(geometry, LINESTRING(118 36, 118.125 36))"
    assert found(store, f"S_INTERSECTS(geometry, {mixed})") == found(store, parts)
    assert found(store, f"S_DISJOINT(geometry, {mixed})") == found(store, f"NOT ({parts})")


STANDARD = [
    ("name = 'Main Street'", ["Main Street"]),
    ("'Main Street' = name", ["Main Street"]),
    ("name <> 'Main Street' AND name >= 'a' AND name < 'b'", ["a_b", "a*b?[c]"]),
    ("name LIKE 'Main %'", ["Main Street"]),
    ("name LIKE 'main_street'", ["main street"]),
    ("name LIKE 'a\\_b'", ["a_b"]),
    ("name LIKE '%\\%%'", ["100% 路"]),
    ("name LIKE '%*%' OR name LIKE '%?%'", ["a*b?[c]"]),
    ("CASEI(name) = CASEI('MAIN STREET')", ["Main Street", "main street"]),
    ("CASEI(name) LIKE CASEI('straSSe%')", ["Straße", "STRASSE"]),
    ("CASEI(name) IN (CASEI('οδοΣ'), CASEI('x'))", ["ΟΔΟΣ", "οδος"]),
    ("ACCENTI(name) = ACCENTI('ecolé')", ["ecole"]),
    ("CASEI(ACCENTI(name)) = ACCENTI(CASEI('ECOLE'))", ["École", "ecole", "ÉCOLE"]),
    ("ACCENTI(name) LIKE ACCENTI('lü%')", ["lǜ", "lu"]),
    ("name IN ('lu', 'ecole')", ["lu", "ecole"]),
    ("name NOT IN ('lu') AND name LIKE 'l%'", ["lǜ"]),
    ("name BETWEEN 'lu' AND 'lu'", ["lu"]),
    ("name IS NULL", [None]),
    ("NOT name IS NOT NULL", [None]),
    ("name = 'O''Hare \\ x'", ["O'Hare \\ x"]),
    ("name = '''; DROP TABLE imports; --'", ["'; DROP TABLE imports; --"]),
    ("name = ''", [""]),
    ("name = name AND name LIKE '😀_'", ["😀路"]),
    ("TRUE AND name = '人民路'", ["人民路"]),
    ("FALSE OR name = '人民路'", ["人民路"]),
    ("name = '人民路' AND (1 = 1 OR 2 = 3)", ["人民路"]),
]


@pytest.mark.parametrize(("text", "names"), STANDARD)
def test_each_class_of_the_standard_finds_what_it_says(
    store: Store, rows: list[dict[str, Any]], text: str, names: list[str | None]
) -> None:
    assert found(store, text) == {row["id"] for row in rows if row["name"] in names}


def test_precedence_and_unknown_values_are_those_of_sql(store: Store, rows: list[dict[str, Any]]) -> None:
    def ids(keep: Any) -> set[str]:
        return {row["id"] for row in rows if keep(row)}

    a, b, c = ("name = 'lu'", "level = 0", "width_m > 1")
    assert found(store, f"{a} OR {b} AND {c}") == found(store, f"{a} OR ({b} AND {c})")
    assert found(store, f"NOT {a} AND {b}") == found(store, f"(NOT {a}) AND {b}")
    assert found(store, "is_steps") == found(store, "is_steps = TRUE") == ids(lambda row: row["is_steps"] is True)
    assert found(store, "NOT is_steps = TRUE") == ids(lambda row: row["is_steps"] is False)
    assert found(store, "level <> 0") == ids(lambda row: row["level"] in (-1, 1))
    assert found(store, "level = 0 OR NOT level = 0") == ids(lambda row: row["level"] is not None)


def test_dates_compare_with_dates_and_with_text_that_is_one(store: Store) -> None:
    bring_in(store, "facilities", facilities())

    def ids(text: str) -> set[str]:
        with store.session(write=False) as session:
            condition = compile_filter(session, FACILITIES, DATED, text)
            return set(session.scalars(select(FACILITIES.table.c.id).where(condition)))

    assert ids("open_date = DATE('2020-05-01')") == {"1"}
    assert ids("open_date < '2020-05-02'") == ids("'2020-05-02' > open_date") == {"1"}
    assert ids("open_date BETWEEN DATE('2020-05-01') AND '2020-05-01'") == {"1"}
    assert ids("open_date IN ('2020-05-01', DATE('2021-01-01'))") == {"1"}
    assert ids("open_date > DATE('2020-05-01')") == set()
    assert ids("open_date IS NULL") == {"2", "3", "4"}
    assert ids("NOT open_date = DATE('2020-05-01')") == set()
    assert ids("name = '2020-05-01'") == set()


def test_timestamps_compare_to_the_millisecond(store: Store) -> None:
    table = Base.metadata.tables[AnalysisRun.__tablename__]
    moments = [datetime(2024, 5, 1, 8, 0, 0, 1000 * step, tzinfo=UTC) for step in (0, 1, 2)]
    with store.session() as session:
        for moment in moments:
            plain = dict.fromkeys(("kind", "parameters", "revisions", "summary", "content_hash"), "")
            name = str(moment.microsecond)
            session.add(AnalysisRun(run_id=name, software_version="", actor="", created_at=moment, **plain))
    queryables = {"created": Queryable(table.c.created_at, "timestamp")}
    for text, count in (
        ("created = TIMESTAMP('2024-05-01T08:00:00Z')", 1),
        ("created > TIMESTAMP('2024-05-01T08:00:00.001Z')", 1),
        ("created BETWEEN TIMESTAMP('2024-05-01T08:00:00Z') AND TIMESTAMP('2024-05-01T08:00:00.001Z')", 2),
        ("created < TIMESTAMP('2024-05-01T08:00:00Z')", 0),
    ):
        condition = filter_condition(parse_filter(text, queryables), is_sqlite=store.kind == "gpkg")
        with store.session(write=False) as session:
            assert len(session.scalars(select(table.c.fid).where(condition)).all()) == count


@pytest.mark.parametrize("value", [*(name for name in NAMES if name), "%", "_", "x' OR '1'='1", "\u202e", "__class__"])
def test_no_value_of_a_filter_is_ever_part_of_the_statement(value: str) -> None:
    marked = f"zzz{value}"
    queryables = layer_queryables(STREETS)
    trees = [
        {"op": "=", "args": [{"property": "name"}, marked]},
        {"op": "in", "args": [{"op": "casei", "args": [{"property": "name"}]}, [marked, "zzz"]]},
        {"op": "like", "args": [{"op": "accenti", "args": [{"property": "name"}]}, marked.replace("\\", "\\\\") + "%"]},
        {"op": "between", "args": [{"property": "length_m"}, 7177.5, 8188]},
        {"op": "=", "args": [{"property": "valid_from"}, {"date": "1987-06-05"}]},
        {"op": "not", "args": [{"op": "s_within", "args": [{"property": "geom"}, {"bbox": [7.25, 8.5, 9, 10]}]}]},
        {"op": "or", "args": [True, {"op": "isNull", "args": [{"property": "name"}]}]},
    ]
    for tree in trees:
        read = parse_filter(json.dumps(tree), queryables, language="cql2-json")
        for dialect in DIALECTS:
            for use_index in (True, False):
                condition = filter_condition(read, is_sqlite=dialect.name == "sqlite", use_index=use_index)
                compiled = select(STREETS.table.c.fid).where(condition).compile(dialect=dialect)
                statement = str(compiled)
                assert "zzz" not in statement
                assert "'" not in statement
                assert not any(digits in statement for digits in ("7177", "8188", "1987", "7.25"))


def test_property_names_are_looked_up_and_never_written() -> None:
    queryables = {'we"ird; --': Queryable(STREETS.table.c.name, "text")}
    read = parse_filter('{"op":"isNull","args":[{"property":"we\\"ird; --"}]}', queryables, language="cql2-json")
    for dialect in DIALECTS:
        assert str(filter_condition(read, is_sqlite=dialect.name == "sqlite").compile(dialect=dialect)) == (
            "street_segments.name IS NULL"
        )


def test_a_spatial_filter_walks_the_index(store: Store, rows: list[Any]) -> None:
    text = "S_INTERSECTS(geometry, BBOX(118.1, 36.1, 118.2, 36.2)) AND level = 0"
    with store.session(write=False) as session:
        query = select(STREETS.table.c.fid).where(compile_filter(session, STREETS, FIELDS, text))
        compiled = query.compile(session.get_bind(), compile_kwargs={"render_postcompile": True})
        if store.kind == "gpkg":
            plan = session.connection().exec_driver_sql(
                f"EXPLAIN QUERY PLAN {compiled}", tuple(compiled.params[name] for name in compiled.positiontup or ())
            )
            assert "SEARCH street_segments USING INTEGER PRIMARY KEY" in str(plan.all())
        else:
            session.connection().exec_driver_sql("SET LOCAL enable_seqscan = off")
            plan = session.connection().exec_driver_sql(f"EXPLAIN {compiled}", compiled.params)
            assert "ix_street_segments_geom" in str(plan.all())


def test_what_a_foreign_program_left_in_a_geometry_column_relates_to_nothing(tmp_path: Any) -> None:
    from geo.store import open_store

    with open_store(str(tmp_path / "one.gpkg")) as store:
        square = shapely.box(118, 36, 118.01, 36.01)
        bring_in(store, "residential_land", frame({"id": ["a", "b"]}, [shapely.MultiPolygon([square])] * 2))
        spec = layer("residential_land")
        with store.session() as session:
            session.execute(update(spec.table).where(spec.table.c.id == "a").values(geom=None))
            session.connection().exec_driver_sql("UPDATE residential_land SET geom = x'00' WHERE id = 'a'")
        with store.session(write=False) as session:
            for text in ("S_WITHIN(geometry, BBOX(1, 1, 2, 2))", "NOT S_WITHIN(geometry, BBOX(1, 1, 2, 2))"):
                condition = compile_filter(session, spec, {}, text)
                ids = session.scalars(select(spec.table.c.id).where(condition)).all()
                assert ids == (["a", "b"] if text.startswith("NOT") else [])


def test_folding_leaves_what_is_missing_alone() -> None:
    assert (fold_case(None), fold_accents(None)) == (None, None)


def test_queryables_are_the_layers_columns_and_its_geometry() -> None:
    queryables = layer_queryables(FACILITIES)
    assert (queryables["geom"].kind, queryables["open_date"].kind) == ("geometry", "date")
    assert not {"fid", "uid", "source", "closed_import_id"} & set(queryables)
    assert list(layer_queryables(FACILITIES, ["name", "uid"])) == ["name", "uid"]
    with pytest.raises(ValueError, match="no columns"):
        layer_queryables(FACILITIES, ["secret"])


def test_every_operator_belongs_to_a_class_that_is_declared() -> None:
    assert len(CONFORMANCE) == len(set(CONFORMANCE)) == 10
    assert len(CONDITIONS) == len(set(CONDITIONS)) == 21
    assert np.all([name.startswith("http://www.opengis.net/spec/cql2/1.0/conf/") for name in CONFORMANCE])
