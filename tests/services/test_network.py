"""The compiled network is kept, and compiled anew exactly when the streets have changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from geo.errors import ConflictError
from geo.services import network
from geo.services.import_plan import plan_facilities, plan_streets
from geo.services.import_report import ImportOptions
from geo.services.importing import carry_out
from geo.store import Store
from tests.cli import town


def import_town(store: Store, folder: Path) -> None:
    """Import the town's streets."""
    with store.session() as session:
        carry_out(session, plan_streets(ImportOptions(path=town.write_streets(folder), source="streets")))


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count how often a network is compiled."""
    calls: list[int] = []
    real = network.compile_network

    def counted(*frames: object) -> object:
        calls.append(1)
        return real(*frames)  # type: ignore[arg-type]

    monkeypatch.setattr(network, "compile_network", counted)
    return calls


def test_a_network_is_compiled_once_and_again_after_a_change(store: Store, tmp_path: Path, compiled: list[int]) -> None:
    import_town(store, tmp_path)
    cache = tmp_path / "cache"
    for _ in range(2):
        with store.session(write=False) as session:
            found = network.open_network(session, cache)
    assert (len(compiled), found.n_edges) == (1, 2)
    places = town.write_facilities(tmp_path, [("1", 0.0)])
    with store.session() as session:
        options = ImportOptions(path=places, source="f", datum="cgcs2000")
        carry_out(session, plan_facilities(options, facility_type="senior_canteen"))
        network.open_network(session, cache)
    assert len(compiled) == 1
    text = (tmp_path / "streets.osm").read_text(encoding="utf-8")
    (tmp_path / "streets.osm").write_text(text.replace('v="residential"/></way></osm>', 'v="motorway"/></way></osm>'))
    with store.session() as session:
        carry_out(session, plan_streets(ImportOptions(path=tmp_path / "streets.osm", source="streets")))
    with store.session(write=False) as session:
        assert network.open_network(session, cache).n_edges == 1
    assert len(compiled) == 2


def test_a_damaged_or_lost_cache_is_only_a_cache(store: Store, tmp_path: Path) -> None:
    import_town(store, tmp_path)
    cache = tmp_path / "cache"
    with store.session(write=False) as session:
        network.open_network(session, cache)
        folder = cache / "networks" / network.network_key(session)
        (folder / "network.json").write_text("{", encoding="utf-8")
        assert network.open_network(session, cache).n_edges == 2
        shutil.rmtree(cache)
        assert network.open_network(session, cache).n_edges == 2


def test_a_store_without_streets_says_so(store: Store, tmp_path: Path) -> None:
    with store.session(write=False) as session, pytest.raises(ConflictError, match="no streets"):
        network.open_network(session, tmp_path)
