"""Cases over HTTP: what waits for whom, steps with papers, files, notices, and foreign cases that are not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.app import create_app
from api.settings import AttachmentSettings, settings_for
from geo.services.workflow import Subject, open_case
from geo.store import Store, audit, cases, open_store
from geo.store.case_records import CaseRecord
from geo.store.pages import today
from tests.accounts import add_person, fast_hashes, log_in
from tests.cases_kit import HERE, KIT, THERE, open_sample, person, submit

__all__ = ["fast_hashes"]
pytestmark = pytest.mark.usefixtures("fast_hashes")
PEOPLE = {
    "wang": ("place_name_clerk", HERE),
    "li": ("reviewer", HERE),
    "zhao": ("approver", "320500"),
    "far": ("reviewer", THERE),
    "sun": ("data_steward", None),
    "plan": ("planner", None),
}
PDF = b"%PDF-1.7\n" + b"x" * 5000
PROBLEM = "application/problem+json"
Enter = Callable[[str | None], TestClient]


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with open_store(store_url) as opened:
        for login, (role, district) in PEOPLE.items():
            add_person(opened, login, role, district=district)
        yield opened


@pytest.fixture
def app(store: Store, store_url: str, tmp_path: Path) -> FastAPI:
    settings = settings_for(store_url, tmp_path / "cache")
    settings = settings.model_copy(update={"attachments": AttachmentSettings(attachment_mb=1)})
    made = create_app(settings)
    made.state.kit = KIT
    return made


@pytest.fixture
def enter(app: FastAPI) -> Iterator[Enter]:
    known: dict[str | None, TestClient] = {}
    with TestClient(app, base_url="http://127.0.0.1"):

        def make(login: str | None) -> TestClient:
            if login not in known:
                known[login] = TestClient(app, base_url="http://127.0.0.1")
                if login is not None:
                    assert log_in(known[login], login).status_code == 200
            return known[login]

        yield make


@pytest.fixture
def case(store: Store) -> CaseRecord:
    with store.session() as session:
        return open_sample(session)


def send(client: TestClient, case: CaseRecord, **more: Any) -> Any:
    """Attach a file."""
    given = {"name": "申请书.pdf", "document": "application_form", **more}
    content = given.pop("content", PDF)
    return client.post(f"/api/cases/{case.uid}/attachments", params=given, content=content)


def act(client: TestClient, uid: str, action: str, etag: str | None = None, **body: Any) -> Any:
    """Take a step in the state the case is in, or in that of a tag."""
    tag = etag or client.get(f"/api/cases/{uid}").headers["etag"]
    return client.post(f"/api/cases/{uid}/steps", json={"action": action, **body}, headers={"If-Match": tag})


def test_a_case_goes_its_way_over_http(enter: Enter, store: Store, case: CaseRecord) -> None:
    clerk, reviewer, approver = enter("wang"), enter("li"), enter("zhao")
    (listed,) = clerk.get("/api/cases").json()["cases"]
    assert (listed["case_id"], listed["state_title_zh"], listed["is_overdue"]) == (case.uid, "草稿", False)
    view = clerk.get(listed["href"])
    assert view.headers["etag"] == listed["etag"] == f'"{case.uid}.1"'
    (choice,) = view.json()["actions"]
    assert (choice["action"], choice["documents"], choice["is_allowed"]) == ("submit", ["application_form"], True)
    refused = act(clerk, case.uid, "submit")
    assert (refused.status_code, refused.json()["problems"][0]["field"]) == (400, "documents.application_form")
    paper = send(clerk, case)
    assert paper.status_code == 201
    assert paper.json()["sha256"]
    done = act(clerk, case.uid, "submit", documents={"application_form": paper.json()["attachment_id"]})
    assert (done.status_code, done.json()["state"], done.headers["etag"]) == (200, "applied", f'"{case.uid}.2"')
    assert done.json()["clocks"][0]["clock"] == "acceptance"
    assert clerk.get("/api/cases").json()["cases"] == []
    (waits,) = reviewer.get("/api/cases").json()["cases"]
    assert waits["due"] is not None
    assert reviewer.post(f"{waits['href']}/comments", json={"words": "材料齐全"}).status_code == 201
    assert act(reviewer, case.uid, "accept", reason="合规").status_code == 200
    over = act(approver, case.uid, "approve")
    assert (over.json()["outcome"], over.json()["actions"]) == ("completed", [])
    assert [(one["seq"], one["actor"], one["title_en"]) for one in over.json()["steps"]] == [
        (1, "wang", "Submit"), (2, "li", "Accept"), (3, "zhao", "Approve"),
    ]  # fmt: skip
    assert over.json()["comments"][0]["words"] == "材料齐全"
    assert over.json()["is_table_changed"] is False
    assert act(approver, case.uid, "approve").status_code == 409
    with store.session(write=False) as session:
        assert audit.first_broken(session) is None
        told = [one.action for one in audit.entries(session, kind="decision")]
        assert told[::-1] == [
            "case opened", "case attachment added", "case step taken", "case comment added", "case step taken",
            "case step taken",
        ]  # fmt: skip


def test_who_may_not_is_told_so_and_recorded(enter: Enter, store: Store, app: FastAPI, case: CaseRecord) -> None:
    with store.session() as session:
        submit(session, case)
    path = f"/api/cases/{case.uid}"
    tag = {"If-Match": f'"{case.uid}.2"'}
    for client, status in ((enter(None), 401), (enter("far"), 404), (enter("plan"), 404), (enter("sun"), 404)):
        assert client.get(path).status_code == status
        assert client.post(f"{path}/steps", json={"action": "accept"}, headers=tag).status_code == status
        assert client.put(f"{path}/assignee", json={"assignee": None}, headers=tag).status_code == status
        assert client.post(f"{path}/comments", json={"words": "x"}).status_code == status
        answer = send(client, case)
        assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
        assert client.get(f"{path}/attachments/ca-1").status_code == status
    none = enter("far").get("/api/cases/cs-0000000000000000").json()
    hidden = enter("far").get(path).json()
    assert {**none, "detail": "", "message_zh": "", "message_en": "", "facts": ""} == {
        **hidden, "detail": "", "message_zh": "", "message_en": "", "facts": "",
    }  # fmt: skip
    assert act(enter("wang"), case.uid, "accept").status_code == 403
    app.state.refusals.flush()
    with store.session(write=False) as session:
        refused = {(one.actor, one.subject) for one in audit.entries(session, kind="refusal")}
        assert cases.get(session, case.uid).row_version == 2
    assert {("far", "/api/cases/{case_id}"), ("wang", "/api/cases/{case_id}/steps")} <= refused


def test_a_step_is_meant_for_a_state(enter: Enter, case: CaseRecord) -> None:
    clerk = enter("wang")
    paper = send(clerk, case).json()["attachment_id"]
    body = {"action": "submit", "documents": {"application_form": paper}}
    path = f"/api/cases/{case.uid}/steps"
    assert clerk.post(path, json=body).status_code == 428
    assert clerk.post(path, json=body, headers={"If-Match": "*"}).status_code == 428
    for tag in ('"cs-other.1"', '"1"', f'"{case.uid}.0"', f'"{case.uid}.7"'):
        assert clerk.post(path, json=body, headers={"If-Match": tag}).status_code == 412
    assert clerk.post(path, json=body, headers={"If-Match": f'W/"{case.uid}.1"'}).status_code == 200
    stale = clerk.post(path, json=body, headers={"If-Match": f'"{case.uid}.1"'})
    assert stale.status_code == 412
    facts = stale.json()["facts"]
    assert (facts["tag"], facts["changed_by"]) == (f"{case.uid}.2", "wang")
    assert (facts["base"]["state"], facts["theirs"]["state"]) == ("draft", "applied")
    assert [one["action"] for one in facts["theirs"]["steps"]] == ["submit"]
    assert "wang 已办理“提交”" in stale.json()["message_zh"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"action": "submit", "more": 1},
        {"action": "x" * 99},
        {"action": "submit", "documents": {"application_form": "../../etc"}},
        {"action": "submit", "documents": []},
        {"action": "submit", "reason": "x" * 4001},
        {"action": "fly"},
    ],
)
def test_a_body_that_does_not_fit_is_refused(enter: Enter, case: CaseRecord, body: dict[str, object]) -> None:
    answer = enter("wang").post(f"/api/cases/{case.uid}/steps", json=body, headers={"If-Match": f'"{case.uid}.1"'})
    assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM)


def test_a_file_is_read_back_as_it_was_sent_and_runs_nowhere(enter: Enter, app: FastAPI, case: CaseRecord) -> None:
    clerk = enter("wang")
    made = send(clerk, case).json()
    answer = enter("li").get(made["href"])
    assert (answer.status_code, answer.content) == (200, PDF)
    assert answer.headers["content-type"] == "application/pdf"
    assert "filename*=UTF-8''%E7%94%B3" in answer.headers["content-disposition"]
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    for more, status in (
        ({"name": "a.html"}, 400),
        ({"content": b"<html>"}, 400),
        ({"content": b""}, 400),
        ({"document": "map"}, 400),
        ({"document": "../x"}, 400),
        ({"content": b"%PDF-" + b"x" * (1 << 20)}, 413),
    ):
        refused = send(clerk, case, **more)
        assert (refused.status_code, refused.headers["content-type"]) == (status, PROBLEM)
    path = app.state.attachments.path_of(made["sha256"])
    path.write_bytes(b"something else")
    changed = clerk.get(made["href"])
    assert (changed.status_code, changed.json()["facts"]["problem"]) == (409, "changed")
    path.unlink()
    missing = clerk.get(made["href"])
    assert (missing.status_code, missing.json()["facts"]["problem"]) == (409, "missing")
    assert str(path.parent) not in missing.text


def test_a_case_is_assigned_over_http(enter: Enter, store: Store, case: CaseRecord) -> None:
    with store.session() as session:
        submit(session, case)
    reviewer, path = enter("li"), f"/api/cases/{case.uid}/assignee"
    assert reviewer.put(path, json={"assignee": "li"}).status_code == 428
    tag = {"If-Match": f'"{case.uid}.2"'}
    assert reviewer.put(path, json={"assignee": "far"}, headers=tag).status_code == 400
    done = reviewer.put(path, json={"assignee": "li"}, headers=tag)
    assert (done.status_code, done.json()["assignee"], done.headers["etag"]) == (200, "li", f'"{case.uid}.3"')
    assert reviewer.put(path, json={"assignee": None}, headers=tag).status_code == 412
    assert len(reviewer.get("/api/cases?mine=true").json()["cases"]) == 1


def test_the_list_is_read_page_by_page(enter: Enter, store: Store) -> None:
    with store.session() as session:
        for number in range(7):
            open_sample(session, number)
        open_sample(session, 9, district=THERE, opener=person("x", "place_name_clerk"))
    clerk = enter("wang")
    seen, path = [], "/api/cases?limit=3"
    while path:
        answer = clerk.get(path)
        assert answer.status_code == 200
        seen += [one["title"] for one in answer.json()["cases"]]
        path = answer.json()["next"]
    assert seen == [f"第{number}号路命名" for number in range(7)]
    first = clerk.get("/api/cases?limit=3").json()["next"]
    assert clerk.get(first.replace("limit=3", "limit=4")).status_code == 400
    assert enter("li").get(first).status_code == 400
    assert clerk.get("/api/cases?nonsense=1").status_code == 400
    assert clerk.get("/api/cases?workflow=none").status_code == 404
    assert clerk.get("/api/cases?state=applied&waiting=false").json()["cases"] == []
    assert enter("plan").get("/api/cases?waiting=false").json() == {"cases": [], "next": None}
    assert enter("sun").get("/api/cases?waiting=false").json()["cases"] == []


def test_notices_are_read_by_each_for_themselves(enter: Enter, store: Store, case: CaseRecord) -> None:
    with store.session() as session:
        submit(session, case)
    reviewer, foreign = enter("li"), enter("far")
    page = reviewer.get("/api/notifications").json()
    assert (page["unread"], page["notifications"][0]["kind"]) == (1, "case_waiting")
    assert "已提交" in page["notifications"][0]["message_zh"]
    assert "{" not in page["notifications"][0]["message_en"]
    assert foreign.get("/api/notifications").json()["notifications"] == []
    uid = page["notifications"][0]["notification_id"]
    assert foreign.post("/api/notifications/read", json={"ids": [uid]}).json() == {"marked": 0}
    assert reviewer.post("/api/notifications/read", json={"ids": [uid]}).json() == {"marked": 1}
    assert reviewer.get("/api/notifications").json()["notifications"][0]["is_read"] is True
    assert reviewer.get("/api/notifications?unread=true").json()["notifications"] == []
    assert enter(None).get("/api/notifications").status_code == 401
    assert reviewer.post("/api/notifications/read", json={"ids": ["x"]}).status_code == 400
    clerk = enter("wang")
    with store.session() as session:
        for number in range(2, 6):
            open_sample(session, number)
    seen, path = 0, "/api/notifications?limit=2"
    while path:
        answer = clerk.get(path).json()
        seen, path = seen + len(answer["notifications"]), answer["next"]
    assert seen == 5
    assert clerk.post("/api/notifications/read", json={}).json() == {"marked": 5}


def test_an_edit_made_outside_is_decided_with_a_reason(enter: Enter, store: Store) -> None:
    with store.session() as session:
        case = open_case(session, workflow="outside_edit", subject=Subject("admin_divisions", "d1"))
    steward = enter("sun")
    assert act(steward, case.uid, "accept").json()["problems"][0]["field"] == "reason"
    done = act(steward, case.uid, "accept", reason="测绘成果已核实")
    assert (done.status_code, done.json()["outcome"], done.json()["state_title_zh"]) == (200, "completed", "已采纳")
    assert done.json()["clocks"][0]["is_advice"] is True


def test_who_stands_in_acts_for_the_other_and_looks_with_both_pairs_of_eyes(
    enter: Enter, store: Store, case: CaseRecord
) -> None:
    reviewer = enter("li")
    asked = {
        "from_login": "wang", "to_login": "li", "roles": ["place_name_clerk"], "reason": "休假",
        "valid_from": str(today()), "valid_to": str(today() + timedelta(days=1)),
    }  # fmt: skip
    assert enter("wang").post("/api/delegations", json=asked).status_code == 201
    assert reviewer.post("/api/session/acting", json={"login": "wang"}).status_code == 204
    (listed,) = reviewer.get("/api/cases").json()["cases"]
    assert listed["case_id"] == case.uid
    paper = send(reviewer, case).json()
    assert (paper["added_by"], paper["on_behalf_of"]) == ("li", "wang")
    done = act(reviewer, case.uid, "submit", documents={"application_form": paper["attachment_id"]})
    (taken,) = done.json()["steps"]
    assert (taken["actor"], taken["on_behalf_of"], taken["role"]) == ("li", "wang", "place_name_clerk")
    assert act(reviewer, case.uid, "accept").status_code == 403
    assert reviewer.post("/api/session/acting", json={"login": None}).status_code == 204
    # In their own name, too: they submitted it.
    barred = {one["action"]: one for one in reviewer.get(listed["href"]).json()["actions"]}
    assert (barred["accept"]["is_allowed"], barred["refuse"]["is_allowed"]) == (False, True)
    assert act(reviewer, case.uid, "accept").status_code == 403
    with store.session(write=False) as session:
        newest = audit.entries(session, kind="decision", limit=1)[0]
        assert (newest.actor, newest.on_behalf_of, newest.action) == ("li", "wang", "case step taken")
