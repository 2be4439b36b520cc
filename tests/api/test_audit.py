"""Over HTTP: every refusal and every export of internal data is on record, and the head is noted beside the cache."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

from starlette.testclient import TestClient

from api.heads import HeadKeeper
from geo.store import Store, audit
from geo.store.audit_check import verify
from tests.api.conftest import Served


def recorded(client: TestClient, kind: str) -> list[tuple[str, str, str, dict[str, object]]]:
    """Return the audit's entries of a kind, oldest first."""
    store: Store = client.app.state.store  # type: ignore[attr-defined]
    client.app.state.refusals.flush()  # type: ignore[attr-defined]
    with store.session(write=False) as session:
        assert verify(session).findings == ()
        found = audit.entries(session, kind=kind)[::-1]
        return [(one.actor, one.action, one.subject, json.loads(one.detail)) for one in found]


def test_refusals_are_recorded_with_actor_route_and_policy(served: Served) -> None:
    stranger, planner = served("public"), served("planner")
    assert stranger.get("/api/jobs").status_code == 401
    assert planner.post("/api/facilities", json={}).status_code == 403
    assert planner.post("/api/jobs/whatever/cancel", headers={"sec-fetch-site": "cross-site"}).status_code in (403, 404)
    found = recorded(planner, "refusal")
    assert ("anonymous", "GET refused", "/api/jobs") in [one[:3] for one in found]
    [denied] = [one for one in found if one[2] == "/api/facilities"]
    assert denied[0] == "demo:planner"
    assert denied[1] == "POST refused"
    assert (denied[3]["status"], denied[3]["policy"]) == (403, "facilities.edit")


def test_a_layer_that_is_hidden_is_on_record_and_one_that_is_not_there_is_not(served: Served) -> None:
    stranger = served("public")
    assert stranger.get("/ogc/collections/demand").status_code == 404
    assert stranger.get("/ogc/collections/nonsense").status_code == 404
    assert stranger.get("/ogc/collections/demand/tiles/WebMercatorQuad/0/0/0").status_code == 404
    subjects = [one[2] for one in recorded(stranger, "refusal")]
    assert "/ogc/collections/{name}" in subjects
    assert len(subjects) == 2
    hidden, missing = (stranger.get(f"/ogc/collections/{name}").json() for name in ("demand", "nonsense"))
    assert hidden["code"] == missing["code"] == "not_found"


def test_an_export_of_internal_data_is_recorded_before_it_leaves(served: Served) -> None:
    planner, stranger = served("planner"), served("public")
    assert planner.get("/ogc/collections/demand/export?f=csv").status_code == 200
    assert stranger.get("/ogc/collections/streets/export?f=csv").status_code == 200
    [(actor, action, subject, detail)] = recorded(planner, "export")
    assert (actor, action, subject) == ("demo:planner", "exported", "layers/demand")
    assert detail == {"format": "csv", "query": "f=csv"}


def test_the_head_is_noted_again_and_again_and_failure_is_survived(store: Store, tmp_path: Path) -> None:
    with store.session() as session:
        audit.append(session, "tester", "did", "x", "{}")
    keeper = HeadKeeper(store, tmp_path / "cache", period_s=0.05)
    keeper.start()
    until = time.monotonic() + 10
    path = tmp_path / "cache" / "audit-heads.txt"
    while (not path.exists() or path.read_text("utf-8").count("\n") < 2) and time.monotonic() < until:
        time.sleep(0.05)
    keeper.stop()
    with store.session(write=False) as session:
        head = audit.head(session)
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) >= 2
    assert {tuple(line.split()[1:]) for line in lines} == {(str(head.count), head.chain, store.store_id)}
    others = tmp_path / "others"
    for _ in range(2):
        HeadKeeper(store, others).note()
    assert len((others / "audit-heads.txt").read_text("utf-8").splitlines()) == 1, "once for all processes of a server"
    blocked = HeadKeeper(store, path / "no folder")
    blocked.note()
    assert not [thread for thread in threading.enumerate() if thread.name == "fangyu-heads"]
