"""The job behind ``start.py``: whose data it touches, and when it starts from nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from api import demo_job
from geo.services.import_plan import plan_streets
from geo.services.import_report import ImportOptions
from geo.services.importing import carry_out
from geo.store import Store, open_store
from tests.cli import town


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record which stores would be built instead of building them."""
    stores: list[str] = []
    monkeypatch.setattr(demo_job, "build", lambda job: stores.append(job.store))
    return stores


def job(store: str, folder: Path) -> demo_job.Job:
    """Return a job on a store."""
    return demo_job.Job(store=store, cache_dir=folder / "cache", nodes=None, lang="zh")


def test_a_bureaus_own_data_is_never_touched(store: Store, tmp_path: Path, built: list[str]) -> None:
    with store.session() as session:
        carry_out(session, plan_streets(ImportOptions(path=town.write_streets(tmp_path), source="own")))
    demo_job.prepare(job(store.url, tmp_path))
    assert built == []


def test_a_store_that_is_not_there_is_built(tmp_path: Path, built: list[str]) -> None:
    path = str(tmp_path / "new.gpkg")
    demo_job.prepare(job(path, tmp_path))
    assert built == [path]


@pytest.mark.postgis
def test_an_empty_database_is_created_and_built(
    empty_database: Callable[[], str], tmp_path: Path, built: list[str]
) -> None:
    url = empty_database()
    demo_job.prepare(job(url, tmp_path))
    assert built == [url]
    open_store(url).close()
