"""Files that are made while they are sent: one state of the store, and nothing left when somebody leaves."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.types import Message

from api.app import create_app
from api.download import disposition, sweep
from api.settings import Settings, StoreSettings
from geo.services import export as service
from geo.services import tile_archive
from geo.services.export import FORMATS
from geo.store import Store, open_store
from tests.store.frames import bring_in, every_layer, segments

OF_ROWS = [form.name for form in FORMATS.values() if form.write is not None]
PATH = "/ogc/collections/streets/export"


@pytest.fixture
def app(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    monkeypatch.setattr(service, "_PAGE_ROWS", 100)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    with open_store(store_url) as store:
        for name, frame in every_layer().items():
            bring_in(store, name, frame)
        bring_in(store, "street_segments", segments(3_000, 9), source="more.csv")
    monkeypatch.setenv("FANGYU_EXPORTS", "1")
    return create_app(Settings(store=StoreSettings(store=store_url, cache=tmp_path / "cache")))


def left_behind(folder: Path) -> list[Path]:
    found = [path for place in ("cache", "temporary") for path in (folder / place).rglob("*") if path.is_file()]
    # The heads of the audit are meant to stay.
    return [path for path in found if path.name != "audit-heads.txt"]


class Client:
    """One request, driven by hand: the client reads as slowly as a test likes, and may leave."""

    def __init__(self, app: FastAPI, query: str) -> None:
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        self.may_send = asyncio.Semaphore(0)
        self._left = asyncio.Event()
        self._is_asked = False
        scope = {
            "type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "path": PATH, "root_path": "",
            "raw_path": PATH.encode(), "query_string": query.encode(), "headers": [(b"host", b"127.0.0.1")],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "asgi": {"version": "3.0"},
        }  # fmt: skip
        self.task = asyncio.ensure_future(app(scope, self._receive, self._send))

    async def _receive(self) -> Message:
        if not self._is_asked:
            self._is_asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        await self.may_send.acquire()
        await self.messages.put(dict(message))

    async def next(self) -> Message:
        self.may_send.release()
        return await asyncio.wait_for(self.messages.get(), 20)

    def leave(self) -> None:
        """Leave; a server drops what is sent from then on."""
        self._left.set()
        for _ in range(10):
            self.may_send.release()

    async def rest(self) -> bytes:
        found = b""
        while True:
            message = await self.next()
            found += message.get("body", b"")
            if message["type"] == "http.response.body" and not message.get("more_body"):
                await asyncio.wait_for(self.task, 20)
                return found


def running(app: FastAPI, drive) -> None:  # type: ignore[no-untyped-def]
    async def main() -> None:
        async with app.router.lifespan_context(app):
            await drive()

    asyncio.run(main())


def making() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "fangyu-export"]


@pytest.mark.parametrize("form", OF_ROWS)
def test_a_file_is_one_state_of_the_store_whatever_others_commit(
    app: FastAPI, store_url: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, written = service.feature_pages, []

    def pages(*words: object, **named: object) -> Iterator[object]:
        for number, page in enumerate(original(*words, **named)):  # type: ignore[arg-type]
            if number == 1:
                # Another session writes and commits half-way: no lock is in its way.
                with open_store(store_url) as other:
                    bring_in(other, "street_segments", segments(3_000, 9).iloc[:10], source="more.csv")
                written.append(number)
            yield page

    monkeypatch.setattr(service, "feature_pages", pages)

    async def drive() -> None:
        first = Client(app, f"f={form}")
        assert (await first.next())["status"] == 200
        await first.rest()
        assert written
        monkeypatch.setattr(service, "feature_pages", original)
        begun = Client(app, "f=geojson")
        await begun.next()
        after = len(json.loads(await begun.rest())["features"])
        assert after == 60

    counted: list[int] = []
    count = service.export_head

    def noting(session, job):  # type: ignore[no-untyped-def]
        counted.append(service.feature_count(session, job.layer, job.query)[0])
        return count(session, job)

    monkeypatch.setattr(service, "export_head", noting)
    rows: list[int] = []
    in_crs = service._in_crs

    def passing(page, crs):  # type: ignore[no-untyped-def]
        rows.append(len(page.fids))
        return in_crs(page, crs)

    monkeypatch.setattr(service, "_in_crs", passing)
    running(app, drive)
    # The first file: what there was when it was begun.
    assert counted == [3_050, 60]
    assert sum(rows) == 3_050 + 60
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("form", OF_ROWS)
def test_a_client_that_leaves_ends_the_export_and_leaves_nothing(
    app: FastAPI, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, pages_read = service.feature_pages, []

    def slow(*words: object, **named: object) -> Iterator[object]:
        for page in original(*words, **named):  # type: ignore[arg-type]
            pages_read.append(len(page.fids))
            time.sleep(0.1)
            yield page

    monkeypatch.setattr(service, "feature_pages", slow)

    async def drive() -> None:
        client = Client(app, f"f={form}")
        while len(pages_read) < 3:
            await asyncio.sleep(0.02)
        client.leave()
        await asyncio.wait_for(asyncio.gather(client.task, return_exceptions=True), 10)
        assert making() == []
        assert left_behind(tmp_path) == []
        assert len(pages_read) < 20
        # Its place is free again.
        monkeypatch.setattr(service, "feature_pages", original)
        again = Client(app, "f=csv&kind=footway")
        assert (await again.next())["status"] == 200
        await again.rest()

    running(app, drive)


def test_a_client_that_leaves_ends_the_making_of_tiles(
    app: FastAPI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, made = tile_archive.tile_part, []

    def slow(*words: object) -> object:
        made.append(words)
        time.sleep(0.05)
        return original(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(tile_archive, "tile_part", slow)

    async def drive() -> None:
        client = Client(app, "f=pmtiles&maxzoom=13")
        while len(made) < 3:
            await asyncio.sleep(0.02)
        client.leave()
        await asyncio.wait_for(asyncio.gather(client.task, return_exceptions=True), 10)
        assert making() == []
        assert left_behind(tmp_path) == []
        assert len(made) < 40

    running(app, drive)


def test_a_running_query_is_stopped_when_the_client_leaves(
    app: FastAPI, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    def endless(session, job, *, check):  # type: ignore[no-untyped-def]
        from sqlalchemy import text

        begun.set()
        if session.get_bind().dialect.name == "sqlite":
            numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000)"
            session.execute(text(f"{numbers} SELECT max(i) FROM n"))
        else:
            session.execute(text("SELECT pg_sleep(60)"))
        yield b"never"

    monkeypatch.setattr("api.ogc.export.stream_export", endless)

    async def drive() -> None:
        client = Client(app, "f=csv")
        while not begun.is_set():
            await asyncio.sleep(0.02)
        at = time.monotonic()
        client.leave()
        await asyncio.wait_for(asyncio.gather(client.task, return_exceptions=True), 10)
        assert time.monotonic() - at < 5
        assert making() == []

    running(app, drive)


def test_only_so_many_exports_are_made_at_once(app: FastAPI) -> None:
    async def drive() -> None:
        first = Client(app, "f=geojson")
        await first.next()
        second = Client(app, "f=geojson")
        refused = await second.next()
        assert refused["status"] == 503
        assert dict(refused["headers"])[b"retry-after"]
        assert len(json.loads(await first.rest())["features"]) == 3_050
        third = Client(app, "f=geojson")
        assert (await third.next())["status"] == 200
        await third.rest()

    running(app, drive)


def test_an_export_that_takes_too_long_is_broken_off_not_cut_short(
    store_url: str, app: FastAPI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FANGYU_EXPORT_S", "1.5")
    hurried = create_app(Settings(store=StoreSettings(store=store_url, cache=tmp_path / "cache")))

    async def drive() -> None:
        client = Client(hurried, "f=geojson")
        assert (await client.next())["status"] == 200
        # A client that never takes the rest.
        ended = await asyncio.wait_for(asyncio.gather(client.task, return_exceptions=True), 10)
        assert isinstance(ended[0], Exception)
        assert client.messages.empty()
        assert making() == []

    running(hurried, drive)


def test_reading_holds_no_lock(app: FastAPI, store: Store) -> None:
    async def drive() -> None:
        client = Client(app, "f=geojson")
        await client.next()
        begun = time.monotonic()
        await asyncio.to_thread(bring_in, store, "street_segments", segments(20, 1), source="while.csv")
        assert time.monotonic() - begun < 5
        assert len(json.loads(await client.rest())["features"]) == 3_050

    running(app, drive)


def test_names_in_any_script_are_spelt_as_the_standard_says() -> None:
    found = disposition("内部资料_老年人需求点 2026.csv", 'a"b\\c\n.csv')
    plain, extended = found.removeprefix("attachment; filename=").split("; filename*=UTF-8''")
    assert plain == '"a_b_c_.csv"'
    assert unquote(extended) == "内部资料_老年人需求点 2026.csv"
    assert extended.isascii()
    assert " " not in extended


def test_what_a_killed_server_left_is_swept_and_what_another_makes_is_not(store_url: str, tmp_path: Path) -> None:
    settings = Settings(store=StoreSettings(store=store_url, cache=tmp_path / "cache"))
    sweep(settings.store.exports, 60.0)
    for name, age in (("export-old", 3600.0), ("export-new", 5.0)):
        home = settings.store.exports / name
        home.mkdir(parents=True)
        (home / "streets.gpkg").write_bytes(b"half of it")
        os.utime(home, (time.time() - age, time.time() - age))
    with TestClient(create_app(settings)):
        assert [home.name for home in settings.store.exports.iterdir()] == ["export-new"]
