"""Nothing is deleted but what may be: the code is walked for whatever deletes, and the triggers are tried."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from geo.catalog.map_layer import legal_tables
from geo.store import Store, audit
from geo.store.audit_triggers import LEAST_DAYS
from geo.store.layer import DERIVED_LAYERS, LAYER_NAMES
from geo.store.shrinking import SHRINKING
from geo.store.tables import Base
from tests.accounts import add_person, fast_hashes
from tests.store.frames import bring_in, every_layer

__all__ = ["fast_hashes"]
ROOT = Path(__file__).parents[2]
WORDS = re.compile(
    r"\b(DELETE\s+FROM|TRUNCATE(?:\s+TABLE)?|DROP\s+TABLE(?:\s+IF\s+EXISTS)?)"
    r"\s+(?!ON\b|FOR\b)\"?([\w{}.()\[\]]+)",
    re.IGNORECASE,
)
"""Plain SQL that takes rows away; a trigger's ``TRUNCATE ON`` does not."""
INDIRECT: dict[tuple[str, str], tuple[str, ...]] = {
    ("geo/store/derived.py", "table"): DERIVED_LAYERS,
    ("geo/store/outside_holds.py", "{spec.name}"): legal_tables(),
}
"""Where the table is not written out: those that pass there."""
NO_RECORDS = {
    ("geo/store/rtree.py", "{index}"): "boxes of an index",
    ("geo/store/rtree.py", "{index}_{part}"): "boxes of an index",
    ("geo/store/outside_holds.py", "{rtree_name(spec.name)}"): "boxes of an index",
    ("geo/store/gpkg.py", "{index}"): "boxes of an index, made anew",
    ("geo/store/rebuild.py", "{rtree_name(name)}"): "boxes of an index, made anew",
    ("geo/store/rebuild.py", "{metadata}"): "what GeoPackage is told of a table, written anew",
    ("geo/store/rebuild.py", "{old_name}"): "the old copy of a table, once every row is in the new one",
    ("geo/store/maintenance.py", "{name}"): "the store a backup takes the place of, by --force",
}
"""What deletes no record."""
CLASSES: dict[str, str] = {mapper.class_.__name__: str(mapper.class_.__tablename__) for mapper in Base.registry.mappers}


def shown(node: ast.expr) -> str:
    """Write a text, formatted or not, as the code has it."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.JoinedStr)
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else "{" + ast.unparse(part.value) + "}"  # type: ignore[attr-defined]
        for part in node.values
    )


def deletions(path: Path) -> Iterator[str]:
    """Yield what a module deletes from, by SQLAlchemy or in plain SQL."""
    tree = ast.parse(path.read_text("utf-8"))
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    blocks = [node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)]
    documented = {id(one.body[0].value) for one in blocks if one.body and isinstance(one.body[0], ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id == "delete" and node.args:
                yield ast.unparse(node.args[0])
            elif isinstance(called, ast.Attribute) and called.attr == "delete" and "__table__" in ast.unparse(called):
                yield ast.unparse(called.value).removesuffix(".__table__")
        elif isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside | documented
        ):
            for found in WORDS.finditer(shown(node)):
                yield found[2].rstrip(";")


def test_nothing_is_deleted_but_from_tables_that_may_shrink() -> None:
    shrinking: set[str] = set()
    unknown = []
    for path in sorted([*(ROOT / "geo").rglob("*.py"), *(ROOT / "api").rglob("*.py")]):
        where = path.relative_to(ROOT).as_posix()
        if "/migrations/" in where:
            continue
        for target in deletions(path):
            if target in CLASSES:
                shrinking.add(CLASSES[target])
            elif (where, target) in INDIRECT:
                shrinking |= set(INDIRECT[where, target])
            elif (where, target) not in NO_RECORDS:
                unknown.append((where, target))
    assert unknown == []
    assert shrinking == set(SHRINKING), "every deletion has its reason, and every reason a deletion"


def test_the_walk_sees_what_it_is_meant_to_see(tmp_path: Path) -> None:
    (tmp_path / "careless.py").write_text(
        '"""DELETE FROM nothing."""\n'
        "session.execute(delete(Scenario).where(True))\n"
        "session.execute(Job.__table__.delete())\n"
        'connection.execute("delete from imports")\n'
        'connection.execute(f"TRUNCATE {name}")\n'
        'connection.execute(f"DROP TABLE IF EXISTS {table.name}")\n'
        "items.delete('x')\n",
        "utf-8",
    )
    found = sorted(deletions(tmp_path / "careless.py"))
    assert found == ["Job", "Scenario", "imports", "{name}", "{table.name}"]


def test_every_table_that_may_shrink_is_a_table_and_says_why() -> None:
    assert set(SHRINKING) <= set(Base.metadata.tables)
    for table, (zh, en) in SHRINKING.items():
        assert re.search("[\u4e00-\u9fff]", zh), table
        assert en.isascii(), table
    facts = {"imports", "accounts", "scenarios", "delegations", "outside_holds", "change_journal", "facilities", "jobs"}
    assert not facts & set(SHRINKING)
    assert set(LAYER_NAMES) & set(SHRINKING) == {*DERIVED_LAYERS, *legal_tables()}


def test_no_table_takes_rows_of_fact_with_it_when_another_is_deleted() -> None:
    for table in Base.metadata.tables.values():
        for key in table.foreign_keys:
            if key.ondelete is not None:
                assert {table.name, key.column.table.name} <= set(SHRINKING), (table.name, key.ondelete)


def test_tables_with_triggers_refuse_to_lose_a_row(store: Store, fast_hashes: None) -> None:
    for name, rows in every_layer().items():
        bring_in(store, name, rows)
    add_person(store, "li", "data_steward")
    with store.session() as session:
        audit.append(session, "tester", "did", "x", "{}")
    for table in ("accounts", "audit_log", "audit_head"):
        with pytest.raises(DBAPIError) as caught, store.session() as session:
            session.execute(text(f"DELETE FROM {table}"))
        assert any(word in str(caught.value) for word in ("not removed", "append-only", "moves on", str(LEAST_DAYS)))
