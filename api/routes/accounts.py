"""Administering accounts: system administrators add and close them, security administrators say who may do what."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from api.account_json import session_json
from api.auth.principal import Principal
from api.conditional import IfMatch, needed_tag
from api.guard import Guard
from api.routes.session import keeper_of
from api.schemas.account import AccountChange, AccountGrant, AccountNew, StandInNew
from api.work import changing, reading, settings_of, writing
from geo.errors import ConflictError, DeniedError
from geo.services import account, login
from geo.store import Session, accounts, grants, logins
from geo.store.accounts import AccountRecord

router = APIRouter(prefix="/api", tags=["accounts"])
Keeper = Annotated[Principal, Depends(Guard("accounts.read"))]
Adder = Annotated[Principal, Depends(Guard("accounts.add"))]
Granter = Annotated[Principal, Depends(Guard("accounts.grant"))]
Person = Annotated[Principal, Depends(Guard("session.own"))]
_PRIVATE = {"Cache-Control": "no-store"}


@router.get("/accounts", summary="账户清单 · Accounts")
async def list_(request: Request, principal: Keeper) -> Response:
    """List every account.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        An administrator.

    Returns
    -------
    Response
        ``{"accounts": [...]}``.
    """
    found = await reading(request, accounts.every)
    return JSONResponse({"accounts": [account_json(one) for one in found]}, headers=_PRIVATE)


@router.post("/accounts", summary="新增账户 · Add an account", status_code=201)
async def add(request: Request, principal: Adder, asked: AccountNew) -> Response:
    """Add an account without roles.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A system administrator.
    asked : AccountNew
        The account.

    Returns
    -------
    Response
        201 with the account and its first password, shown once and kept nowhere.

    Raises
    ------
    ConflictError
        The server runs in demo mode.
    """
    if settings_of(request).access.demo:
        raise ConflictError(
            "演示模式没有账户；请在本机用 fangyu user init 建立第一个账户，然后不带 --demo 启动",
            "there are no accounts in demo mode: make the first one with fangyu user init, and serve without --demo",
        )
    profile = keeper_of(request).rules.profile
    new = account.NewAccount(asked.login, asked.name)
    record, made = await writing(
        request, lambda session: account.add_account(session, new, profile=profile, actor=principal.name)
    )
    return _answer(record, status=201, password=made)


@router.get("/accounts/{name}", summary="一个账户 · One account")
async def one(request: Request, principal: Keeper, name: str) -> Response:
    """Return an account with an ETag for changing it.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        An administrator.
    name : str
        Login.

    Returns
    -------
    Response
        The account.
    """
    return _answer(await reading(request, lambda session: accounts.get(session, name)))


@router.patch("/accounts/{name}", summary="修改或停用账户 · Change or close an account")
async def change(
    request: Request, principal: Adder, name: str, asked: AccountChange, if_match: IfMatch = None
) -> Response:
    """Change the name of an account, close it or open it again; nothing is removed.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A system administrator.
    name : str
        Login.
    asked : AccountChange
        What to change.
    if_match : str, optional
        ETag of the state the change is meant for; without it nothing is changed (428).

    Returns
    -------
    Response
        The account; 412 where somebody else has changed it.
    """
    values = {key: value for key, value in asked.model_dump().items() if value is not None}
    return await _changed(request, principal, name, if_match, values)


@router.put("/accounts/{name}/grant", summary="授予角色与辖区 · Give roles and a district")
async def grant(
    request: Request, principal: Granter, name: str, asked: AccountGrant, if_match: IfMatch = None
) -> Response:
    """Say which roles somebody holds, and for which district.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A security administrator; nobody changes their own.
    name : str
        Login.
    asked : AccountGrant
        Roles and district.
    if_match : str, optional
        ETag of the state the change is meant for; without it nothing is changed (428).

    Returns
    -------
    Response
        The account; 412 where somebody else has changed it.
    """
    return await _changed(
        request, principal, name, if_match, {"roles": frozenset(asked.roles), "district": asked.district}
    )


@router.post("/accounts/{name}/password", summary="重置口令 · Reset a password")
async def reset(request: Request, principal: Adder, name: str) -> Response:
    """Give somebody a password that serves for setting another one.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A system administrator; their own password is changed at ``/api/session/password``.
    name : str
        Login.

    Returns
    -------
    Response
        The password, shown once and kept nowhere.
    """
    if principal.name == name.strip().casefold():
        raise DeniedError("请用“修改口令”修改自己的口令", "one's own password is changed, not reset")
    profile = keeper_of(request).rules.profile
    made = await writing(
        request, lambda session: account.reset_password(session, name, profile=profile, actor=principal.name)
    )
    return JSONResponse({"login": name, "password": made}, headers=_PRIVATE)


@router.post("/accounts/{name}/unlock", summary="解锁登录 · Unlock a login")
async def unlock(request: Request, principal: Granter, name: str) -> Response:
    """Let somebody try again who was locked out.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A security administrator.
    name : str
        Login.

    Returns
    -------
    Response
        How many addresses had been counted.
    """
    return await changing(
        request,
        lambda session: account.unlock(session, name, actor=principal.name),
        lambda found: JSONResponse({"login": name, "addresses": found}, headers=_PRIVATE),
    )


@router.get("/accounts/{name}/sessions", summary="账户的会话 · An account's sessions")
async def sessions(request: Request, principal: Keeper, name: str) -> Response:
    """List somebody's open sessions.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        An administrator.
    name : str
        Login.

    Returns
    -------
    Response
        ``{"sessions": [...]}``.
    """
    found = await reading(
        request, lambda session: logins.open_sessions(session, accounts.get(session, name).fid)
    )
    return JSONResponse({"sessions": [session_json(one) for one in found]}, headers=_PRIVATE)


@router.delete("/accounts/{name}/sessions", summary="结束账户的会话 · End an account's sessions", status_code=204)
async def end_sessions(request: Request, principal: Granter, name: str) -> Response:
    """End every session of somebody.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A security administrator.
    name : str
        Login.

    Returns
    -------
    Response
        204.
    """

    def work(session: Session) -> None:
        record = accounts.get(session, name)
        for one in logins.open_sessions(session, record.fid):
            login.log_out(session, one.session_id, by=principal.name, login=record.login)

    return await changing(request, work, _done)


@router.get("/delegations", summary="代理清单 · Who stands in for whom")
async def delegations(request: Request, principal: Person) -> Response:
    """List who stands in for whom: all to administrators, their own to others.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A person in a session.

    Returns
    -------
    Response
        ``{"delegations": [...]}``, the newest first.
    """
    may_all = principal.holds(frozenset({"security_administrator", "audit_administrator"}))
    found = await reading(request, grants.delegations)
    listed = [one for one in found if may_all or principal.name in (one.from_login, one.to_login)]
    return JSONResponse({"delegations": [delegation_json(one) for one in listed]}, headers=_PRIVATE)


@router.post("/delegations", summary="设置代理 · Let somebody stand in", status_code=201)
async def stand_in(request: Request, principal: Person, asked: StandInNew) -> Response:
    """Let somebody stand in for oneself or, as a security administrator, for somebody else.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Who is away, in their own name, or a security administrator.
    asked : StandInNew
        Who, for whom, for which roles and when.

    Returns
    -------
    Response
        201 with the id.
    """
    _refuse_foreign(principal, asked.from_login)
    return await changing(
        request,
        lambda session: account.stand_in(
            session, for_login=asked.from_login, by_login=asked.to_login, roles=asked.roles,
            valid_from=asked.valid_from, valid_to=asked.valid_to, reason=asked.reason, actor=principal.name,
        ),
        lambda made: JSONResponse({"delegation_id": made}, 201, headers=_PRIVATE),
    )  # fmt: skip


@router.post("/delegations/{delegation_id}/end", summary="结束代理 · End standing in", status_code=204)
async def end_stand_in(request: Request, principal: Person, delegation_id: str) -> Response:
    """End a delegation before its time.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Who was away, or a security administrator.
    delegation_id : str
        Which.

    Returns
    -------
    Response
        204.
    """

    def work(session: Session) -> None:
        _refuse_foreign(principal, grants.delegation(session, delegation_id).from_login)
        account.end_stand_in(session, delegation_id, actor=principal.name)

    return await changing(request, work, _done)


def account_json(record: AccountRecord) -> dict[str, object]:
    """Write an account, without anything its password could be guessed from.

    Parameters
    ----------
    record : AccountRecord
        The account.

    Returns
    -------
    dict
        JSON values.
    """
    return {
        "login": record.login,
        "name": record.name,
        "roles": sorted(record.roles),
        "district": record.district,
        "is_active": record.is_active,
        "must_change": record.must_change,
        "has_second_factor": record.totp_secret is not None,
        "password_set_at": record.password_set_at.isoformat(timespec="seconds"),
        "created_at": record.created_at.isoformat(timespec="seconds"),
        "created_by": record.created_by,
    }


def delegation_json(one: grants.DelegationRecord) -> dict[str, object]:
    """Write who stands in for whom.

    Parameters
    ----------
    one : DelegationRecord
        It.

    Returns
    -------
    dict
        JSON values.
    """
    return {
        "delegation_id": one.delegation_id,
        "from_login": one.from_login,
        "to_login": one.to_login,
        "roles": sorted(one.roles),
        "reason": one.reason,
        "valid_from": one.valid_from.isoformat(),
        "valid_to": one.valid_to.isoformat(),
        "created_by": one.created_by,
        "ended_at": None if one.ended_at is None else one.ended_at.isoformat(timespec="seconds"),
    }


async def _changed(
    request: Request, principal: Principal, name: str, if_match: str | None, values: dict[str, object]
) -> Response:
    """Change an account in the state a change is meant for."""
    tag = needed_tag(if_match)
    return await changing(
        request,
        lambda session: account.change_account(session, name, tag=tag, values=values, actor=principal.name),
        _answer,
    )


def _done(nothing: None) -> Response:
    """Say that it is done."""
    return Response(status_code=204, headers=_PRIVATE)


def _answer(record: AccountRecord, *, status: int = 200, password: str | None = None) -> Response:
    """Write one account, with its ETag."""
    body = account_json(record) | ({} if password is None else {"password": password})
    headers = {**_PRIVATE, "ETag": f'"{record.tag}"'}
    if status == 201:
        headers["Location"] = f"/api/accounts/{record.login}"
    return JSONResponse(body, status, headers=headers)


def _refuse_foreign(principal: Principal, from_login: str) -> None:
    """Refuse to decide for somebody else, unless it is one's office; who stands in hands nothing on."""
    is_own = principal.name == from_login.strip().casefold() and principal.on_behalf_of is None
    if not is_own and not principal.holds(frozenset({"security_administrator"})):
        raise DeniedError(
            "只能为自己设置代理；为他人设置须由安全管理员办理",
            "one lets somebody stand in for oneself only; for others a security administrator does",
        )
