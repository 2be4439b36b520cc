"""Logging in on both stores: who gets in, who is kept out, and what ends a session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pyotp
import pytest
from sqlalchemy import text

from geo.account import password as passwords
from geo.account.lockout import LockRule
from geo.account.profile import password_profile
from geo.account.second_factor import Vault
from geo.account.secret import token_hash
from geo.errors import (
    ConflictError,
    DeniedError,
    InputError,
    LockedOutError,
    NotFoundError,
    StaleError,
    UnauthenticatedError,
)
from geo.services import account, login
from geo.services.login import Entered, Identity, LoginRules
from geo.store import Store, accounts, audit, grants, logins
from geo.store.columns import utc_now

MLPS3 = password_profile("mlps3")
GOOD, OTHER = "Kestrel-marmalade-7", "Violin-thunder-42x"
RULES = LoginRules()


@pytest.fixture(autouse=True)
def _fast_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hash with the least that Argon2 takes: its strength has tests of its own."""
    from argon2 import PasswordHasher

    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords._nobody.cache_clear()
    yield
    passwords._nobody.cache_clear()


def add(
    store: Store, name: str = "wangfang", roles: tuple[str, ...] = ("planner",), district: str | None = None
) -> None:
    with store.session() as session:
        new = account.NewAccount(name, "王芳", frozenset(roles), district)
        account.add_account(session, new, profile=MLPS3, actor="cli", password=GOOD)


def attempt(
    store: Store,
    vault: Vault,
    name: str = "wangfang",
    word: str = GOOD,
    *,
    address: str = "10.0.0.1",
    code: str | None = None,
    rules: LoginRules = RULES,
) -> Entered | Exception:
    with store.session(write=False) as session:
        candidate = login.look(session, login=name, address=address, agent="test", rules=rules)
    right = login.is_right(candidate, word)
    with store.session() as session:
        return login.settle(session, candidate, is_right=right, code=code, vault=vault, rules=rules)


def entered(store: Store, vault: Vault, name: str = "wangfang", **options: object) -> Entered:
    found = attempt(store, vault, name, **options)  # type: ignore[arg-type]
    assert isinstance(found, Entered), found
    return found


def who(store: Store, token: str, rules: LoginRules = RULES) -> Identity | None:
    with store.session(write=False) as session:
        return login.identify(session, token_hash(token), rules)


def actions(store: Store) -> list[str]:
    with store.session(write=False) as session:
        assert audit.first_broken(session) is None
        return [entry.action for entry in reversed(audit.entries(session))]


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "fangyu.key")


def test_who_has_the_password_gets_in_and_is_recognised(store: Store, vault: Vault) -> None:
    add(store, district="9901")
    came = entered(store, vault, "  WangFang ")
    found = who(store, came.token)
    assert found is not None
    assert (found.login, found.roles, found.district) == ("wangfang", {"planner"}, "9901")
    assert who(store, came.token + "x") is None
    assert actions(store)[-2:] == ["account added", "login"]
    with store.session(write=False) as session:
        kept = session.execute(text("SELECT token_hash FROM login_sessions")).scalars().all()
    assert came.token not in kept


def test_every_failure_is_told_in_the_same_words_and_put_on_record(store: Store, vault: Vault) -> None:
    add(store)
    wrong, nobody = attempt(store, vault, word="x"), attempt(store, vault, "nobody")
    assert isinstance(wrong, UnauthenticatedError)
    assert str(wrong) == str(nobody)
    with store.session() as session:
        account.change_account(session, "wangfang", tag=None, values={"is_active": False}, actor="cli")
    assert str(attempt(store, vault)) == str(wrong)
    assert actions(store).count("login refused") == 3


def test_failures_lock_the_stranger_out_and_not_the_person(store: Store, vault: Vault) -> None:
    add(store)
    for _ in range(5):
        assert isinstance(attempt(store, vault, word="x", address="203.0.113.9"), UnauthenticatedError)
    locked = attempt(store, vault, address="203.0.113.9")
    assert isinstance(locked, LockedOutError), "the right password does not help from there"
    assert 14 * 60 < locked.retry_s <= 15 * 60
    entered(store, vault)
    with store.session() as session:
        assert account.unlock(session, "wangfang", actor="cli") == 1
    entered(store, vault, address="203.0.113.9")


def test_logins_that_do_not_exist_are_locked_alike(store: Store, vault: Vault) -> None:
    add(store)
    answers = [[type(attempt(store, vault, name, "x")).__name__ for _ in range(6)] for name in ("wangfang", "nobody")]
    assert answers[0] == answers[1] == ["UnauthenticatedError"] * 5 + ["LockedOutError"]


def test_guessing_from_many_addresses_keeps_out_unknown_addresses_only(store: Store, vault: Vault) -> None:
    rules = replace(RULES, lock=LockRule(login_failures=8))
    add(store)
    entered(store, vault, rules=rules)
    for number in range(8):
        attempt(store, vault, word="x", address=f"203.0.113.{number}", rules=rules)
    assert isinstance(attempt(store, vault, address="198.51.100.7", rules=rules), LockedOutError)
    entered(store, vault, rules=rules)


def test_guessing_many_logins_from_one_address_locks_the_address(store: Store, vault: Vault) -> None:
    rules = replace(RULES, lock=LockRule(address_failures=6))
    add(store)
    for number in range(6):
        attempt(store, vault, f"name{number}", "x", address="203.0.113.9", rules=rules)
    assert isinstance(attempt(store, vault, address="203.0.113.9", rules=rules), LockedOutError)
    entered(store, vault, rules=rules)


def age(store: Store, column: str, by: timedelta, table: str = "login_sessions") -> None:
    """Make what stands in a table older."""
    with store.session() as session:
        old: datetime = utc_now() - by
        model = logins.LoginSession if table == "login_sessions" else accounts.Account
        session.execute(model.__table__.update().values({column: old}))  # type: ignore[attr-defined]


def test_a_session_ends_when_idle_when_old_when_left_and_when_revoked(store: Store, vault: Vault) -> None:
    add(store)
    came = entered(store, vault)
    age(store, "seen_at", timedelta(minutes=29))
    assert who(store, came.token) is not None
    age(store, "seen_at", timedelta(minutes=31))
    assert who(store, came.token) is None
    with store.session() as session:
        login.take_note(session, {came.session_id: utc_now()}, {})
    assert who(store, came.token) is not None
    age(store, "created_at", timedelta(hours=11))
    assert who(store, came.token) is None
    again = entered(store, vault)
    with store.session() as session:
        login.log_out(session, again.session_id, by="wangfang", login="wangfang")
    assert who(store, again.token) is None
    assert actions(store)[-1] == "session ended"


def test_a_further_login_ends_the_oldest_of_too_many_sessions(store: Store, vault: Vault) -> None:
    rules = replace(RULES, sessions=2)
    add(store)
    came = [entered(store, vault, rules=rules) for _ in range(3)]
    assert [who(store, one.token, rules) is not None for one in came] == [False, True, True]


def test_less_power_or_another_password_ends_the_sessions(store: Store, vault: Vault) -> None:
    add(store, roles=("planner", "data_steward"))
    add(store, "li", ("security_administrator",))
    came = entered(store, vault)
    with store.session() as session:
        account.change_account(session, "wangfang", tag=None, values={"name": "王芳芳"}, actor="li")
    assert who(store, came.token) is not None
    with store.session() as session:
        account.change_account(session, "wangfang", tag=None, values={"roles": ["planner"]}, actor="li")
    assert who(store, came.token) is None
    first, second = entered(store, vault), entered(store, vault)
    with store.session() as session:
        account.change_password(session, "wangfang", old=GOOD, new=OTHER, profile=MLPS3, keep=second.session_id)
    assert who(store, first.token) is None
    assert who(store, second.token) is not None
    assert isinstance(attempt(store, vault), UnauthenticatedError)
    entered(store, vault, word=OTHER)


def test_a_password_that_somebody_else_set_serves_for_setting_another(store: Store, vault: Vault) -> None:
    with store.session() as session:
        new = account.NewAccount("wangfang", "王芳", frozenset({"planner"}))
        _, made = account.add_account(session, new, profile=MLPS3, actor="cli")
    assert made is not None
    came = entered(store, vault, word=made)
    assert came.must_change
    found = who(store, came.token)
    assert found is not None
    assert found.must_change
    assert found.roles == frozenset()
    with store.session() as session:
        account.change_password(session, "wangfang", old=made, new=GOOD, profile=MLPS3, keep=came.session_id)
    found = who(store, came.token)
    assert found is not None
    assert found.roles == {"planner"}


def test_an_old_password_must_be_changed_under_mlps3_and_not_under_asvs(store: Store, vault: Vault) -> None:
    add(store)
    age(store, "password_set_at", timedelta(days=91), "accounts")
    came = entered(store, vault)
    assert came.must_change
    asvs = replace(RULES, profile=password_profile("asvs"))
    found = who(store, came.token, asvs)
    assert found is not None
    assert not found.must_change


def test_the_last_five_passwords_are_not_taken_again(store: Store) -> None:
    add(store)
    used = [GOOD, *(f"Violin-thunder-{number}x" for number in range(41, 46))]
    for old, new in pairwise(used):
        with store.session() as session:
            account.change_password(session, "wangfang", old=old, new=new, profile=MLPS3)
    for again in used[1:]:
        with pytest.raises(InputError, match="may not be taken again"), store.session() as session:
            account.change_password(session, "wangfang", old=used[-1], new=again, profile=MLPS3)
    with store.session() as session:
        account.change_password(session, "wangfang", old=used[-1], new=GOOD, profile=MLPS3)
    with pytest.raises(DeniedError), store.session() as session:
        account.change_password(session, "wangfang", old="wrong", new=OTHER, profile=MLPS3)


def test_a_second_factor_is_asked_for_and_each_code_serves_once(store: Store, vault: Vault) -> None:
    add(store)
    secret = pyotp.random_base32()
    with store.session() as session:
        accounts.set_second_factor(session, accounts.get(session, "wangfang"), vault.seal(secret))
    asked = attempt(store, vault)
    assert isinstance(asked, UnauthenticatedError)
    assert asked.detail["second_factor"] is True
    code = pyotp.TOTP(secret).now()
    entered(store, vault, code=code)
    assert isinstance(attempt(store, vault, code=code), UnauthenticatedError), "a code that was seen is worth nothing"
    assert "login code refused" in actions(store)


def test_standing_in_lends_roles_and_district_for_some_days(store: Store, vault: Vault) -> None:
    add(store, "li", ("approver", "reviewer"), "9901")
    add(store, "zhao", ("place_name_clerk",), "9902")
    came = entered(store, vault, "zhao")
    today = date.today()
    with store.session() as session:
        made = account.stand_in(
            session, for_login="li", by_login="zhao", roles=["approver"], valid_from=today,
            valid_to=today + timedelta(days=5), reason="年假", actor="li",
        )  # fmt: skip
    own = who(store, came.token)
    assert own is not None
    assert (own.roles, own.on_behalf_of) == ({"place_name_clerk"}, None)
    with store.session() as session:
        token = login.switch(session, own, "li")
    assert who(store, came.token) is None, "the secret changes with what it opens"
    acting = who(store, token)
    assert acting is not None
    assert (acting.login, acting.roles, acting.district, acting.on_behalf_of) == ("zhao", {"approver"}, "9901", "li")
    with store.session() as session:
        account.end_stand_in(session, made, actor="li")
    back = who(store, token)
    assert back is not None
    assert (back.roles, back.on_behalf_of) == ({"place_name_clerk"}, None)
    with pytest.raises(UnauthenticatedError), store.session() as session:
        login.switch(session, back, "li")
    with pytest.raises(ConflictError), store.session() as session:
        account.end_stand_in(session, made, actor="li")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"by_login": "li"}, "by"),
        ({"roles": ["planner"]}, "roles"),
        ({"roles": []}, "roles"),
        ({"valid_to": date.today()}, "valid_to"),
        ({"valid_to": date.today() + timedelta(days=400)}, "valid_to"),
        ({"reason": "  "}, "reason"),
        ({"by_login": "sun"}, "roles"),
    ],
)
def test_standing_in_that_makes_no_sense_is_refused(store: Store, change: dict[str, object], field: str) -> None:
    add(store, "li", ("approver",))
    add(store, "zhao", ("reviewer",))
    add(store, "sun", ("audit_administrator",))
    asked: dict[str, object] = {
        "for_login": "li", "by_login": "zhao", "roles": ["approver"], "valid_from": date.today(),
        "valid_to": date.today() + timedelta(days=3), "reason": "年假", "actor": "li",
    }  # fmt: skip
    with pytest.raises(InputError) as caught, store.session() as session:
        account.stand_in(session, **{**asked, **change})  # type: ignore[arg-type]
    assert [problem.field for problem in caught.value.problems] == [field]


def test_accounts_are_refused_with_everything_that_is_wrong(store: Store) -> None:
    bad = account.NewAccount("王", "", frozenset({"king", "audit_administrator"}), "north")
    with pytest.raises(InputError) as caught, store.session() as session:
        account.add_account(session, bad, profile=MLPS3, actor="cli", password="short")
    fields = [problem.field for problem in caught.value.problems]
    assert fields[:5] == ["login", "name", "roles", "roles", "district"]
    assert "password" in fields
    add(store)
    with pytest.raises(ConflictError, match="taken"):
        add(store, "WANGFANG")
    with pytest.raises(NotFoundError), store.session() as session:
        account.unlock(session, "nobody", actor="cli")


@pytest.mark.parametrize(
    "roles", [("system_administrator", "security_administrator"), ("audit_administrator", "planner")]
)
def test_keepers_are_different_people_and_nothing_else(store: Store, roles: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="different people"):
        add(store, roles=roles)


def test_nobody_raises_themselves_and_the_last_who_gives_roles_stays(store: Store) -> None:
    add(store, "sun", ("security_administrator",))
    with pytest.raises(DeniedError), store.session() as session:
        account.change_account(session, "sun", tag=None, values={"roles": ["planner"]}, actor="sun")
    with pytest.raises(ConflictError, match="last"), store.session() as session:
        account.change_account(session, "sun", tag=None, values={"is_active": False}, actor="cli")
    add(store, "zhou", ("security_administrator",))
    with store.session() as session:
        account.change_account(session, "sun", tag=None, values={"is_active": False}, actor="zhou")


def test_of_two_changes_at_once_the_second_is_told(store: Store) -> None:
    add(store)
    with store.session(write=False) as session:
        tag = accounts.get(session, "wangfang").tag
    with store.session() as session:
        account.change_account(session, "wangfang", tag=tag, values={"district": "9901"}, actor="cli")
    with pytest.raises(StaleError), store.session() as session:
        account.change_account(session, "wangfang", tag=tag, values={"district": "9902"}, actor="cli")
    with store.session(write=False) as session:
        assert accounts.get(session, "wangfang").district == "9901"


def test_accounts_are_never_removed_and_their_changes_are_announced(store: Store, vault: Vault) -> None:
    watch = store.watch()

    def present() -> str:
        with store.session(write=False) as session:
            from geo.store import state

            return state.token(session, ["accounts"])

    seen = [present()]
    add(store)
    seen.append(present())
    came = entered(store, vault)
    seen.append(present())
    with store.session() as session:
        login.take_note(session, {came.session_id: utc_now() + timedelta(seconds=5)}, {})
    assert present() == seen[-1], "being seen changes nothing about what anybody may do"
    with store.session() as session:
        logins.end(session, [came.session_id], by="test")
    seen.append(present())
    assert len(set(seen)) == 4
    for table in ("accounts", "login_sessions"):
        with pytest.raises(Exception, match="not removed"), store.session() as session:
            session.execute(text(f"DELETE FROM {table}"))
    if store.kind == "gpkg":
        words = "login, name, roles, password_hash, password_set_at, created_at, created_by"
        with pytest.raises(Exception, match="not removed"), store.session() as session:
            session.execute(
                text(f"INSERT OR REPLACE INTO accounts ({words}) SELECT {words} FROM accounts WHERE login = 'wangfang'")
            )
    assert watch is store.watch()


def test_a_key_opens_what_it_says_until_it_is_revoked_or_too_old(store: Store) -> None:
    from geo.account.secret import key_id_of, new_key

    add(store)
    key_id, key = new_key()
    assert key_id_of(key) == key_id

    def found() -> Identity | None:
        with store.session(write=False) as session:
            return login.identify_key(session, key_id, token_hash(key))

    with store.session() as session:
        own = accounts.get(session, "wangfang")
        grants.add_key(
            session, key_id=key_id, secret_hash=token_hash(key), account_fid=own.fid, title="QGIS",
            scopes=["layers.read"], expires_at=utc_now() + timedelta(days=30),
        )  # fmt: skip
    known = found()
    assert known is not None
    assert (known.login, known.scopes, known.session_id) == ("wangfang", ("layers.read",), None)
    with store.session(write=False) as session:
        assert login.identify_key(session, key_id, token_hash(key + "x")) is None
    with store.session() as session:
        assert grants.revoke_key(session, key_id, by="wangfang")
        assert not grants.revoke_key(session, key_id, by="wangfang")
    assert found() is None


@pytest.mark.parametrize("name", ["outside", "cli", "anonymous", "Fangyu"])
def test_nobody_is_called_what_stands_for_the_system_in_the_audit(store: Store, name: str) -> None:
    with pytest.raises(InputError) as caught:
        add(store, name)
    assert "系统自用" in caught.value.problems[0].message_zh


def test_a_second_factor_that_is_lost_is_taken_off_and_sessions_end(store: Store, vault: Vault) -> None:
    add(store)
    mine = entered(store, vault)
    with store.session() as session:
        assert account.drop_second_factor(session, "wangfang", actor="cli:root") is False
        accounts.set_second_factor(session, accounts.get(session, "wangfang"), vault.seal(pyotp.random_base32()), 0)
    assert isinstance(attempt(store, vault), UnauthenticatedError), "the password alone does not do"
    with store.session() as session:
        assert account.drop_second_factor(session, "wangfang", actor="cli:root") is True
    assert who(store, mine.token) is None
    entered(store, vault)
    assert "second factor dropped" in actions(store)
