"""The small town of the command line's tests, served; and every layer of a seeded store, served."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.settings import settings_for
from geo.catalog.map_layer import PUBLIC
from geo.store import open_store
from tests.cli.conftest import fangyu, small_town
from tests.store.frames import bring_in, every_layer

__all__ = ["fangyu", "small_town"]

Served = Callable[[str], TestClient]


@pytest.fixture
def served(store_url: str, tmp_path: Path) -> Iterator[Served]:
    """Return a maker of clients, one a role, of a store with something in every layer."""
    with open_store(store_url) as store:
        for name, frame in every_layer().items():
            bring_in(store, name, frame)
    app = create_app(settings_for(store_url, tmp_path / "cache", demo=True))
    with ExitStack() as stack:

        def client(role: str) -> TestClient:
            made = stack.enter_context(TestClient(app, base_url="http://127.0.0.1"))
            if role != PUBLIC:
                assert made.post("/api/session/demo", json={"role": role}).status_code == 200
            return made

        yield client
