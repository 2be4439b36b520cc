"""Jobs over HTTP: done beside answering, watched, ended early, and taken up again after a crash."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.jobs.context import JobContext
from api.jobs.runner import JobRunner
from api.settings import settings_for
from geo.errors import ConflictError, InputError, NotFoundError, Problem
from geo.store import Store, jobs, open_store
from tests.api.test_app import COVERAGE, take_role
from tests.cli.conftest import Run

ASKED = {"types": ["senior_canteen"], "minutes": 15}


@pytest.fixture
def planner(small_town: Run, store_url: str, tmp_path: Path) -> Iterator[TestClient]:
    app = create_app(settings_for(store_url, tmp_path / "cache", demo=True))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        take_role(client, "planner")
        yield client


def wait_for(client: TestClient, job_id: str, *, seconds: float = 60.0) -> Any:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        job = client.get(f"/api/jobs/{job_id}").json()
        if job["state"] in jobs.OVER:
            return job
        time.sleep(0.05)
    raise AssertionError(f"still {job['state']} after {seconds} s")


def runner_with(store: Store, folder: Path, **handlers: Callable[[JobContext], None]) -> JobRunner:
    return JobRunner(store, folder, handlers)


def until_over(store: Store, job_id: str, *, state: tuple[str, ...] = jobs.OVER) -> jobs.JobRecord:
    until = time.monotonic() + 30.0
    while time.monotonic() < until:
        with store.session(write=False) as session:
            job = jobs.get(session, job_id)
        if job.state in state:
            return job
        time.sleep(0.02)
    raise AssertionError(f"still {job.state}")


def queue(store: Store, kind: str = "work", **parameters: object) -> str:
    with store.session() as session:
        return jobs.add(session, kind=kind, parameters=parameters, actor="somebody").job_id


def test_a_run_asked_for_over_http_is_the_one_of_the_command_line(planner: TestClient, small_town: Run) -> None:
    answer = planner.post("/api/runs", json=ASKED)
    assert answer.status_code == 202
    assert answer.headers["location"] == answer.json()["href"]
    job = wait_for(planner, answer.json()["job_id"])
    assert job["state"] == "done", job
    printed = small_town(*COVERAGE).json()
    assert job["result"]["run_id"] == printed["run_id"]
    assert job["result"]["content_hash"] == printed["content_hash"]
    answered = planner.get(f"/api/runs/{printed['run_id']}").json()
    assert {**answered, "seconds": None} == {**printed, "seconds": None}
    assert planner.get("/api/runs").json()["runs"][0]["actor"] == "cli"


def test_progress_is_streamed_until_the_end(planner: TestClient) -> None:
    job_id = planner.post("/api/runs", json=ASKED).json()["job_id"]
    with planner.stream("GET", f"/api/jobs/{job_id}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        text = "".join(answer.iter_text())
    events = [block.split("\n") for block in text.split("\n\n") if block.startswith("event")]
    assert [event[0] for event in events][-1] == "event: end"
    assert {event[0] for event in events[:-1]} <= {"event: progress"}
    last = json.loads(events[-1][1].removeprefix("data: "))
    assert last["state"] == "done"
    assert last["share"] == 1.0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, ["types", "必填"]),
        ({"types": ["senior_canteen"], "minutes": 15, "metres": 900}, ["只能给一个"]),
        ({"types": ["teahouse"], "minutes": 15}, ["teahouse", "senior_canteen"]),
        ({"types": ["senior_canteen"], "minutes": -1, "colour": "red"}, ["minutes", "大于 0", "colour", "未知"]),
        ({"types": ["senior_canteen"], "minutes": 15, "at": "someday"}, ["someday"]),
        ({"types": ["senior_canteen"], "minutes": 15, "date": "2026-02-30"}, ["date", "YYYY-MM-DD"]),
        ({"types": ["senior_canteen"], "minutes": 15, "by_band": True, "speed_mps": 1}, ["by_band"]),
    ],
)
def test_a_question_that_does_not_fit_is_refused_in_words(planner: TestClient, body: object, words: list[str]) -> None:
    answer = planner.post("/api/runs", json=body)
    assert answer.status_code == 400
    assert all(word in answer.json()["message_zh"] for word in words), answer.json()
    assert planner.get("/api/jobs").json()["jobs"] == []


def test_a_question_without_a_limit_is_about_a_quarter_of_an_hour(planner: TestClient) -> None:
    job = wait_for(planner, planner.post("/api/runs", json={"types": ["senior_canteen"]}).json()["job_id"])
    assert planner.get(f"/api/runs/{job['result']['run_id']}").json()["minutes"] == 15


def test_a_job_that_fails_says_why_in_both_languages(fangyu: Run, store_url: str, tmp_path: Path) -> None:
    app = create_app(settings_for(store_url, tmp_path / "cache", demo=True))
    fangyu("db", "upgrade")
    with TestClient(app, base_url="http://127.0.0.1") as client:
        take_role(client, "planner")
        job = wait_for(client, client.post("/api/runs", json=ASKED).json()["job_id"])
        assert job["state"] == "failed"
        assert job["error"]["code"] == "conflict"
        assert "POST /api/imports" in job["error"]["message_zh"]
        assert client.get("/api/runs").json()["runs"] == []


def test_only_who_asked_and_administrators_see_a_job(planner: TestClient) -> None:
    job_id = planner.post("/api/runs", json=ASKED).json()["job_id"]
    wait_for(planner, job_id)
    for role, status in (("data_steward", 404), ("system_administrator", 200), ("reviewer", 403), ("planner", 200)):
        take_role(planner, role)
        assert planner.get(f"/api/jobs/{job_id}").status_code == status
        assert planner.get(f"/api/jobs/{job_id}/events").status_code == status
    take_role(planner, "data_steward")
    assert planner.get("/api/jobs").json()["jobs"] == []
    assert planner.post(f"/api/jobs/{job_id}/cancel").status_code == 404
    assert planner.post("/api/runs", json=ASKED).status_code == 403


def test_a_job_at_work_is_cancelled_and_stores_nothing(store: Store, tmp_path: Path) -> None:
    begun = threading.Event()

    def work(context: JobContext) -> None:
        begun.set()
        for _ in range(1000):
            context.at("working", 0.5)
            time.sleep(0.02)

    job_id = queue(store)
    runner = runner_with(store, tmp_path, work=work)
    runner.start()
    assert begun.wait(10.0)
    with store.session() as session:
        assert jobs.ask_cancel(session, job_id).is_cancel_asked
    runner.cancel(job_id)
    job = until_over(store, job_id)
    runner.stop()
    assert job.state == "cancelled"
    assert job.result is None
    with store.session() as session:
        assert jobs.ask_cancel(session, job_id) == job


def test_a_worker_that_hears_of_a_cancel_first_leaves_it_on_record(store: Store, tmp_path: Path) -> None:
    begun = threading.Event()

    def work(context: JobContext) -> None:
        begun.set()
        for _ in range(1000):
            context.at("working", 0.5)
            time.sleep(0.02)

    job_id = queue(store)
    runner = runner_with(store, tmp_path, work=work)
    runner.start()
    assert begun.wait(10.0)
    # As the route does, with the worker through before the request may write.
    runner.cancel(job_id)
    assert until_over(store, job_id).is_cancel_asked
    runner.stop()
    with store.session() as session:
        again = jobs.ask_cancel(session, job_id)
    assert (again.state, again.is_cancel_asked) == ("cancelled", True)


def test_a_job_that_is_done_cannot_be_cancelled_but_a_cancelled_one_may_be_again(
    planner: TestClient, small_town: Run
) -> None:
    done = wait_for(planner, planner.post("/api/runs", json={"types": ["senior_canteen"]}).json()["job_id"])
    refused = planner.post(f"/api/jobs/{done['job_id']}/cancel")
    assert (refused.status_code, done["is_cancel_asked"]) == (409, False)
    # With the runner stopped the next job waits.
    store = planner.app.state.store  # type: ignore[attr-defined]
    planner.app.state.runner.stop()  # type: ignore[attr-defined]
    with store.session() as session:
        job_id = jobs.add(session, kind="coverage", parameters={}, actor="demo:planner").job_id
    answers = [planner.post(f"/api/jobs/{job_id}/cancel") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.json()["is_cancel_asked"] for answer in answers] == [True, True]


def test_a_cancel_in_the_last_moment_rolls_the_work_back(store: Store, tmp_path: Path) -> None:
    from geo.store import audit

    def work(context: JobContext) -> None:
        with context.finishing() as session:
            audit.append(session, "somebody", "worked", "x", "{}")
            context.done(session, {})
            context.stop("cancelled")

    job_id = queue(store)
    runner = runner_with(store, tmp_path, work=work)
    runner.start()
    job = until_over(store, job_id)
    runner.stop()
    assert job.state == "cancelled"
    with store.session(write=False) as session:
        assert audit.entries(session) == []


def test_a_waiting_job_is_cancelled_at_once(store: Store) -> None:
    job_id = queue(store)
    with store.session() as session:
        assert jobs.ask_cancel(session, job_id).state == "cancelled"
        assert jobs.claim(session, "w") is None


def test_a_server_that_goes_down_leaves_its_job_for_the_next_one(store: Store, tmp_path: Path) -> None:
    begun = threading.Event()

    def slow(context: JobContext) -> None:
        begun.set()
        while True:
            context.at("working", 0.1)
            time.sleep(0.01)

    def quick(context: JobContext) -> None:
        with context.finishing() as session:
            context.done(session, {"by": context.worker})

    job_id = queue(store)
    first = runner_with(store, tmp_path, work=slow)
    first.start()
    assert begun.wait(10.0)
    first.stop()
    with store.session(write=False) as session:
        assert jobs.get(session, job_id).state == "queued"
    second = runner_with(store, tmp_path, work=quick)
    second.start()
    job = until_over(store, job_id)
    second.stop()
    assert job.state == "done"
    assert job.result == {"by": second.worker}
    assert job.attempts == 2


def test_jobs_of_a_server_that_was_killed_are_taken_up_again_but_not_for_ever(store: Store) -> None:
    job_id = queue(store)
    for attempt in range(1, jobs.MOST_ATTEMPTS + 1):
        with store.session() as session:
            taken = jobs.claim(session, f"gone-{attempt}")
            assert taken is not None
            assert taken.attempts == attempt
        with store.session() as session:
            jobs.take_up_lost(session, lambda worker, beat_at: False)
    with store.session(write=False) as session:
        job = jobs.get(session, job_id)
    assert job.state == "failed"
    assert job.error is not None
    assert job.error["code"] == "interrupted"


def test_a_job_that_was_taken_over_cannot_be_settled_by_the_first_worker(store: Store) -> None:
    job_id = queue(store)
    with store.session() as session:
        jobs.claim(session, "first")
        jobs.take_up_lost(session, lambda worker, beat_at: False)
        jobs.claim(session, "second")
    with store.session() as session, pytest.raises(ConflictError):
        jobs.settle(session, job_id, "first", "done", result={})
    with store.session() as session:
        assert jobs.note(session, job_id, "first", stage=None, share=None), "the first is told to stop"
        assert not jobs.note(session, job_id, "second", stage="x", share=0.5)
        jobs.settle(session, job_id, "second", "done", result={"n": 1})


def test_a_worker_counts_as_gone_by_its_process_or_by_its_silence(store: Store, tmp_path: Path) -> None:
    runner = runner_with(store, tmp_path)
    host, number, _ = runner.worker.split(":")
    now = datetime.now(UTC)
    assert runner._is_alive(runner.worker, now - timedelta(days=1))
    assert not runner._is_alive(f"{host}:{number}:other", now), "an older process with this number"
    assert not runner._is_alive(f"{host}:99999999:x", now)
    assert runner._is_alive(f"{host}:1:x", now)
    assert not runner._is_alive(f"{host}:1:x", now - timedelta(hours=1))
    assert runner._is_alive("elsewhere:1:x", now - timedelta(seconds=30))
    assert not runner._is_alive("elsewhere:1:x", now - timedelta(minutes=5))


def test_two_workers_never_take_the_same_job(store_url: str) -> None:
    with open_store(store_url) as store:
        wanted = {queue(store) for _ in range(12)}
        taken: list[str] = []

        def take(worker: str) -> None:
            while True:
                with store.session() as session:
                    job = jobs.claim(session, worker)
                if job is None:
                    return
                taken.append(job.job_id)

        threads = [threading.Thread(target=take, args=(f"w{number}",)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60.0)
        assert sorted(taken) == sorted(wanted)


def test_refused_data_keeps_every_problem_and_unforeseen_mistakes_say_nothing_of_the_inside(
    store: Store, tmp_path: Path
) -> None:
    def refuse(context: JobContext) -> None:
        problems = [Problem("c", "refused", "f.csv", row, "x", "1", "坏", "bad") for row in (2, 3)]
        raise InputError("拒绝", "refused", problems)

    def stumble(context: JobContext) -> None:
        raise RuntimeError("secret inside")

    def forget(context: JobContext) -> None:
        pass

    runner = runner_with(store, tmp_path, refuse=refuse, stumble=stumble, forget=forget)
    ids = [queue(store, kind) for kind in ("refuse", "stumble", "forget", "unknown")]
    runner.start()
    refused, stumbled, forgot, unknown = [until_over(store, job_id) for job_id in ids]
    runner.stop()
    assert [job.state for job in (refused, stumbled, forgot, unknown)] == ["failed"] * 4
    assert refused.error is not None
    assert [one["row"] for one in refused.error["problems"]] == [2, 3]
    assert "secret" not in json.dumps(stumbled.error)
    assert forgot.error == stumbled.error
    assert unknown.error is not None
    assert "unknown" in unknown.error["message_en"]


def test_an_unknown_job_is_not_found(store: Store) -> None:
    with store.session(write=False) as session, pytest.raises(NotFoundError):
        jobs.get(session, "job-0")
