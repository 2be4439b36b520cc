"""The way in: landing page, what the service conforms to, and its description."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import FileResponse, Response

from api.auth.principal import Principal
from api.errors import language_of
from api.guard import Guard
from api.ogc.answer import HTML, JSON, OPENAPI_JSON, Link, json_answer, only_format, root_of
from api.ogc.document import describe_service
from api.ogc.page import html_answer
from geo.store.cql2 import CONFORMANCE

router = APIRouter()
Anybody = Annotated[Principal, Depends(Guard("public"))]

_STATIC: Final = Path(__file__).parent / "static"
_TILING: Final = "http://www.opengis.net/def/rel/ogc/1.0/tiling-schemes"
_FEATURES: Final = "http://www.opengis.net/spec/ogcapi-features"
_TILES: Final = "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf"
CONFORMS_TO: Final = (
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    f"{_FEATURES}-1/1.0/conf/core",
    f"{_FEATURES}-1/1.0/conf/geojson",
    f"{_FEATURES}-1/1.0/conf/html",
    f"{_FEATURES}-1/1.0/conf/oas30",
    f"{_FEATURES}-2/1.0/conf/crs",
    f"{_FEATURES}-3/1.0/conf/filter",
    f"{_FEATURES}-3/1.0/conf/features-filter",
    f"{_FEATURES}-3/1.0/conf/queryables",
    f"{_FEATURES}-3/1.0/conf/queryables-query-parameters",
    *CONFORMANCE,
    f"{_TILES}/core",
    f"{_TILES}/tileset",
    f"{_TILES}/tilesets-list",
    f"{_TILES}/geodata-tilesets",
    f"{_TILES}/mvt",
)
"""Conformance classes; each has tests of its own."""


@router.get("/ogc", include_in_schema=False)
@router.get("/ogc/", include_in_schema=False)
async def landing(request: Request, principal: Anybody) -> Response:
    """Serve the landing page.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody.

    Returns
    -------
    Response
        JSON or HTML.
    """
    form, lang = only_format(request), language_of(request)
    root = root_of(request)
    links = [
        Link(f"{root}?f=json", "self" if form == "json" else "alternate", JSON, "本页（JSON）"),
        Link(f"{root}?f=html", "self" if form == "html" else "alternate", HTML, "本页（HTML）"),
        Link(f"{root}/api", "service-desc", OPENAPI_JSON, "接口描述（OpenAPI 3.0）"),
        Link(f"{root}/api?f=html", "service-doc", HTML, "接口说明"),
        Link(f"{root}/conformance", "conformance", JSON, "所符合的标准"),
        Link(f"{root}/collections", "data", JSON, "图层"),
        Link(f"{root}/tileMatrixSets", _TILING, JSON, "瓦片矩阵集"),
    ]
    document = {
        "title": "方舆 · 民政地理数据服务" if lang == "zh" else "Fangyu · civil-affairs map service",
        "description": "设施、道路、行政区划等图层，坐标系为 CGCS2000。"
        if lang == "zh"
        else "Facilities, streets, divisions and more, in CGCS2000.",
        "links": [link.to_json() for link in links],
    }
    return html_answer(request, "landing.html", document) if form == "html" else json_answer(document)


@router.get("/ogc/static/page.css", include_in_schema=False)
async def style(request: Request, principal: Anybody) -> Response:
    """Serve the pages' one style sheet.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody.

    Returns
    -------
    Response
        CSS.
    """
    headers = {"Cache-Control": "no-cache"}
    return FileResponse(_STATIC / "page.css", media_type="text/css; charset=utf-8", headers=headers)


@router.get("/ogc/static/role.js", include_in_schema=False)
async def role_switch(request: Request, principal: Anybody) -> Response:
    """Serve the script that demo mode alone asks for: it shows and changes the role.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody.

    Returns
    -------
    Response
        JavaScript.
    """
    headers = {"Cache-Control": "no-cache"}
    return FileResponse(_STATIC / "role.js", media_type="text/javascript; charset=utf-8", headers=headers)


@router.get("/ogc/static/form.js", include_in_schema=False)
async def forms(request: Request, principal: Anybody) -> Response:
    """Serve the script of the forms for logging in and for accounts.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody.

    Returns
    -------
    Response
        JavaScript.
    """
    headers = {"Cache-Control": "no-cache"}
    return FileResponse(_STATIC / "form.js", media_type="text/javascript; charset=utf-8", headers=headers)


@router.get("/ogc/conformance", include_in_schema=False)
async def conformance(request: Request, principal: Anybody) -> Response:
    """Say what the service conforms to.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody.

    Returns
    -------
    Response
        JSON or HTML.
    """
    form = only_format(request)
    document = {"conformsTo": list(CONFORMS_TO)}
    return html_answer(request, "conformance.html", document) if form == "html" else json_answer(document)


@router.get("/ogc/api", include_in_schema=False)
async def description(request: Request, principal: Anybody) -> Response:
    """Describe the service to programs, or to people.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody; only what they may read is described.

    Returns
    -------
    Response
        An OpenAPI 3.0 document, or HTML.
    """
    form = only_format(request)
    document = describe_service(root_of(request), principal)
    if form == "html":
        return html_answer(request, "api.html", document)
    return json_answer(document, media=OPENAPI_JSON)
