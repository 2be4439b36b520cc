"""Demo mode: choosing a role with one click, on a loopback address only."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.responses import JSONResponse, Response

from api.auth.identity import COOKIE, demo_cookie
from api.auth.principal import Principal
from api.guard import Guard
from api.schemas.common import Strict
from api.work import reading, settings_of
from geo.catalog.map_layer import PUBLIC, ROLES
from geo.catalog.role import KEEPERS, ROLE_TITLES
from geo.errors import InputError, NotFoundError
from geo.store import Session, features

router = APIRouter(prefix="/api", tags=["session"])
Anybody = Annotated[Principal, Depends(Guard("demo.enter"))]


class DemoRole(Strict):
    """The role to take."""

    role: str = Field(
        json_schema_extra={"enum": list(ROLES)}, description="角色；public 表示退出 · a role, or public to leave"
    )
    district: str | None = Field(
        None, pattern=r"^\d{2,12}$", description="辖区的区划代码，默认全域 · division code the role is limited to"
    )


@router.post("/session/demo", summary="演示模式：选择角色 · Take a demo role")
async def enter(request: Request, principal: Anybody, chosen: DemoRole) -> Response:
    """Take a role of the demo mode.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody.
    chosen : DemoRole
        The role.

    Returns
    -------
    Response
        Who asks from now on, with the cookie.

    Raises
    ------
    NotFoundError
        The server does not run in demo mode.
    InputError
        There is no such role, no division with the code of the district, or the role is for the whole system.
    """
    if not settings_of(request).access.demo:
        raise NotFoundError(
            "服务未以演示模式运行（fangyu serve --demo）", "the server does not run in demo mode (fangyu serve --demo)"
        )
    if chosen.role == PUBLIC:
        response = JSONResponse({"name": "anonymous", "roles": []})
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return response
    cookie = demo_cookie(chosen.role, chosen.district)
    if (code := chosen.district) is not None:
        if chosen.role in KEEPERS:
            raise InputError(
                f"{ROLE_TITLES[chosen.role][0]}管理整个系统，不能限定辖区；请不带 district",
                f"a {ROLE_TITLES[chosen.role][1].lower()} is for the whole system and has no district; leave it out",
                district=code,
            )

        def find(session: Session) -> bool:
            return features.division_shape(session, code) is not None

        if not await reading(request, find):
            raise InputError(
                f"没有区划代码为“{code}”的区划，district 应为库内的区划代码",
                f"no division has the code '{code}'; district takes the code of a division in the store",
                district=code,
            )
    response = JSONResponse(
        {"name": f"demo:{cookie.partition('.')[0]}", "roles": [chosen.role], "district": chosen.district}
    )
    response.set_cookie(COOKIE, cookie, path="/", httponly=True, samesite="strict")
    return response


