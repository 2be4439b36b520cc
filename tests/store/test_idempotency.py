"""Answers under a key: kept with their command or not at all, each person's own, and forgotten in time."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from geo.store import Store, idempotency, open_store
from geo.store.idempotency import KeptAnswer
from tests.store.once_writer import KEPT

ROOT = Path(__file__).parents[2]
ANSWER = KeptAnswer("f" * 64, 201, {"etag": '"x.1"'}, "长者食堂".encode())


def test_an_answer_comes_back_as_it_was_to_whom_it_was_given(store: Store) -> None:
    with store.session() as session:
        idempotency.keep(session, ANSWER, actor="li", key="k", kept=KEPT)
    with store.session(write=False) as session:
        assert idempotency.find(session, actor="li", key="k", kept=KEPT) == ANSWER
        assert idempotency.find(session, actor="wang", key="k", kept=KEPT) is None
        assert idempotency.find(session, actor="li", key="K", kept=KEPT) is None
        assert idempotency.find(session, actor="li", key="k", kept=timedelta(0)) is None, "too old is as never"


def test_a_key_is_taken_once(store: Store) -> None:
    with store.session() as session:
        idempotency.keep(session, ANSWER, actor="li", key="k", kept=KEPT)
    with pytest.raises(IntegrityError), store.session() as session:
        idempotency.keep(session, ANSWER, actor="li", key="k", kept=KEPT)


def test_a_killed_writer_leaves_a_command_and_its_answer_or_neither(store_url: str) -> None:
    open_store(store_url).close()
    seen = 0
    for pause in (0.15, 0.4, 0.7, 1.0):
        command = [sys.executable, "-m", "tests.store.once_writer", store_url]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
            time.sleep(pause)
            writer.kill()
        with open_store(store_url) as store, store.session(write=False) as session:
            made = set(session.scalars(text("SELECT id FROM facilities")))
            kept = set(session.scalars(text("SELECT key FROM idempotency_keys")))
            assert made == kept
            seen = len(made)
    assert seen > 0, "it did get to write"
