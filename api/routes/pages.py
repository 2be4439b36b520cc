"""Pages for logging in, for one's own account, and for those who administer accounts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from api.account_json import key_json, session_json
from api.auth.policy import POLICIES
from api.auth.principal import Principal
from api.errors import language_of
from api.guard import Guard
from api.ogc.page import html_answer
from api.routes.accounts import account_json, delegation_json
from api.routes.session import keeper_of
from api.schemas.session import KEY_SCOPES
from api.work import reading
from geo.account.profile import PasswordProfile
from geo.catalog.role import ROLE_TITLES
from geo.store import Session, accounts, grants, logins
from geo.store.pages import today

router = APIRouter()
Anybody = Annotated[Principal, Depends(Guard("public"))]
Keeper = Annotated[Principal, Depends(Guard("accounts.read"))]
_PRIVATE = {"Cache-Control": "no-store"}


@router.get("/login", include_in_schema=False)
async def log_in(request: Request, principal: Anybody) -> Response:
    """Show the page for logging in.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody.

    Returns
    -------
    Response
        HTML; people who are logged in go to their account.
    """
    if principal.is_signed_in:
        return RedirectResponse("/account", 303, headers=_PRIVATE)
    has_accounts = await reading(request, accounts.has_accounts)
    return html_answer(request, "login.html", {"has_accounts": has_accounts}, headers=_PRIVATE)


@router.get("/account", include_in_schema=False)
async def own_account(request: Request, principal: Anybody) -> Response:
    """Show one's own account: password, second factor, keys, sessions and who stands in.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody.

    Returns
    -------
    Response
        HTML; whoever is not logged in goes to the page for that.
    """
    identity = principal.identity
    if identity is None or identity.session_id is None:
        return RedirectResponse("/login?next=/account", 303, headers=_PRIVATE)
    lang = language_of(request)
    this = identity.session_id

    def work(session: Session) -> dict[str, object]:
        own = accounts.get(session, identity.login)
        handed = [one for one in grants.delegations(session) if identity.login in (one.from_login, one.to_login)]
        return {
            "has_second_factor": own.totp_secret is not None,
            "roles": _titles(own.roles if identity.must_change else principal.roles, lang),
            "own_roles": [(role, ROLE_TITLES[role][lang == "en"]) for role in sorted(own.roles)],
            "stands_in_for": []
            if identity.on_behalf_of
            else sorted(one.from_login for one in handed if one.to_login == own.login and one.counts_on(today())),
            "keys": [_key(one, lang) for one in grants.keys(session, own.fid)],
            "sessions": [_session(one, this) for one in logins.open_sessions(session, own.fid)],
            "delegations": [_delegation(one, lang) for one in handed],
        }

    found = await reading(request, work)
    values = {
        "person": identity.name,
        "login": identity.login,
        "acting_for": identity.on_behalf_of,
        "district": principal.district,
        "ends_at": _moment(identity.ends_at.isoformat()),
        "must_change": identity.must_change,
        "rule": _rule(keeper_of(request).rules.profile, lang),
        "scopes": [(name, _scope(name, lang)) for name in KEY_SCOPES],
        **found,
    }
    return html_answer(request, "account.html", values, headers=_PRIVATE)


@router.get("/accounts", include_in_schema=False)
async def all_accounts(
    request: Request, principal: Keeper, of: Annotated[str | None, Query(max_length=64)] = None
) -> Response:
    """Show every account to those who administer them.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        An administrator.
    of : str, optional
        Login of the account whose roles are to be changed.

    Returns
    -------
    Response
        HTML.
    """
    lang = language_of(request)
    found = await reading(request, accounts.every)
    listed = [
        {**account_json(one), "titles": _titles(one.roles, lang), "tag": f'"{one.tag}"', "roles": one.roles}
        for one in found
    ]
    values = {
        "accounts": listed,
        "chosen": next((one for one in listed if one["login"] == of), None),
        "roles": [(role, titles[lang == "en"]) for role, titles in ROLE_TITLES.items() if role != "public"],
        "may_add": principal.holds(POLICIES["accounts.add"].roles),
        "may_grant": principal.holds(POLICIES["accounts.grant"].roles),
    }
    return html_answer(request, "accounts.html", values, headers=_PRIVATE)


def _titles(roles: frozenset[str], lang: str) -> list[str]:
    """Name roles."""
    return [titles[lang == "en"] for role, titles in ROLE_TITLES.items() if role in roles]


def _scope(name: str, lang: str) -> str:
    """Name what a key opens, without the remarks in brackets."""
    policy = POLICIES[name]
    return policy.title_en if lang == "en" else policy.title_zh.partition("（")[0]


def _moment(text: str | None) -> str | None:
    """Write a moment as the server's clock shows it."""
    return None if text is None else datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M")


def _key(one: grants.KeyRecord, lang: str) -> dict[str, object]:
    """Write a key for people."""
    shown = key_json(one)
    moments = {name: _moment(value) for name, value in shown.items() if name.endswith("_at") and isinstance(value, str)}
    return {**shown, **moments, "scopes": [_scope(name, lang) for name in one.scopes]}


def _session(one: logins.SessionRecord, this: str) -> dict[str, object]:
    """Write a session for people."""
    shown = session_json(one)
    moments = {name: _moment(str(shown[name])) for name in ("created_at", "seen_at")}
    return {**shown, **moments, "is_this": one.session_id == this}


def _delegation(one: grants.DelegationRecord, lang: str) -> dict[str, object]:
    """Write a delegation for people."""
    return {
        **delegation_json(one),
        "roles": _titles(one.roles, lang),
        "when": f"{one.valid_from.isoformat()} – {one.valid_to.isoformat()}",
    }


def _rule(profile: PasswordProfile, lang: str) -> str:
    """Say what is asked of a password."""
    if lang == "en":
        said = [f"at least {profile.min_length} characters"]
        if profile.min_classes:
            said.append(f"{profile.min_classes} of capital letters, small letters, digits and other signs")
        if profile.remembered:
            said.append(f"none of the last {profile.remembered}")
        return ", ".join(said) + "; nothing that is easy to guess."
    said = [f"至少 {profile.min_length} 个字符"]
    if profile.min_classes:
        said.append(f"大写字母、小写字母、数字、符号中至少 {profile.min_classes} 种")
    if profile.remembered:
        said.append(f"不与最近 {profile.remembered} 个口令相同")
    return "，".join(said) + "；不能容易猜到。"
