"""Edits of published divisions past Fangyu: put back while the server serves, reviewed over HTTP and by command."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import morecantile
import pytest
from starlette.testclient import TestClient

from api.outside import OutsideKeeper
from geo.errors import DataSourceError
from geo.store import Store, audit, features, imports, open_store, outside_holds
from geo.store.layer import layer
from tests.accounts import add_person, fast_hashes
from tests.api.writes import DIVISION, World, world
from tests.cli import town
from tests.cli.conftest import Run, fangyu, small_town
from tests.store.outsider import execute

__all__ = ["fangyu", "fast_hashes", "small_town", "world"]
WEST = f"code = '{DIVISION}'"
RENAMED = f"UPDATE admin_divisions SET name = '外镇' WHERE {WEST}"
SWAPPED = f"UPDATE admin_divisions SET geom = (SELECT geom FROM admin_divisions WHERE code = '990101002') WHERE {WEST}"
ITEMS = "/ogc/collections/divisions/items"
DRAWN = (
    "INSERT INTO admin_divisions (code, id, name, level, geom) "
    "SELECT '990101003', '990101003', '新镇', level, geom FROM admin_divisions "
    f"WHERE {WEST} AND closed_import_id IS NULL"
)


def place() -> str:
    lon, lat = town.position(200.0)
    tile = morecantile.tms.get("WebMercatorQuad").tile(lon, lat, 13)
    return f"/ogc/collections/divisions/tiles/WebMercatorQuad/{tile.z}/{tile.y}/{tile.x}"


def published(client: TestClient) -> dict[str, Any]:
    """Return what anybody sees: names and outlines of the divisions, and a tile."""
    found = client.get(ITEMS).json()["features"]
    told = {one["properties"]["code"]: (one["properties"]["name"], one["geometry"]) for one in found}
    tile = client.get(place())
    assert tile.status_code == 200
    return {**told, "tile": tile.content}


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.05)
    return False


def waiting(world: World, query: str = "") -> list[Any]:
    answer = world.as_("li").get(f"/api/outside-edits{query}")
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()["outside_edits"]
    return found


def edit(world: World, *statements: str) -> list[Any]:
    """Edit past Fangyu, have it put back, and return what is held of it, the oldest first."""
    before = {one["hold_id"] for one in waiting(world)}
    execute(world.store.url, *statements)
    with world.store.session():
        pass
    return [one for one in waiting(world) if one["hold_id"] not in before][::-1]


def decide(world: World, held: Any, what: str, *, who: str = "li", **more: Any) -> Any:
    body = {"reason": "核对过文件", **more}
    return world.as_(who).post(f"{held['href']}/{what}", json=body, headers={"If-Match": held["etag"]})


def divisions(store: Store) -> list[tuple[Any, ...]]:
    return execute(
        store.url,
        "SELECT code, name FROM admin_divisions WHERE closed_import_id IS NULL ORDER BY code",
    )


@pytest.mark.parametrize("statement", [RENAMED, SWAPPED, f"DELETE FROM admin_divisions WHERE {WEST}", DRAWN])
def test_what_is_edited_while_the_server_serves_is_put_back_within_seconds(world: World, statement: str) -> None:
    public = TestClient(world.app, base_url="http://127.0.0.1")
    before = published(public)
    execute(world.store.url, statement)
    assert within(8.0, lambda: bool(waiting(world))), "nobody wrote anything"
    assert within(3.0, lambda: published(public) == before)
    [one] = waiting(world)
    assert (one["layer"], one["is_put_back"], one["state"]) == ("admin_divisions", True, "held")
    with world.store.session(write=False) as session:
        (entry,) = (entry for entry in audit.entries(session) if entry.action == "outside edit held")
    assert (entry.actor, json.loads(entry.detail)["hold_id"]) == ("outside", one["hold_id"])


def test_an_edit_is_listed_and_shown_with_both_contents(world: World) -> None:
    execute(world.store.url, f"UPDATE admin_divisions SET name = '外镇', geom = NULL WHERE {WEST}")
    with world.store.session():
        pass
    [one] = waiting(world)
    assert one["changed"] == {"name": {"before": "西镇", "after": "外镇"}}
    assert (one["operation"], one["feature_id"], one["is_moved"]) == ("update", DIVISION, True)
    shown = world.as_("li").get(one["href"])
    assert shown.headers["etag"] == one["etag"]
    assert shown.json()["geometry_before"]["type"] == "MultiPolygon"
    assert shown.json()["geometry_after"] is None
    assert waiting(world, "?state=accepted") == []
    assert len(waiting(world, "?state=any")) == 1
    refused = world.as_("li").get("/api/outside-edits?state=odd")
    assert refused.status_code == 400
    assert "held" in refused.json()["message_zh"]
    assert world.as_("li").get("/api/outside-edits/oe-none").status_code == 404


def test_an_accepted_edit_becomes_a_version_like_any_other(world: World) -> None:
    public = TestClient(world.app, base_url="http://127.0.0.1")
    [one] = edit(world, RENAMED)
    answer = decide(world, one, "accept")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["state"], answer.json()["reviewer"], answer.json()["reason"]) == (
        "accepted",
        "li",
        "核对过文件",
    )
    assert divisions(world.store) == [("990101001", "外镇"), ("990101002", "东镇")]
    assert published(public)[DIVISION][0] == "外镇"
    with world.store.session(write=False) as session:
        found = features.versions(session, "admin_divisions", answer.json()["uid"])
        assert [(version.values["name"], version.is_present) for version in found] == [("外镇", True), ("西镇", False)]
        newest = audit.entries(session, limit=1)[0]
        assert (newest.actor, newest.action, newest.kind) == ("li", "outside edit accepted", "decision")
        assert json.loads(newest.detail)["reason"] == "核对过文件"
        assert audit.first_broken(session) is None
        record = imports.list_imports(session)[0]
    with world.store.session() as session:
        imports.undo(session, record.import_id, actor="li", on=found[0].valid_from)
    assert divisions(world.store)[0] == ("990101001", "西镇"), "it can be taken back like an import"
    assert waiting(world) == []


def test_a_moved_outline_a_new_division_and_a_removed_one_are_accepted_too(world: World) -> None:
    public = TestClient(world.app, base_url="http://127.0.0.1")
    before = published(public)
    [moved] = edit(world, SWAPPED)
    assert decide(world, moved, "accept").status_code == 200
    assert published(public)[DIVISION] == ("西镇", before["990101002"][1])
    [drawn] = edit(world, DRAWN)
    made = decide(world, drawn, "accept")
    assert made.status_code == 200, made.text
    assert ("990101003", "新镇") in divisions(world.store)
    [gone] = edit(world, "DELETE FROM admin_divisions WHERE code = '990101002'")
    assert gone["operation"] == "delete"
    ended = decide(world, gone, "accept")
    assert (ended.status_code, ended.json()["uid"]) == (200, None)
    assert divisions(world.store) == [("990101001", "西镇"), ("990101003", "新镇")]
    assert "990101002" not in published(public)
    assert execute(world.store.url, "SELECT count(*) FROM admin_divisions") == [(4,)], "nothing was deleted"


def test_a_restored_edit_changes_nothing_and_is_closed(world: World) -> None:
    public = TestClient(world.app, base_url="http://127.0.0.1")
    before = published(public)
    [one] = edit(world, RENAMED)
    answer = decide(world, one, "restore", reason="误操作")
    assert (answer.status_code, answer.json()["state"], answer.json()["uid"]) == (200, "restored", None)
    assert published(public) == before
    assert waiting(world) == []
    with world.store.session(write=False) as session:
        newest = audit.entries(session, limit=1)[0]
    assert (newest.action, json.loads(newest.detail)["reason"]) == ("outside edit restored", "误操作")
    again = world.as_("li").post(
        f"{one['href']}/accept", json={"reason": "x"}, headers={"If-Match": answer.headers["etag"]}
    )
    assert again.status_code == 409, "decided once"
    stale = decide(world, one, "accept", who="zhao")
    assert stale.status_code == 412
    facts = stale.json()["facts"]
    sides = [facts[side]["state"] for side in ("base", "yours", "theirs")]
    assert sides == ["held", "accepted", "restored"]
    assert (facts["conflicts"], facts["changed_by"]) == (["state"], "li")


def test_a_record_that_has_changed_since_is_not_overwritten(world: World, small_town: Run, tmp_path: Any) -> None:
    [first] = edit(world, RENAMED)
    [second] = edit(world, f"UPDATE admin_divisions SET name = '再改' WHERE {WEST}")
    assert decide(world, first, "accept").status_code == 200
    refused = decide(world, second, "accept")
    assert refused.status_code == 409
    assert DIVISION in refused.json()["message_zh"]
    assert divisions(world.store)[0][1] == "外镇"
    assert decide(world, second, "restore").status_code == 200
    assert divisions(world.store)[0][1] == "外镇", "letting it go does not undo what was accepted"


@pytest.mark.parametrize(
    ("statement", "status", "words"),
    [
        (f"UPDATE admin_divisions SET geom = NULL WHERE {WEST}", 400, ["几何"]),
        (f"UPDATE admin_divisions SET level = 'galaxy' WHERE {WEST}", 400, ["township"]),
        (f"UPDATE admin_divisions SET code = NULL WHERE {WEST}", 400, ["代码"]),
        (f"UPDATE admin_divisions SET quality = '[]', import_line = 9 WHERE {WEST}", 409, ["恢复"]),
        (f"UPDATE admin_divisions SET id = '990101002' WHERE {WEST}", 409, ["990101002"]),
    ],
)
def test_what_no_layer_may_hold_is_not_accepted_and_stays_held(
    world: World, statement: str, status: int, words: list[str]
) -> None:
    before = divisions(world.store)
    [one] = edit(world, statement)
    answer = decide(world, one, "accept")
    assert answer.status_code == status, answer.text
    assert all(word in answer.json()["message_zh"] for word in words), answer.json()
    assert divisions(world.store) == before
    assert [left["state"] for left in waiting(world)] == ["held"]
    assert decide(world, one, "restore").status_code == 200


def test_a_division_with_another_id_ends_the_old_one_and_begins_a_new_one(world: World) -> None:
    [one] = edit(world, f"UPDATE admin_divisions SET id = '990101009', code = '990101009' WHERE {WEST}")
    assert decide(world, one, "accept").status_code == 200
    assert divisions(world.store) == [("990101002", "东镇"), ("990101009", "西镇")]


def test_the_past_is_only_restored(world: World) -> None:
    [one] = edit(world, RENAMED)
    assert decide(world, one, "accept").status_code == 200
    [old] = edit(world, "UPDATE admin_divisions SET name = '改历史' WHERE closed_import_id IS NOT NULL")
    refused = decide(world, old, "accept")
    assert refused.status_code == 409
    assert "历史" in refused.json()["message_zh"]
    assert decide(world, old, "restore").status_code == 200


def test_who_may_review_and_where(world: World) -> None:
    add_person(world.store, "east", "data_steward", district="990101002")
    add_person(world.store, "west", "data_steward", district="990101001")
    add_person(world.store, "both", "data_steward", district="990101")
    [one] = edit(world, RENAMED)
    for login, status in (("wang", 403), ("sys", 403), ("sec", 403)):
        assert world.as_(login).get("/api/outside-edits").status_code == status
        assert decide(world, one, "accept", who=login).status_code == status
    nobody = TestClient(world.app, base_url="http://127.0.0.1")  # not entered: it runs already
    assert nobody.get("/api/outside-edits").status_code == 401
    assert world.as_("east").get("/api/outside-edits").json()["outside_edits"] == []
    assert world.as_("east").get(one["href"]).status_code == 403
    assert decide(world, one, "accept", who="east").status_code == 403
    assert len(world.as_("both").get("/api/outside-edits").json()["outside_edits"]) == 1
    [away] = edit(world, f"UPDATE admin_divisions SET code = '990101002x' WHERE {WEST}")
    assert decide(world, away, "accept", who="west").status_code == 403, "a code that is none lies nowhere"
    assert decide(world, one, "accept", who="west").status_code == 200


@pytest.mark.parametrize(("reason", "status"), [("", 400), ("   ", 400), ("字" * 501, 400), (None, 400)])
def test_a_decision_says_why(world: World, reason: str | None, status: int) -> None:
    [one] = edit(world, RENAMED)
    answer = decide(world, one, "accept", reason=reason)
    assert answer.status_code == status
    assert "reason" in answer.json()["message_zh"]
    assert waiting(world)[0]["state"] == "held"


def test_what_could_not_be_put_back_is_flagged_and_decided_once_the_way_is_free(world: World) -> None:
    [one] = edit(
        world,
        "DELETE FROM admin_divisions WHERE code = '990101002'",
        "CREATE UNIQUE INDEX in_the_way ON admin_divisions (level)",
    )
    assert (one["is_put_back"], "level" in one["problem"]) == (False, True)
    refused = decide(world, one, "restore")
    assert refused.status_code == 409
    assert "level" in refused.json()["message_zh"]
    execute(world.store.url, "DROP INDEX in_the_way")
    assert decide(world, one, "restore").status_code == 200
    assert divisions(world.store) == [("990101001", "西镇"), ("990101002", "东镇")]


def test_the_command_line_tells_lists_shows_accepts_and_restores(small_town: Run, store_url: str) -> None:
    assert small_town("outside", "list").err.strip().startswith("没有")
    execute(store_url, RENAMED)
    told = small_town("import", "list")
    assert "法定记录 admin_divisions/990101001" in told.err
    assert "1 项系统之外的修改待审" in told.err
    execute(store_url, "DELETE FROM admin_divisions WHERE code = '990101002'")
    listed = small_town("outside", "list", "--json").json()["outside_edits"]
    gone, named = listed
    assert (gone["operation"], named["changed"]["name"]["after"]) == ("delete", "外镇")
    table = small_town("outside", "list").out
    assert "name: 西镇 → 外镇" in table
    assert "删除" in table
    shown = small_town("outside", "show", named["hold_id"])
    assert "name: 西镇 → 外镇" in shown.out
    whole = small_town("outside", "show", gone["hold_id"], "--json").json()
    assert whole["geometry_before"]["type"] == "MultiPolygon"
    done = small_town("outside", "accept", named["hold_id"], "--reason", "文件为证", "--json").json()
    assert (done["state"], done["reviewer"].startswith("cli"), bool(done["uid"])) == ("accepted", True, True)
    left = small_town("outside", "restore", gone["hold_id"], "--reason", "误删")
    assert (left.code, "保留公布的内容" in left.err) == (0, True)
    assert small_town("outside", "restore", gone["hold_id"], "--reason", "误删").code == 3
    assert small_town("outside", "accept", "oe-none", "--reason", "x").code == 3
    assert small_town("outside", "list", "--state", "odd").code == 3
    assert "待审" not in small_town("import", "list").err
    with open_store(store_url) as store:
        assert divisions(store) == [("990101001", "外镇"), ("990101002", "东镇")]
        with store.session(write=False) as session:
            assert outside_holds.count_held(session) == 0
            assert outside_holds.row_now(session, layer("admin_divisions"), 1) is not None


def test_the_log_tells_of_what_was_put_back_and_of_what_waits(
    small_town: Run, store_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with open_store(store_url) as store:
        keeper = OutsideKeeper(store, store.watch())
        keeper.look()
        assert caplog.records == []
        execute(store_url, RENAMED)
        assert within(8.0, lambda: bool(keeper.look() or store.outside_holds))
        assert store.outside_holds[0].hold_id in caplog.text
        said = len(caplog.records)
        keeper.look()
        assert len(caplog.records) == said, "once"
        later = OutsideKeeper(store, store.watch())
        later.start()
        later.stop()
        assert "1 edits" in caplog.text

        def fail(*words: object, **more: object) -> None:
            raise DataSourceError("坏", "broken")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store, "session", fail)
            execute(store_url, RENAMED)
            assert within(8.0, lambda: bool(keeper.look() or "could not be looked through" in caplog.text))
        assert within(8.0, lambda: bool(keeper.look() or len(store.outside_holds) == 2)), "it is tried again"
