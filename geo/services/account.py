"""Accounts: adding, changing and closing them, and what a password must be."""

from __future__ import annotations

import json
import re
import secrets
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from geo.account.password import hash_password, is_password, judge_password
from geo.account.profile import PasswordProfile
from geo.catalog.map_layer import PUBLIC, ROLES
from geo.catalog.role import KEEPERS
from geo.errors import ConflictError, DeniedError, InputError, Problem, StaleError
from geo.store import Session, accounts, audit, grants, logins
from geo.store.accounts import AccountRecord
from geo.store.three_way import stale

has_accounts = accounts.has_accounts

GIVEN_ROLES: Final = tuple(role for role in ROLES if role != PUBLIC)
"""Roles a person may hold."""
LONGEST_STAND_IN: Final = timedelta(days=366)
_LOGIN: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,31}")
_RESERVED: Final = frozenset({"anonymous", "cli", "demo", "fangyu", "outside", "public", "serve", "start", "system"})
"""Who stands in the audit where no person acted: a person of that name could not be told from it."""
_NAME: Final = re.compile(r"\S(?:.{0,62}\S)?")
_FIRST_LENGTH: Final = 20
_CHANGED: Final = "account changed"


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to add.

    Parameters
    ----------
    login : str
        2 to 32 small letters, digits, dots, dashes or underscores.
    name : str
        The person, up to 64 characters.
    roles : frozenset of str
        Roles.
    district : str or None
        Division code they are limited to.
    """

    login: str
    name: str
    roles: frozenset[str] = frozenset()
    district: str | None = None


def add_account(
    session: Session, new: NewAccount, *, profile: PasswordProfile, actor: str, password: str | None = None
) -> tuple[AccountRecord, str | None]:
    """Add an account.

    Parameters
    ----------
    session : Session
        Writing session.
    new : NewAccount
        The account.
    profile : PasswordProfile
        What is asked of passwords.
    actor : str
        Who adds it.
    password : str, optional
        Its password, where its holder chooses it here and now; by default one is made that serves for setting another.

    Returns
    -------
    AccountRecord
        The account.
    str or None
        The password that was made: shown once, kept nowhere.

    Raises
    ------
    InputError
        Login, name, roles, district or password are not allowed; all problems at once.
    ConflictError
        The login is taken.
    """
    login = new.login.strip().casefold()
    problems = [
        *_shape_problems(login, new.name), *role_problems(new.roles), *_district_problems(new.district, new.roles),
    ]  # fmt: skip
    if password is not None:
        problems += judge_password(password, profile, login, new.name)
    _refuse(problems)
    made = first_password() if password is None else None
    chosen = password if made is None else made
    assert chosen is not None
    record = accounts.add(
        session,
        login=login,
        name=new.name.strip(),
        roles=new.roles,
        district=new.district or None,
        password_hash=hash_password(chosen),
        must_change=made is not None,
        actor=actor,
    )
    _note(session, actor, "account added", login, roles=sorted(new.roles), district=record.district)
    return record, made


def drop_second_factor(session: Session, login: str, *, actor: str) -> bool:
    """Turn off the second factor of somebody who has lost it; their sessions end, and the password alone does.

    Parameters
    ----------
    session : Session
        Writing session.
    login : str
        Login.
    actor : str
        Who turns it off.

    Returns
    -------
    bool
        False where there was none.

    Raises
    ------
    NotFoundError
        There is no such account.
    """
    record = accounts.get(session, login)
    if record.totp_secret is None:
        return False
    accounts.set_second_factor(session, record, None)
    _end_sessions(session, record, by=actor)
    _note(session, actor, "second factor dropped", record.login)
    return True


def change_account(
    session: Session, login: str, *, tag: str | None, values: Mapping[str, Any], actor: str
) -> AccountRecord:
    """Change the name, roles, district or state of an account; its sessions end where it may do less.

    Parameters
    ----------
    session : Session
        Writing session.
    login : str
        Which.
    tag : str or None
        Tag of the state the change is meant for.
    values : Mapping
        ``name``, ``roles``, ``district``, ``is_active``.
    actor : str
        Who changes it.

    Returns
    -------
    AccountRecord
        As it stands now.

    Raises
    ------
    NotFoundError
        There is no such account.
    InputError
        A value is not allowed.
    StaleError
        Somebody else has changed it meanwhile.
    DeniedError
        Somebody wants to give themselves other roles or another district.
    ConflictError
        Nobody would be left to give roles.
    """
    record = accounts.get(session, login)
    if tag is not None and tag != record.tag:
        raise _stale(session, record, tag, values)
    problems: list[Problem] = []
    if "name" in values:
        problems += _shape_problems(record.login, str(values["name"]))
    if "roles" in values:
        problems += role_problems(values["roles"])
    if values.keys() & {"roles", "district"}:
        roles = frozenset(values.get("roles", record.roles))
        problems += _district_problems(values.get("district", record.district), roles)
    _refuse(problems)
    if actor == record.login and values.keys() & {"roles", "district", "is_active"}:
        raise DeniedError("不能修改自己的角色、辖区或启用状态", "nobody changes their own roles, district or state")
    given = {**values, **({"roles": frozenset(values["roles"])} if "roles" in values else {})}
    _keep_somebody(session, record, given)
    changed = accounts.change(session, record, given)
    if not changed.is_active or not changed.roles >= record.roles or changed.district != record.district:
        _end_sessions(session, record, by=actor)
    before = {key: _plain(getattr(record, key)) for key in values}
    after = {key: _plain(getattr(changed, key)) for key in values}
    _note(session, actor, _CHANGED, record.login, before=before, after=after)
    return changed


def reset_password(session: Session, login: str, *, profile: PasswordProfile, actor: str) -> str:
    """Give somebody a password that serves for setting another one; their sessions end.

    Parameters
    ----------
    session : Session
        Writing session.
    login : str
        Whose.
    profile : PasswordProfile
        What is asked of passwords.
    actor : str
        Who resets it.

    Returns
    -------
    str
        The password: shown once, kept nowhere.

    Raises
    ------
    NotFoundError
        There is no such account.
    """
    record = accounts.get(session, login)
    made = first_password()
    accounts.set_password(session, record, hash_password(made), must_change=True, remembered=profile.remembered)
    logins.forgive(session, record.login)
    _end_sessions(session, record, by=actor)
    _note(session, actor, "password reset", record.login)
    return made


def change_password(
    session: Session, login: str, *, old: str, new: str, profile: PasswordProfile, keep: str | None = None
) -> None:
    """Change one's own password; the other sessions of the account end.

    Parameters
    ----------
    session : Session
        Writing session.
    login : str
        Whose.
    old : str
        The present password.
    new : str
        The next one.
    profile : PasswordProfile
        What is asked of it.
    keep : str, optional
        Session that goes on.

    Raises
    ------
    DeniedError
        The present password is another one.
    InputError
        The new one is not allowed; everything that is wrong with it is listed.
    """
    record = accounts.get(session, login)
    if not is_password(record.password_hash, old):
        raise DeniedError("当前口令不正确", "the present password is not right")
    problems = judge_password(new, profile, record.login, record.name)
    past = accounts.past_passwords(session, record, max(profile.remembered, 1))
    if any(is_password(hashed, new) for hashed in past):
        problems.append(
            Problem(
                "password_used", "refused", "", None, "password", None,
                f"最近 {max(profile.remembered, 1)} 次用过的口令不能再用",
                f"the last {max(profile.remembered, 1)} password(s) may not be taken again",
            )
        )  # fmt: skip
    _refuse(problems)
    accounts.set_password(
        session, record, hash_password(new), must_change=False, remembered=profile.remembered
    )
    _end_sessions(session, record, by=record.login, but=keep)
    _note(session, record.login, "password changed", record.login)


def end_other_sessions(session: Session, login: str, *, keep: str) -> None:
    """End the sessions of an account but one, where what it logs in with has changed.

    Parameters
    ----------
    session : Session
        Writing session.
    login : str
        Whose.
    keep : str
        Session that goes on.
    """
    _end_sessions(session, accounts.get(session, login), by=login, but=keep)


def unlock(session: Session, login: str, *, actor: str) -> int:
    """Let somebody try again who was locked out.

    Parameters
    ----------
    session : Session
        Writing session.
    login : str
        Whose login.
    actor : str
        Who unlocks it.

    Returns
    -------
    int
        Addresses that were counted.
    """
    record = accounts.get(session, login)
    found = logins.forgive(session, record.login)
    _note(session, actor, "login unlocked", record.login, addresses=found)
    return found


def stand_in(
    session: Session,
    *,
    for_login: str,
    by_login: str,
    roles: Iterable[str],
    valid_from: date,
    valid_to: date,
    reason: str,
    actor: str,
) -> str:
    """Let somebody stand in for somebody who is away.

    Parameters
    ----------
    session : Session
        Writing session.
    for_login, by_login : str
        Who is away, and who stands in.
    roles : iterable of str
        For which of the first one's roles.
    valid_from, valid_to : date
        First day, and the day after the last; at most `LONGEST_STAND_IN` apart.
    reason : str
        Why.
    actor : str
        Who decides it: who is away, or a security administrator.

    Returns
    -------
    str
        Id of the delegation.

    Raises
    ------
    NotFoundError
        There is no such account.
    InputError
        The days or roles do not fit.
    """
    away, there = accounts.get(session, for_login), accounts.get(session, by_login)
    wanted = frozenset(roles)
    problems = []
    if away.fid == there.fid:
        problems.append(_problem("by", by_login, "不能代理自己", "nobody stands in for themselves"))
    if not wanted or not wanted <= away.roles:
        allowed = sorted(away.roles - set(KEEPERS))
        problems.append(
            _problem(
                "roles", ", ".join(sorted(wanted)), f"只能代理其本人的角色：{'、'.join(allowed) or '无'}",
                f"allowed are roles of the one who is away: {', '.join(allowed) or 'none'}",
            )
        )  # fmt: skip
    if wanted & set(KEEPERS) or there.roles & set(KEEPERS):
        problems.append(
            _problem(
                "roles", ", ".join(sorted(wanted)), "系统、安全、审计管理员不参与代理",
                "system, security and audit administrators neither stand in nor are stood in for",
            )
        )  # fmt: skip
    if not valid_from < valid_to <= valid_from + LONGEST_STAND_IN:
        problems.append(
            _problem(
                "valid_to", valid_to.isoformat(), f"应晚于开始日期，且不超过 {LONGEST_STAND_IN.days} 天",
                f"must be after the first day, by {LONGEST_STAND_IN.days} days at most",
            )
        )  # fmt: skip
    if not reason.strip():
        problems.append(_problem("reason", reason, "应写明原因", "must say why"))
    _refuse(problems)
    delegation_id = f"dl-{secrets.token_hex(5)}"
    grants.add_delegation(
        session, delegation_id=delegation_id, from_fid=away.fid, to_fid=there.fid, roles=sorted(wanted),
        reason=reason.strip(), valid_from=valid_from, valid_to=valid_to, actor=actor,
    )  # fmt: skip
    _note(
        session, actor, "delegation made", away.login, to=there.login, roles=sorted(wanted), id=delegation_id,
        valid_from=valid_from.isoformat(), valid_to=valid_to.isoformat(), reason=reason.strip(),
    )  # fmt: skip
    return delegation_id


def end_stand_in(session: Session, delegation_id: str, *, actor: str) -> None:
    """End a delegation before its time.

    Parameters
    ----------
    session : Session
        Writing session.
    delegation_id : str
        Which.
    actor : str
        Who ends it.

    Raises
    ------
    NotFoundError
        There is none.
    ConflictError
        It was ended before.
    """
    found = grants.delegation(session, delegation_id)
    if not grants.end_delegation(session, delegation_id, by=actor):
        raise ConflictError("该代理已结束", "this delegation has ended already")
    _note(session, actor, "delegation ended", found.from_login, to=found.to_login, id=delegation_id)


def role_problems(roles: Iterable[str]) -> list[Problem]:
    """Hold a person's roles against the rules.

    Parameters
    ----------
    roles : iterable of str
        Roles one person would hold.

    Returns
    -------
    list of Problem
        Everything that is wrong with them.
    """
    given = frozenset(roles)
    found = []
    if unknown := sorted(given - set(GIVEN_ROLES)):
        found.append(
            _problem(
                "roles", ", ".join(unknown), f"可选：{'、'.join(GIVEN_ROLES)}",
                f"allowed: {', '.join(GIVEN_ROLES)}",
            )
        )  # fmt: skip
    keepers = given & set(KEEPERS)
    if keepers and len(given) > 1:
        found.append(
            _problem(
                "roles", ", ".join(sorted(given)),
                "系统、安全、审计管理员须由不同的人担任，且不兼任业务角色",
                "system, security and audit administrators are different people, and hold no other role",
            )
        )  # fmt: skip
    return found


def first_password() -> str:
    """Make a password that serves for setting another one.

    Returns
    -------
    str
        Twenty letters, digits and signs that no two fonts confuse.
    """
    letters = "".join(sign for sign in string.ascii_letters + string.digits if sign not in "0O1lI")
    while True:
        made = "".join(secrets.choice(letters + "-+=") for _ in range(_FIRST_LENGTH))
        if any(c.islower() for c in made) and any(c.isupper() for c in made) and any(c.isdigit() for c in made):
            return made


def _keep_somebody(session: Session, record: AccountRecord, values: Mapping[str, Any]) -> None:
    """Refuse to leave a bureau without anybody who gives roles."""
    keeper = "security_administrator"
    loses = values.get("is_active") is False or ("roles" in values and keeper not in values["roles"])
    if keeper in record.roles and record.is_active and loses and accounts.count_active(session, keeper) == 1:
        raise ConflictError(
            "这是最后一名安全管理员，请先任命另一名",
            "this is the last security administrator; appoint another one first",
        )


def _end_sessions(session: Session, record: AccountRecord, *, by: str, but: str | None = None) -> None:
    """End every session of an account."""
    open_ = logins.open_sessions(session, record.fid)
    logins.end(session, [one.session_id for one in open_ if one.session_id != but], by=by)


def _shape_problems(login: str, name: str) -> list[Problem]:
    """Judge a login and a name."""
    found = []
    if not _LOGIN.fullmatch(login):
        found.append(
            _problem(
                "login", login, "应为 2 到 32 个小写字母、数字、点、横线或下划线，以字母或数字开头",
                "must be 2 to 32 small letters, digits, dots, dashes or underscores, beginning with a letter or digit",
            )
        )  # fmt: skip
    if login in _RESERVED:
        found.append(
            _problem(
                "login", login, f"系统自用，不能作为账号；同类的还有 {'、'.join(sorted(_RESERVED - {login}))}",
                f"stands for the system itself and is no login; nor are {', '.join(sorted(_RESERVED - {login}))}",
            )
        )  # fmt: skip
    if not _NAME.fullmatch(name.strip()):
        found.append(_problem("name", name, "应为 1 到 64 个字符", "must have 1 to 64 characters"))
    return found


def _district_problems(district: object, roles: frozenset[str]) -> list[Problem]:
    """Judge a district."""
    if district is None:
        return []
    found = []
    if not isinstance(district, str) or not re.fullmatch(r"\d{2,12}", district):
        zh, en = "应为 2 到 12 位区划代码", "must be a division code of 2 to 12 digits"
        found.append(_problem("district", district, zh, en))
    if roles & set(KEEPERS):
        found.append(
            _problem(
                "district", district, "系统、安全、审计管理员管理整个系统，不能限定辖区；请留空",
                "system, security and audit administrators are for the whole system and have no district; leave it out",
            )
        )  # fmt: skip
    return found


def _problem(field: str, value: object, zh: str, en: str) -> Problem:
    """Write a problem of a field."""
    return Problem("account", "refused", "", None, field, None if value is None else str(value), zh, en)


def _refuse(problems: list[Problem]) -> None:
    """Refuse with every problem."""
    if problems:
        raise InputError(
            "账户信息有误：" + "；".join(one.message_zh for one in problems),
            "the account is refused: " + "; ".join(one.message_en for one in problems),
            problems,
        )


def _stale(session: Session, record: AccountRecord, tag: str, yours: Mapping[str, Any]) -> StaleError:
    """Hold what administrators changed since somebody looked, as the audit tells, against what they want to change."""
    theirs = {name: _plain(getattr(record, name)) for name in ("name", "roles", "district", "is_active")}
    told = audit.entries(session, subject=f"accounts/{record.login}")
    entries = [entry for entry in told if entry.action == _CHANGED]
    number = tag.rpartition(".")[2]
    behind = record.row_version - int(number) if number.isdecimal() and len(number) < 18 else -1
    base: dict[str, object] | None = None
    # Each change has raised the version by one, and left one entry; old ones may have been purged.
    if tag == f"{record.login}.{number}" and 0 < behind <= len(entries):
        base = dict(theirs)
        for entry in entries[:behind]:
            base |= json.loads(entry.detail)["before"]
    return stale(
        f"账户“{record.login}”已被他人修改，请重新读取",
        f"the account '{record.login}' was changed meanwhile; read it again",
        tag=record.tag,
        base=base,
        yours={name: _plain(frozenset(value) if name == "roles" else value) for name, value in yours.items()},
        theirs=theirs,
        changed_by=entries[0].actor if entries else None,
        changed_at=entries[0].at if entries else None,
    )


def _plain(value: object) -> object:
    """Return a value as JSON knows it."""
    return sorted(value) if isinstance(value, frozenset) else value


def _note(session: Session, actor: str, action: str, login: str, **detail: object) -> None:
    """Put it on record."""
    audit.append(
        session, actor, action, f"accounts/{login}", json.dumps(detail, ensure_ascii=False, sort_keys=True),
        kind="administration",
    )  # fmt: skip
