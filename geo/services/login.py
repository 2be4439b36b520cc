"""Logging in, being recognised, and logging out.

A login takes three steps, so that the slow hash is worked out while no transaction is open: `look` at who it may be,
hold the password against the hash, `settle` what comes of it. What a failure leaves behind has to be stored, so it is
returned and not raised.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from geo.account.lockout import KNOWN_FOR, WINDOW, LockRule
from geo.account.password import hash_password, is_outdated, is_password
from geo.account.profile import PasswordProfile, password_profile
from geo.account.second_factor import Vault, matching_step
from geo.account.secret import new_token, token_hash
from geo.errors import DeniedError, FangyuError, LockedOutError, UnauthenticatedError
from geo.store import Session, accounts, audit, grants, logins
from geo.store.accounts import AccountRecord
from geo.store.columns import utc_now
from geo.store.pages import today

_KEPT_ATTEMPTS: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class LoginRules:
    """What a bureau decides about sessions.

    Parameters
    ----------
    profile : PasswordProfile
        What is asked of passwords.
    lock : LockRule
        When somebody is kept out.
    idle : timedelta
        After how long without a request a session ends.
    absolute : timedelta
        After how long it ends anyway.
    sessions : int
        Sessions one account may have at once; a further login ends the oldest.
    """

    profile: PasswordProfile = field(default_factory=lambda: password_profile("mlps3"))
    lock: LockRule = field(default_factory=LockRule)
    idle: timedelta = timedelta(minutes=30)
    absolute: timedelta = timedelta(hours=10)
    sessions: int = 5


@dataclass(frozen=True, slots=True)
class Candidate:
    """Who somebody who logs in may be.

    Parameters
    ----------
    login : str
        As typed, in small letters.
    address, agent : str
        Where from, and with what.
    record : AccountRecord or None
        The account, where there is one.
    lock : LockedOutError or None
        Why the attempt is not looked at.
    """

    login: str
    address: str
    agent: str
    record: AccountRecord | None
    lock: LockedOutError | None


@dataclass(frozen=True, slots=True)
class Entered:
    """Somebody who has logged in.

    Parameters
    ----------
    token : str
        Secret of the session, for the cookie.
    session_id : str
        What the session is known by.
    record : AccountRecord
        Who it is.
    must_change : bool
        Whether nothing but a change of password is open to them.
    """

    token: str
    session_id: str
    record: AccountRecord
    must_change: bool


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks, as the store says.

    Parameters
    ----------
    login, name : str
        The person.
    roles : frozenset of str
        Roles they hold in this request: their own, or those of the person they stand in for.
    district : str or None
        Division code those are limited to.
    on_behalf_of : str or None
        Login of the person they stand in for.
    must_change : bool
        Whether nothing but a change of password is open to them; they hold no role until then.
    session_id : str or None
        The session; None for a key.
    scopes : tuple of str or None
        What a key opens; None for a session.
    created_at, seen_at : datetime
        Of the session or key.
    ends_at : datetime
        When it ends, whatever happens.
    """

    login: str
    name: str
    roles: frozenset[str]
    district: str | None
    on_behalf_of: str | None
    must_change: bool
    session_id: str | None
    scopes: tuple[str, ...] | None
    created_at: datetime
    seen_at: datetime
    ends_at: datetime


def look(session: Session, *, login: str, address: str, agent: str, rules: LoginRules) -> Candidate:
    """Find out who somebody may be, and whether an attempt is looked at.

    Parameters
    ----------
    session : Session
        Any session.
    login : str
        As typed.
    address, agent : str
        Where from, and with what.
    rules : LoginRules
        The bureau's.

    Returns
    -------
    Candidate
        For `settle`.
    """
    typed = login.strip().casefold()[:64]
    record = accounts.find(session, typed)
    return Candidate(typed, address, agent, record, _lock_of(session, typed, address, record, rules.lock))


def is_right(candidate: Candidate, password: str) -> bool:
    """Hold a password against the hash; takes as long for somebody who does not exist.

    Parameters
    ----------
    candidate : Candidate
        From `look`.
    password : str
        As typed.

    Returns
    -------
    bool
        True where it is theirs; False, at once, where the attempt is not looked at.
    """
    if candidate.lock is not None:
        return False
    return is_password("" if candidate.record is None else candidate.record.password_hash, password)


def settle(
    session: Session,
    candidate: Candidate,
    *,
    is_right: bool,
    code: str | None,
    vault: Vault,
    rules: LoginRules,
    stronger: Callable[[], str] | None = None,
) -> Entered | FangyuError:
    """Let somebody in, or take note that they failed.

    Parameters
    ----------
    session : Session
        Writing session; what happened is stored whatever is returned.
    candidate : Candidate
        From `look`.
    is_right : bool
        Whether the password is theirs.
    code : str or None
        Code of the second factor.
    vault : Vault
        Opens the secret it is held against.
    rules : LoginRules
        The bureau's.
    stronger : callable, optional
        Returns a hash of the same password with today's parameters, where the kept one is weaker.

    Returns
    -------
    Entered or FangyuError
        Who has come in; or what to raise once the transaction is over.
    """
    # Somebody else may have failed on it meanwhile.
    lock = candidate.lock or _lock_of(session, candidate.login, candidate.address, candidate.record, rules.lock)
    if lock is not None:
        # Not put on record one by one: a stranger could fill the store.
        return lock
    record = None if candidate.record is None else accounts.by_fid(session, candidate.record.fid)
    if record is None or not is_right or not record.is_active or record.password_hash != _hash_of(candidate):
        return _failed(session, candidate, rules, "login refused")
    if record.totp_secret is not None:
        if not code:
            return UnauthenticatedError(
                "请输入动态验证码", "the code of the second factor is asked for", second_factor=True
            )
        step = matching_step(vault.unseal(record.totp_secret), code, after=record.totp_counter)
        if step is None or not accounts.spend_code(session, record, step):
            return _failed(session, candidate, rules, "login code refused")
    if stronger is not None and is_outdated(record.password_hash):
        accounts.rehash(session, record, stronger())
    return _enter(session, candidate, record, rules)


def refuse_proof(session: Session, candidate: Candidate, rules: LoginRules) -> FangyuError:
    """Take note that somebody in a session could not prove who they are; counts as a failed login.

    Parameters
    ----------
    session : Session
        Writing session.
    candidate : Candidate
        From `look`.
    rules : LoginRules
        The bureau's.

    Returns
    -------
    FangyuError
        What to raise once the transaction is over.
    """
    lock = candidate.lock or _lock_of(session, candidate.login, candidate.address, candidate.record, rules.lock)
    if lock is not None:
        return lock
    _failed(session, candidate, rules, "proof refused")
    return DeniedError("当前口令不正确", "the present password is not right")


def log_out(session: Session, session_id: str, *, by: str, login: str) -> None:
    """End a session.

    Parameters
    ----------
    session : Session
        Writing session.
    session_id : str
        Which.
    by : str
        Who ends it.
    login : str
        Whose it is.
    """
    if logins.end(session, [session_id], by=by):
        audit.append(
            session, by, "session ended", f"accounts/{login}", json.dumps({"session": session_id}), kind="login"
        )


def switch(session: Session, identity: Identity, other: str | None) -> str:
    """Stand in for somebody, or for nobody any more; the session gets another secret.

    Parameters
    ----------
    session : Session
        Writing session.
    identity : Identity
        Who asks, in a session.
    other : str or None
        Login of the person to stand in for.

    Returns
    -------
    str
        The new secret.

    Raises
    ------
    UnauthenticatedError
        Nobody has said that they may.
    """
    assert identity.session_id is not None
    fid = None
    if other is not None:
        own = accounts.get(session, identity.login)
        standing = [
            one for one in grants.delegations(session, to_fid=own.fid)
            if one.from_login == other.strip().casefold() and one.counts_on(today())
        ]  # fmt: skip
        if not standing:
            raise UnauthenticatedError(f"现在没有“{other}”给您的代理", f"you do not stand in for '{other}' at present")
        fid = standing[0].from_fid
    logins.act_for(session, identity.session_id, fid)
    token = renew(session, identity.session_id)
    detail = json.dumps({"session": identity.session_id, "for": other}, ensure_ascii=False)
    action = "stand-in begun" if other else "stand-in left"
    subject = f"accounts/{identity.login}"
    audit.append(session, identity.login, action, subject, detail, kind="login", on_behalf_of=other)
    return token


def renew(session: Session, session_id: str) -> str:
    """Give a session another secret, so that copies of the one before are worth nothing.

    Parameters
    ----------
    session : Session
        Writing session.
    session_id : str
        Which.

    Returns
    -------
    str
        The new secret.
    """
    token = new_token()
    logins.replace_token(session, session_id, token_hash(token))
    return token


def identify(
    session: Session, hashed: str, rules: LoginRules, *, seen: Callable[[str], datetime | None] | None = None
) -> Identity | None:
    """Recognise somebody by the secret of their session.

    Parameters
    ----------
    session : Session
        Any session.
    hashed : str
        Hash of the secret.
    rules : LoginRules
        The bureau's.
    seen : callable, optional
        Takes a session's id and returns when it was last used, where that is known better than the store knows it.

    Returns
    -------
    Identity or None
        None where the session has ended, has grown too old, or its account is closed.
    """
    found = logins.find(session, hashed)
    if found is None:
        return None
    record, account_fid, acting_for = found
    own = accounts.by_fid(session, account_fid)
    ends_at = record.created_at + rules.absolute
    last = record.seen_at if seen is None else max(seen(record.session_id) or record.seen_at, record.seen_at)
    if not own.is_active or utc_now() >= min(ends_at, last + rules.idle):
        return None
    roles, district, other = own.roles, own.district, None
    if acting_for is not None:
        away = accounts.by_fid(session, acting_for)
        lent = [
            one.roles for one in grants.delegations(session, to_fid=own.fid)
            if one.from_fid == acting_for and one.counts_on(today())
        ]  # fmt: skip
        if lent and away.is_active:
            roles, district, other = away.roles & frozenset().union(*lent), away.district, away.login
    must_change = needs_change(own, rules.profile)
    return Identity(
        own.login, own.name, frozenset() if must_change else roles, district, other, must_change,
        record.session_id, None, record.created_at, last, ends_at,
    )  # fmt: skip


def identify_key(session: Session, key_id: str, hashed: str) -> Identity | None:
    """Recognise a program by its key.

    Parameters
    ----------
    session : Session
        Any session.
    key_id : str
        What the key is known by.
    hashed : str
        Hash of the key.

    Returns
    -------
    Identity or None
        None where there is none, it is revoked or too old, or its account is closed or waits for another password.
    """
    key = grants.find_key(session, key_id)
    if key is None or not secrets.compare_digest(key.secret_hash, hashed):
        return None
    own = accounts.by_fid(session, key.account_fid)
    if key.revoked_at is not None or utc_now() >= key.expires_at or not own.is_active:
        return None
    if own.must_change:
        # Somebody else has set the password, perhaps because it had become known: keys wait for its holder as well.
        return None
    return Identity(
        own.login, own.name, own.roles, own.district, None, False, None, key.scopes, key.created_at,
        key.used_at or key.created_at, key.expires_at,
    )  # fmt: skip


def needs_change(record: AccountRecord, profile: PasswordProfile) -> bool:
    """Tell whether somebody has to set another password before anything else.

    Parameters
    ----------
    record : AccountRecord
        The account.
    profile : PasswordProfile
        What is asked of passwords.

    Returns
    -------
    bool
        True where somebody else set it, or it has grown too old.
    """
    days = profile.change_days
    return record.must_change or bool(days and utc_now() - record.password_set_at > timedelta(days=days))


def take_note(session: Session, seen: Mapping[str, datetime], keys: Mapping[str, datetime]) -> None:
    """Keep when sessions and keys were last used.

    Parameters
    ----------
    session : Session
        Writing session.
    seen : Mapping of str to datetime
        Moment by session id.
    keys : Mapping of str to datetime
        Moment by key id.
    """
    logins.touch(session, seen)
    for key_id, at in keys.items():
        grants.touch_key(session, key_id, at)


def stronger_hash(password: str) -> Callable[[], str]:
    """Return what makes a hash of a password with today's parameters, when it is needed.

    Parameters
    ----------
    password : str
        The password.

    Returns
    -------
    callable
        Returns the hash.
    """
    return lambda: hash_password(password)


def _enter(session: Session, candidate: Candidate, record: AccountRecord, rules: LoginRules) -> Entered:
    """Begin a session."""
    token, session_id = new_token(), f"se-{secrets.token_hex(6)}"
    now = utc_now()
    living = [
        one for one in logins.open_sessions(session, record.fid)
        if now < min(one.created_at + rules.absolute, one.seen_at + rules.idle)
    ]  # fmt: skip
    old = [one.session_id for one in living[rules.sessions - 1 :]]
    logins.end(session, old, by="too many sessions")
    logins.begin(
        session, session_id=session_id, token_hash=token_hash(token), account_fid=record.fid,
        address=candidate.address, agent=candidate.agent,
    )  # fmt: skip
    logins.forgive(session, candidate.login, candidate.address)
    logins.forget_attempts(session, now - _KEPT_ATTEMPTS)
    _note(session, candidate, "login", "done", session_id=session_id, ended=old)
    return Entered(token, session_id, record, needs_change(record, rules.profile))


def _failed(session: Session, candidate: Candidate, rules: LoginRules, action: str) -> FangyuError:
    """Take note of a failure; every kind of it is told in the same words."""
    before = logins.attempts(session, candidate.login, candidate.address)
    failures = 1 + (0 if before is None else before.failures)
    logins.fail(session, candidate.login, candidate.address, failures, rules.lock.lock(failures))
    _note(session, candidate, action, failures=failures)
    return UnauthenticatedError("账号、口令或验证码不正确", "login, password or code is not right")


def _lock_of(
    session: Session, login: str, address: str, record: AccountRecord | None, rule: LockRule
) -> LockedOutError | None:
    """Tell why an attempt is not looked at; whether the login exists is not to be read from it."""
    now = utc_now()
    pair = logins.attempts(session, login, address)
    if pair is not None and pair.locked_until is not None and pair.locked_until > now:
        return _locked(pair.locked_until - now)
    since = now - WINDOW
    if logins.failures_since(session, since, address=address) >= rule.address_failures:
        return _locked(WINDOW)
    if logins.failures_since(session, since, login=login) >= rule.login_failures:
        known = record is not None and logins.has_worked_from(session, record.fid, address, now - KNOWN_FOR)
        if not known:
            return _locked(WINDOW)
    return None


def _locked(wait: timedelta) -> LockedOutError:
    """Say that nobody looks."""
    minutes = max(1, round(wait.total_seconds() / 60))
    return LockedOutError(
        f"登录失败次数过多，请约 {minutes} 分钟后再试，或请安全管理员解锁",
        f"too many attempts failed; try again in about {minutes} minutes, or ask a security administrator to unlock it",
        retry_s=max(1, round(wait.total_seconds())),
    )


def _hash_of(candidate: Candidate) -> str:
    """Return the hash the password was held against."""
    return "" if candidate.record is None else candidate.record.password_hash


def _note(
    session: Session, candidate: Candidate, action: str, outcome: audit.Outcome = "refused", **detail: object
) -> None:
    """Put an attempt on record."""
    facts = json.dumps({"agent": candidate.agent[:200], **detail}, ensure_ascii=False, sort_keys=True)
    # Who has not logged in is not the one whose login they typed.
    actor = candidate.login if outcome == "done" else "anonymous"
    audit.append(
        session, actor, action, f"accounts/{candidate.login}", facts, kind="login", outcome=outcome,
        address=candidate.address,
    )  # fmt: skip

