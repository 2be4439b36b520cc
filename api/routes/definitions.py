"""What every number and word means."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field

from api.auth.policy import POLICIES
from api.auth.principal import Principal
from api.guard import Guard
from api.schemas.common import Strict
from geo.catalog.map_layer import PUBLIC, ROLES
from geo.catalog.role import ROLE_TITLES
from geo.services.definition import definitions, layer_definitions, type_definition, type_list
from geo.store.pages import today

router = APIRouter(prefix="/api/definitions", tags=["definitions"])
Anybody = Annotated[Principal, Depends(Guard("public"))]


class TypeAsk(Strict):
    """Whose limits are wanted."""

    region: str | None = Field(
        None, max_length=12, pattern=r"^\d+$", description="区划代码，一并列出当地标准 · division code of local rules"
    )


@router.get("", summary="指标与用语定义 · What the numbers mean")
def everything(request: Request, principal: Anybody) -> dict[str, object]:
    """Return what the numbers of coverage runs mean.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody.

    Returns
    -------
    dict
        Indicators, outcomes, the walking profile, privacy, certainty marks and units.
    """
    return definitions()


@router.get("/layers", summary="图层与字段 · Layers and their fields")
def layers(request: Request, principal: Anybody) -> dict[str, object]:
    """Return the layers that somebody may read.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody.

    Returns
    -------
    dict
        ``{"layers": [...]}``.
    """
    return {"layers": layer_definitions(principal.roles)}


@router.get("/roles", summary="角色与权限 · Roles and what they may do")
def roles(request: Request, principal: Anybody) -> dict[str, object]:
    """Return the roles there are, and what each may do.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody.

    Returns
    -------
    dict
        ``roles`` and ``policies``.
    """
    return {
        "roles": [
            {"name": role, "title_zh": ROLE_TITLES[role][0], "title_en": ROLE_TITLES[role][1]}
            for role in ROLES
            if role != PUBLIC
        ],
        "policies": [
            {"name": one.name, "title_zh": one.title_zh, "title_en": one.title_en, "roles": sorted(one.roles)}
            for one in POLICIES.values()
        ],
    }


@router.get("/facility-types", summary="设施类型目录 · Facility types")
def types(request: Request, principal: Anybody) -> dict[str, object]:
    """Return the facility types of the catalogue.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody.

    Returns
    -------
    dict
        ``{"types": [...]}``.
    """
    return {"types": type_list()}


@router.get("/facility-types/{slug}", summary="一种设施的属性与标准 · Attributes and limits of a type")
def one_type(request: Request, principal: Anybody, slug: str, asked: Annotated[TypeAsk, Query()]) -> dict[str, object]:
    """Return one facility type: its attributes as a form needs them, and its limits with their sources.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody.
    slug : str
        The type.
    asked : TypeAsk
        Whose limits.

    Returns
    -------
    dict
        The type.

    Raises
    ------
    NotFoundError
        There is no such type.
    """
    return type_definition(slug, region=asked.region, on=today())
