"""Accounts for tests: passwords that are hashed with the least that Argon2 takes, and people who have logged in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from argon2 import PasswordHasher
from starlette.testclient import TestClient

from geo.account import password as passwords
from geo.account.profile import password_profile
from geo.services.account import NewAccount, add_account
from geo.store import Store

GOOD, OTHER = "Kestrel-marmalade-7", "Violin-thunder-42x"


@pytest.fixture
def fast_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hash with the least that Argon2 takes: its strength has tests of its own."""
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords._nobody.cache_clear()
    yield
    passwords._nobody.cache_clear()


def add_person(store: Store, login: str, *roles: str, district: str | None = None) -> None:
    """Add an account with the password `GOOD`."""
    with store.session() as session:
        new = NewAccount(login, f"{login}女士", frozenset(roles), district)
        add_account(session, new, profile=password_profile("mlps3"), actor="cli", password=GOOD)


def log_in(client: TestClient, login: str, password: str = GOOD, **more: str) -> Any:
    """Log in as the page of the server does, whose browser says from then on that it is its own; return the answer."""
    client.headers.setdefault("sec-fetch-site", "same-origin")
    return client.post("/api/session", json={"login": login, "password": password, **more})
