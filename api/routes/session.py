"""Logging in and out, and looking after one's own account."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated

import anyio
import segno
from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from api.account_json import key_json, session_json
from api.auth.keeper import PLAIN_COOKIE, SECURE_COOKIE, AccountKeeper, session_cookie
from api.auth.principal import Principal
from api.guard import Guard
from api.schemas.session import ActingAsk, FactorConfirm, KeyAsk, LoginAsk, PasswordChange, PasswordProof
from api.work import changing, reading, settings_of, writing
from geo.account.second_factor import Vault, matching_step, new_secret, setup_address
from geo.account.secret import new_key, token_hash
from geo.catalog.map_layer import PUBLIC, ROLES
from geo.catalog.role import ROLE_TITLES
from geo.errors import DeniedError, FangyuError, InputError, NotFoundError
from geo.services import account, login
from geo.services.login import Entered, Identity
from geo.store import Session, accounts, audit, grants, logins
from geo.store.columns import utc_now
from geo.store.pages import today

router = APIRouter(prefix="/api/session", tags=["session"])
Anybody = Annotated[Principal, Depends(Guard("public"))]
Person = Annotated[Principal, Depends(Guard("session.own"))]
_HASHERS = anyio.CapacityLimiter(2)
"""Passwords that are hashed at once: each takes 64 MiB and a core."""
_PRIVATE = {"Cache-Control": "no-store"}


def keeper_of(request: Request) -> AccountKeeper:
    """Return what knows who is who.

    Parameters
    ----------
    request : Request
        The request.

    Returns
    -------
    AccountKeeper
        The application's.
    """
    keeper: AccountKeeper = request.app.state.keeper
    return keeper


@router.get("", summary="当前身份 · Who is asking")
async def who(request: Request, principal: Anybody) -> Response:
    """Say who asks.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody.

    Returns
    -------
    Response
        Name, roles and district; of a person in a session also when it ends, whether the password must be changed, and
        for whom they may stand in.
    """
    is_demo = settings_of(request).access.demo
    identity = principal.identity

    def work(session: Session) -> tuple[bool, list[str], bool]:
        if identity is None or not principal.is_signed_in:
            return accounts.has_accounts(session), [], False
        own = accounts.get(session, identity.login)
        standing = {one.from_login for one in grants.delegations(session, to_fid=own.fid) if one.counts_on(today())}
        return True, sorted(standing), own.totp_secret is not None

    has_accounts, standing, has_factor = await reading(request, work)
    body: dict[str, object] = {
        "name": principal.name,
        "roles": sorted(principal.roles),
        "district": principal.district,
        "on_behalf_of": principal.on_behalf_of,
        "has_accounts": has_accounts,
        "is_demo": is_demo,
        "is_synthetic": request.app.state.is_synthetic,
        "demo_roles": [role for role in ROLES if role != PUBLIC] if is_demo else [],
        "titles": {role: {"zh": zh, "en": en} for role, (zh, en) in ROLE_TITLES.items()} if is_demo else {},
    }
    if identity is not None and principal.is_signed_in:
        body |= {
            "person": identity.name,
            "must_change": identity.must_change,
            "has_second_factor": has_factor,
            "stands_in_for": standing,
            "ends_at": identity.ends_at.isoformat(timespec="seconds"),
        }
    return JSONResponse(body, headers=_PRIVATE)


@router.post("", summary="登录 · Log in")
async def log_in(request: Request, principal: Anybody, asked: LoginAsk) -> Response:
    """Log in; a session that was there before ends.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody.
    asked : LoginAsk
        Login, password and, where there is a second factor, its code.

    Returns
    -------
    Response
        Who it is, with the session's cookie; 401 where something is not right, 429 where nobody looks any more.
    """
    rules = keeper_of(request).rules
    address, agent = _where(request)
    candidate = await reading(
        request, lambda session: login.look(session, login=asked.login, address=address, agent=agent, rules=rules)
    )
    right = await anyio.to_thread.run_sync(login.is_right, candidate, asked.password, limiter=_HASHERS)
    old = principal.identity

    def work(session: Session) -> Entered | FangyuError:
        found = login.settle(
            session, candidate, is_right=right, code=asked.code, vault=_vault(request), rules=rules,
            stronger=login.stronger_hash(asked.password),
        )  # fmt: skip
        if isinstance(found, Entered) and old is not None and old.session_id is not None:
            login.log_out(session, old.session_id, by=old.login, login=old.login)
        return found

    found = await writing(request, work)
    if isinstance(found, FangyuError):
        raise found
    body = {
        "name": found.record.login,
        "person": found.record.name,
        "roles": [] if found.must_change else sorted(found.record.roles),
        "district": found.record.district,
        "must_change": found.must_change,
    }
    return _with_cookie(request, JSONResponse(body, headers=_PRIVATE), found.token)


@router.delete("", summary="退出 · Log out", status_code=204)
async def leave(request: Request, principal: Anybody) -> Response:
    """Log out; whoever is not logged in is told the same.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody.

    Returns
    -------
    Response
        204, and the cookie is gone.
    """
    identity = principal.identity
    if identity is not None and identity.session_id is not None:
        ending = identity.session_id
        await writing(
            request, lambda session: login.log_out(session, ending, by=identity.login, login=identity.login)
        )
    response = Response(status_code=204, headers=_PRIVATE)
    if session_cookie(request) is not None:
        response.delete_cookie(_cookie_name(request), path="/", secure=_is_secure(request), httponly=True)
    return response


@router.post("/password", summary="修改口令 · Change one's password", status_code=204)
async def change_password(request: Request, principal: Person, asked: PasswordChange) -> Response:
    """Change one's own password; the other sessions of the account end.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A person in a session.
    asked : PasswordChange
        The present password and the next one.

    Returns
    -------
    Response
        204.
    """
    own = _own(principal)
    rules = keeper_of(request).rules
    await _prove(request, own, asked.old)

    def work(session: Session) -> None:
        account.change_password(
            session, own.login, old=asked.old, new=asked.new, profile=rules.profile, keep=own.session_id
        )

    return await _anew(request, own, work)


@router.post("/second-factor", summary="设置动态验证码 · Begin a second factor")
async def begin_factor(request: Request, principal: Person, asked: PasswordProof) -> Response:
    """Hand out a secret for an authenticator; nothing is kept until its first code is confirmed.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A person in a session.
    asked : PasswordProof
        Their password.

    Returns
    -------
    Response
        The secret, its address, and that as a QR code in SVG.
    """
    own = _own(principal)
    await _prove(request, own, asked.password)
    secret = new_secret()
    address = setup_address(secret, own.login)
    picture = io.BytesIO()
    segno.make(address, error="m").save(picture, kind="svg", scale=5, border=4, xmldecl=False, svgclass=None)
    body = {"secret": secret, "address": address, "svg": picture.getvalue().decode("utf-8")}
    return JSONResponse(body, headers=_PRIVATE)


@router.put("/second-factor", summary="启用动态验证码 · Turn the second factor on", status_code=204)
async def confirm_factor(request: Request, principal: Person, asked: FactorConfirm) -> Response:
    """Turn the second factor on with its first code.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A person in a session.
    asked : FactorConfirm
        Secret, code and password.

    Returns
    -------
    Response
        204.

    Raises
    ------
    InputError
        The code is not the secret's present one.
    """
    own = _own(principal)
    try:
        step = matching_step(asked.secret, asked.code, after=0)
    except ValueError:
        step = None
    if step is None:
        raise InputError(
            "验证码不正确，请核对手机时间后重试", "the code is not right: check the clock of the phone and try again"
        )

    await _prove(request, own, asked.password)

    def work(session: Session) -> None:
        record = accounts.get(session, own.login)
        accounts.set_second_factor(session, record, _vault(request).seal(asked.secret), step)
        _note(session, own, "second factor set")

    return await _anew(request, own, work)


@router.delete("/second-factor", summary="停用动态验证码 · Turn the second factor off", status_code=204)
async def drop_factor(request: Request, principal: Person, asked: PasswordProof) -> Response:
    """Turn one's second factor off.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A person in a session.
    asked : PasswordProof
        Their password.

    Returns
    -------
    Response
        204.
    """
    own = _own(principal)

    await _prove(request, own, asked.password)

    def work(session: Session) -> None:
        accounts.set_second_factor(session, accounts.get(session, own.login), None)
        _note(session, own, "second factor removed")

    return await _anew(request, own, work)


@router.post("/acting", summary="代理他人 · Stand in for somebody", status_code=204)
async def act(request: Request, principal: Person, asked: ActingAsk) -> Response:
    """Work with the roles of somebody who is away, or with one's own again.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A person in a session.
    asked : ActingAsk
        For whom.

    Returns
    -------
    Response
        204 with another cookie; 401 where nobody has said that they may.
    """
    own = _own(principal)
    token = await writing(request, lambda session: login.switch(session, own, asked.login))
    return _with_cookie(request, Response(status_code=204, headers=_PRIVATE), token)


@router.get("/sessions", summary="我的会话 · One's sessions")
async def sessions(request: Request, principal: Person) -> Response:
    """List one's open sessions.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A person in a session.

    Returns
    -------
    Response
        ``{"sessions": [...]}``.
    """
    own = _own(principal)
    found = await reading(
        request, lambda session: logins.open_sessions(session, accounts.get(session, own.login).fid)
    )
    listed = [{**session_json(one), "is_this": one.session_id == own.session_id} for one in found]
    return JSONResponse({"sessions": listed}, headers=_PRIVATE)


@router.delete("/sessions/{session_id}", summary="结束会话 · End one of one's sessions", status_code=204)
async def end_session(request: Request, principal: Person, session_id: str) -> Response:
    """End one of one's own sessions.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A person in a session.
    session_id : str
        Which.

    Returns
    -------
    Response
        204.

    Raises
    ------
    NotFoundError
        They have no such session.
    """
    own = _own(principal)

    def work(session: Session) -> None:
        mine = logins.open_sessions(session, accounts.get(session, own.login).fid)
        if session_id not in {one.session_id for one in mine}:
            raise NotFoundError(f"没有会话“{session_id}”", f"there is no session '{session_id}'")
        login.log_out(session, session_id, by=own.login, login=own.login)

    return await changing(request, work, lambda _: Response(status_code=204, headers=_PRIVATE))


@router.get("/keys", summary="我的密钥 · One's keys")
async def keys(request: Request, principal: Person) -> Response:
    """List one's keys for programs.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A person in a session.

    Returns
    -------
    Response
        ``{"keys": [...]}``; the secrets are not among them.
    """
    own = _own(principal)
    found = await reading(request, lambda session: grants.keys(session, accounts.get(session, own.login).fid))
    return JSONResponse({"keys": [key_json(one) for one in found]}, headers=_PRIVATE)


@router.post("/keys", summary="新建密钥 · Make a key", status_code=201)
async def make_key(request: Request, principal: Person, asked: KeyAsk) -> Response:
    """Make a key with which a program such as QGIS reads what one may read oneself.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A person in a session.
    asked : KeyAsk
        What for, what it opens, and for how long.

    Returns
    -------
    Response
        201 with the key, shown once and kept nowhere.
    """
    own = _own(principal)
    if own.must_change:
        raise DeniedError("请先修改口令", "change the password first")
    key_id, key = new_key()
    expires_at = utc_now() + timedelta(days=asked.days)

    await _prove(request, own, asked.password)

    def work(session: Session) -> None:
        record = accounts.get(session, own.login)
        grants.add_key(
            session, key_id=key_id, secret_hash=token_hash(key), account_fid=record.fid, title=asked.title,
            scopes=asked.scopes, expires_at=expires_at,
        )  # fmt: skip
        _note(session, own, "key made", key_id=key_id, scopes=sorted(asked.scopes), days=asked.days)

    await writing(request, work)
    body = {"key_id": key_id, "key": key, "expires_at": expires_at.isoformat(timespec="seconds")}
    return JSONResponse(body, 201, headers=_PRIVATE)


@router.delete("/keys/{key_id}", summary="吊销密钥 · Revoke a key", status_code=204)
async def revoke_key(request: Request, principal: Person, key_id: str) -> Response:
    """Revoke one of one's own keys.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A person in a session.
    key_id : str
        Which.

    Returns
    -------
    Response
        204.

    Raises
    ------
    NotFoundError
        They have no such key.
    """
    own = _own(principal)

    def work(session: Session) -> None:
        key = grants.find_key(session, key_id)
        if key is None or key.login != own.login or not grants.revoke_key(session, key_id, by=own.login):
            raise NotFoundError(f"没有密钥“{key_id}”", f"there is no key '{key_id}'")
        _note(session, own, "key revoked", key_id=key_id)

    return await changing(request, work, lambda _: Response(status_code=204, headers=_PRIVATE))


def _own(principal: Principal) -> Identity:
    """Return what the store says of a person in a session."""
    assert principal.identity is not None
    assert principal.identity.session_id is not None
    return principal.identity


async def _prove(request: Request, own: Identity, password: str) -> None:
    """Ask for the password again: a stolen session does not have it, and guessing it is counted as at the login."""
    rules = keeper_of(request).rules
    address, agent = _where(request)
    candidate = await reading(
        request, lambda session: login.look(session, login=own.login, address=address, agent=agent, rules=rules)
    )
    if await anyio.to_thread.run_sync(login.is_right, candidate, password, limiter=_HASHERS):
        return
    raise await writing(request, lambda session: login.refuse_proof(session, candidate, rules))


async def _anew(request: Request, own: Identity, change: Callable[[Session], None]) -> Response:
    """Change what somebody logs in with: other sessions end, and this one's cookie is worth nothing in a copy."""
    assert own.session_id is not None
    keep = own.session_id

    def work(session: Session) -> str:
        change(session)
        account.end_other_sessions(session, own.login, keep=keep)
        return login.renew(session, keep)

    return _with_cookie(request, Response(status_code=204, headers=_PRIVATE), await writing(request, work))


def _where(request: Request) -> tuple[str, str]:
    """Return where a request comes from, and with what."""
    address = "unknown" if request.client is None else request.client.host
    return address, request.headers.get("user-agent", "")


def _vault(request: Request) -> Vault:
    """Return what opens the secrets of second factors."""
    return Vault(settings_of(request).accounts.key_path(settings_of(request).store))


def _is_secure(request: Request) -> bool:
    """Tell whether a request came over TLS."""
    return request.url.scheme == "https"


def _cookie_name(request: Request) -> str:
    """Return the name of the session's cookie."""
    return SECURE_COOKIE if _is_secure(request) else PLAIN_COOKIE


def _with_cookie(request: Request, response: Response, token: str) -> Response:
    """Hand out the secret of a session."""
    response.set_cookie(
        _cookie_name(request), token, path="/", secure=_is_secure(request), httponly=True, samesite="lax"
    )
    return response


def _note(session: Session, own: Identity, action: str, **detail: object) -> None:
    """Put it on record."""
    audit.append(
        session, own.login, action, f"accounts/{own.login}", json.dumps(detail, ensure_ascii=False, sort_keys=True),
        kind="administration", on_behalf_of=own.on_behalf_of,
    )  # fmt: skip
