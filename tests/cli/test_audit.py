"""``fangyu audit``: exit codes, files, heads."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from geo.store import audit, open_store

ROOT = Path(__file__).parents[2]


def run(store: Path, *words: str, expect: int = 0) -> tuple[str, str]:
    """Run the command."""
    command = [sys.executable, "-m", "api.cli.main", "--store", str(store), "audit", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == expect, done.stderr
    return done.stdout, done.stderr


@pytest.fixture
def kept(gpkg_path: Path) -> Path:
    """Return a store with five entries."""
    with open_store(str(gpkg_path)) as store, store.session() as session:
        for number in range(5):
            audit.append(session, "=1+1", "did", f"thing/{number}", "{}", kind="edit")
    return gpkg_path


def test_the_audit_is_verified_and_a_rewritten_one_is_found(kept: Path, tmp_path: Path) -> None:
    line, _ = run(kept, "head")
    (tmp_path / "heads.txt").write_text(line)
    out, said = run(kept, "verify", "--against", str(tmp_path / "heads.txt"), "--json")
    assert json.loads(out)["is_whole"] is True
    assert "审计完好：5 条" in said
    with sqlite3.connect(kept) as raw:
        raw.execute("DROP TRIGGER keep_audit_log_update")
        raw.execute("UPDATE audit_log SET actor = 'nobody' WHERE seq = 2")
    raw.close()
    out, said = run(kept, "verify", "--json", expect=3)
    assert [(one["problem"], one["seq"]) for one in json.loads(out)["findings"]] == [("edited", 2)]
    assert "第 2 条记录" in said
    (tmp_path / "heads.txt").write_text(line.replace(line.split()[2], "a" * 64))
    out, _ = run(kept, "verify", "--against", str(tmp_path / "heads.txt"), "--json", expect=3)
    assert "rewritten" in {one["problem"] for one in json.loads(out)["findings"]}
    (tmp_path / "heads.txt").write_text("no head\n")
    _, said = run(kept, "verify", "--against", str(tmp_path / "heads.txt"), expect=3)
    assert "不是链头" in said


def test_entries_are_exported_and_the_file_serves_as_heads(kept: Path, tmp_path: Path) -> None:
    out, _ = run(kept, "export", "--out", str(tmp_path / "a.jsonl"), "--json")
    assert json.loads(out)["entries"] == 6
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text("utf-8").splitlines()]
    assert [line["seq"] for line in lines[:-1]] == [1, 2, 3, 4, 5, 6]
    assert (lines[-1]["entries"], lines[-1]["head_count"], lines[-1]["chain"]) == (6, 6, lines[-2]["chain"])
    assert lines[5]["action"] == "audit exported"
    run(kept, "verify", "--against", str(tmp_path / "a.jsonl"))
    run(kept, "export", "--out", str(tmp_path / "a.csv"), "--until", "2000-01-01")
    assert (tmp_path / "a.csv").read_text("utf-8-sig").count("\n") == 1
    run(kept, "export", "--out", str(tmp_path / "a.csv"))
    assert "'=1+1" in (tmp_path / "a.csv").read_text("utf-8-sig")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.jsonl", "store.gpkg"]


def test_entries_are_listed_and_young_ones_are_not_purged(kept: Path) -> None:
    out, _ = run(kept, "list", "--limit", "2", "--json")
    assert [one["seq"] for one in json.loads(out)["entries"]] == [5, 4]
    _, said = run(kept, "list", "--kind", "nonsense", expect=3)
    assert "decision" in said
    _, said = run(kept, "purge", "--older-than-days", "179", expect=3)
    assert "180" in said
    out, _ = run(kept, "purge", "--json")
    assert json.loads(out) == {"removed": 0, "older_than_days": 400}
