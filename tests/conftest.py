"""Fixtures shared by all tests: a fresh store on each engine.

PostGIS tests run when ``FANGYU_TEST_PG_URL`` names the maintenance database of a private cluster (scripts/test.py
starts one); otherwise they are skipped, with the reason in the summary.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from geo.store import Store, maintenance, open_store

NO_CLUSTER = "no PostGIS cluster: FANGYU_TEST_PG_URL is not set (scripts/test.py starts one)"
BOTH_ENGINES = ("gpkg", pytest.param("postgis", marks=pytest.mark.postgis))


def _execute(url: str, statement: str) -> None:
    """Run one statement on the cluster's maintenance database."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(statement.encode())


def _database(url: str, name: str) -> str:
    """Return the URL of another database of the same cluster."""
    return url.rsplit("/", 1)[0] + "/" + name


@pytest.fixture(scope="session")
def cluster_url() -> str:
    """Return the maintenance database's URL, or skip."""
    url = os.environ.get("FANGYU_TEST_PG_URL")
    if not url:
        pytest.skip(NO_CLUSTER)
    return url


@pytest.fixture(scope="session")
def template_name(cluster_url: str) -> Iterator[str]:
    """Make the database that every PostGIS test's own is copied from."""
    name = f"fangyu_template_{uuid.uuid4().hex[:12]}"
    _execute(cluster_url, f"CREATE DATABASE {name}")
    maintenance.upgrade(_database(cluster_url, name))
    yield name
    _execute(cluster_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty_database(cluster_url: str) -> Iterator[Callable[[], str]]:
    """Return a maker of empty databases."""
    made: list[str] = []

    def make() -> str:
        made.append(f"fangyu_{uuid.uuid4().hex[:12]}")
        _execute(cluster_url, f"CREATE DATABASE {made[-1]}")
        return _database(cluster_url, made[-1])

    yield make
    for name in made:
        _execute(cluster_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgis_url(cluster_url: str, template_name: str) -> Iterator[str]:
    """Return the URL of a fresh PostGIS store."""
    name = f"fangyu_{uuid.uuid4().hex[:12]}"
    _execute(cluster_url, f"CREATE DATABASE {name} TEMPLATE {template_name}")
    yield _database(cluster_url, name)
    _execute(cluster_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def gpkg_path(tmp_path: Path) -> Path:
    """Return the path of an embedded store that does not exist yet."""
    return tmp_path / "store.gpkg"


@pytest.fixture(params=BOTH_ENGINES)
def store_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of a fresh store, on each engine in turn."""
    name = "postgis_url" if request.param == "postgis" else "gpkg_path"
    return str(request.getfixturevalue(name))


@contextmanager
def fresh_url(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """Yield the URL of a fresh store for as long as a module's fixture lives, on the engine it was asked for."""
    if request.param != "postgis":
        yield str(folder / "store.gpkg")
        return
    cluster, template = (str(request.getfixturevalue(name)) for name in ("cluster_url", "template_name"))
    name = f"fangyu_{uuid.uuid4().hex[:12]}"
    _execute(cluster, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield _database(cluster, name)
    _execute(cluster, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """Return a fresh open store, on each engine in turn."""
    with open_store(store_url) as opened:
        yield opened
