"""Facilities: listing, reading, entering, editing, closing and reopening them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import orjson
import shapely
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import JSONResponse, Response

from api.auth.principal import Principal
from api.conditional import IfMatch, needed_tag
from api.guard import Guard
from api.ogc.token import sign, unsign
from api.schemas.facility import FacilityAsk, FacilityChange, FacilityClosing, FacilityNew
from api.work import changing, reading, store_of
from geo.catalog.load import facility_types
from geo.errors import NotFoundError, Problem
from geo.services.facility import (
    LAYER,
    Edited,
    Editor,
    attributes_of,
    changed_fields,
    check_facility,
    close_facility,
    create_facility,
    edit_facility,
    is_open_today,
    reopen_facility,
)
from geo.services.facility_list import COLUMNS, FacilityQuery, facility_count, facility_page
from geo.store import Session, features
from geo.store.features import FeatureVersion
from geo.store.pages import PageKey, RowPage, Sort

router = APIRouter(prefix="/api/facilities", tags=["facilities"])
Reader = Annotated[Principal, Depends(Guard("facilities.read"))]
Worker = Annotated[Principal, Depends(Guard("facilities.edit"))]

_INTERNAL = frozenset({"source", "quality", "row_version", "attributes"})
"""Columns that nobody sees without a role."""


@router.get("", summary="设施清单 · Facilities")
async def list_(request: Request, principal: Reader, asked: Annotated[FacilityAsk, Query()]) -> Response:
    """List facilities page by page; without a role, those that are open.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody.
    asked : FacilityAsk
        Which.

    Returns
    -------
    Response
        ``facilities``, how many there are in all, and the address of the next page.

    Raises
    ------
    InputError
        A type is not in the catalogue, or the token does not fit.
    """
    query = FacilityQuery(
        is_public=not principal.roles,
        types=tuple(asked.type),
        words=asked.q,
        district=asked.district,
        own_district=principal.district,
        is_open=asked.open,
        sort=None if asked.sort is None else Sort(asked.sort, asked.descending),
    )
    secret, question = store_of(request).store_id, repr((query, asked.limit))
    after = None if asked.token is None else _key(unsign(asked.token, question, secret), asked.sort)

    def work(session: Session) -> tuple[RowPage, list[bool], tuple[int, bool]]:
        page = facility_page(session, query, after=after, limit=asked.limit)
        return page, _foreign(session, page.wkb, principal), facility_count(session, query)

    page, foreign, (matched, is_exact) = await reading(request, work)
    following = None
    if page.has_more and page.key is not None:
        value = page.key.value
        token = sign([page.key.fid, value.isoformat() if isinstance(value, date) else value], question, secret)
        given = [(name, word) for name, word in request.query_params.multi_items() if name != "token"]
        following = f"/api/facilities?{urlencode([*given, ('token', token)], quote_via=quote)}"
    body = {
        "facilities": _listed(page, foreign),
        "matched": matched,
        "is_exact": is_exact,
        "next": following,
    }
    return Response(orjson.dumps(body), media_type="application/json", headers=_PRIVATE)


_PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Accept-Language, Cookie"}


@router.post("", summary="登记设施 · Enter a facility", status_code=201)
async def create(request: Request, principal: Worker, body: FacilityNew) -> Response:
    """Enter a facility.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A data steward.
    body : FacilityNew
        The facility.

    Returns
    -------
    Response
        201 with the facility and what is to be noted about it.
    """

    def work(session: Session) -> Edited:
        values = {**body.attributes, "name": body.name}
        return create_facility(
            session, slug=body.type, values=values, lon=body.lon, lat=body.lat, id=body.id, editor=_editor(principal)
        )

    return await changing(request, work, lambda edited: _answer(edited.version, edited.problems, status=201))


@router.get("/{uid}", summary="一处设施 · One facility")
async def one(request: Request, principal: Reader, uid: str) -> Response:
    """Return a facility as it stands now, whichever of its versions is named.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody; without a role, of open facilities what is public.
    uid : str
        Id of any of its versions.

    Returns
    -------
    Response
        The facility with an ETag for changing it.

    Raises
    ------
    NotFoundError
        There is none for who asks.
    """

    def work(session: Session) -> tuple[FeatureVersion, bool]:
        version = features.present_version(session, LAYER, uid)
        shape = [None if version.geometry is None else shapely.to_wkb(version.geometry)]
        return version, _foreign(session, shape, principal)[0]

    version, is_public = await reading(request, work)
    if is_public and not is_open_today(version):
        raise NotFoundError(f"没有编号为“{uid}”的设施", f"there is no facility '{uid}'", uid=uid)
    return _answer(version, () if is_public else tuple(check_facility(version)), is_public=is_public)


@router.get("/{uid}/versions", summary="设施沿革 · A facility's versions")
async def versions(request: Request, principal: Worker, uid: str) -> dict[str, object]:
    """List a facility's versions, newest first, with what each changed.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A data steward.
    uid : str
        Id of any of its versions.

    Returns
    -------
    dict
        ``{"versions": [...]}``.
    """

    def work(session: Session) -> list[FeatureVersion]:
        found = features.versions(session, LAYER, uid)
        shape = found[0].geometry
        if _foreign(session, [None if shape is None else shapely.to_wkb(shape)], principal)[0]:
            raise NotFoundError(f"没有编号为“{uid}”的设施", f"there is no facility '{uid}'", uid=uid)
        return found

    found = await reading(request, work)
    older = [*found[1:], None]
    return {
        "versions": [
            {
                "uid": version.uid,
                "valid_from": _day(version.valid_from),
                "valid_to": _day(version.valid_to),
                "is_present": version.is_present,
                "import_id": version.import_id,
                "changed": {} if before is None else changed_fields(before, version),
            }
            for version, before in zip(found, older, strict=True)
        ]
    }


@router.patch("/{uid}", summary="修改设施 · Change a facility")
async def edit(
    request: Request, principal: Worker, uid: str, body: FacilityChange, if_match: IfMatch = None
) -> Response:
    """Change a facility; what is left out stays as it is.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A data steward.
    uid : str
        Id of any of its versions.
    body : FacilityChange
        The changes.
    if_match : str, optional
        ETag of the state they are meant for; without it nothing is changed (428).

    Returns
    -------
    Response
        The facility; 412 with what was changed meanwhile if it is no longer in that state.
    """
    tag = needed_tag(if_match)
    values = {**body.attributes, **({} if body.name is None else {"name": body.name})}

    def work(session: Session) -> Edited:
        return edit_facility(
            session, uid, tag=tag, values=values, lon=body.lon, lat=body.lat, editor=_editor(principal)
        )

    return await changing(request, work, _edited)


@router.post("/{uid}/close", summary="停用设施 · Close a facility")
async def close(
    request: Request, principal: Worker, uid: str, body: FacilityClosing, if_match: IfMatch = None
) -> Response:
    """Close a facility from a day on.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A data steward.
    uid : str
        Id of any of its versions.
    body : FacilityClosing
        The day.
    if_match : str, optional
        ETag of the state the change is meant for; without it nothing is changed (428).

    Returns
    -------
    Response
        The facility.
    """
    tag, on = needed_tag(if_match), body.on or date.today()
    return await changing(
        request, lambda session: close_facility(session, uid, tag=tag, on=on, editor=_editor(principal)), _edited
    )


@router.post("/{uid}/reopen", summary="恢复营业 · Reopen a facility")
async def reopen(request: Request, principal: Worker, uid: str, if_match: IfMatch = None) -> Response:
    """Open a closed or suspended facility again.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        A data steward.
    uid : str
        Id of any of its versions.
    if_match : str, optional
        ETag of the state the change is meant for; without it nothing is changed (428).

    Returns
    -------
    Response
        The facility.
    """
    tag = needed_tag(if_match)
    return await changing(
        request, lambda session: reopen_facility(session, uid, tag=tag, editor=_editor(principal)), _edited
    )


def _editor(principal: Principal) -> Editor:
    """Return who edits, as the services know them."""
    return Editor(principal.name, principal.district, principal.on_behalf_of)


def _key(values: list[object], sort: str | None) -> PageKey:
    """Read where a page begins from a token; dates travel as text."""
    fid, value = values
    if isinstance(value, str) and sort == "open_date":
        return PageKey(int(str(fid)), date.fromisoformat(value))
    return PageKey(int(str(fid)), value if isinstance(value, str | float | int | bool) else None)


def _foreign(session: Session, shapes: Sequence[bytes | None], principal: Principal) -> list[bool]:
    """Tell of which facilities somebody sees only what everybody does: of all, or of those outside their district."""
    if not principal.roles or principal.district is None:
        return [not principal.roles] * len(shapes)
    ground = features.division_shape(session, principal.district)
    if ground is None:
        return [True] * len(shapes)
    shapely.prepare(ground)
    return [not inside for inside in shapely.intersects(ground, shapely.from_wkb(list(shapes), on_invalid="ignore"))]


def _listed(page: RowPage, foreign: Sequence[bool]) -> list[dict[str, object]]:
    """Write the rows of a page; of the foreign ones what everybody sees."""
    shapes = shapely.from_wkb(list(page.wkb), on_invalid="ignore")
    rows = []
    for is_public, shape, *values in zip(foreign, shapes, *page.values, strict=True):
        row = dict(zip(COLUMNS, values, strict=True))
        made = _facility(row, shape, _json(row["attributes"]), is_public=is_public)
        if not is_public:
            made["etag"] = f'"{row["uid"]}.{row["row_version"]}"'
        rows.append(made)
    return rows


def _edited(edited: Edited) -> Response:
    """Write a facility after a change."""
    return _answer(edited.version, edited.problems)


def _answer(
    version: FeatureVersion, problems: tuple[Problem, ...], *, status: int = 200, is_public: bool = False
) -> Response:
    """Write one facility, with its ETag."""
    values: dict[str, object] = {
        **version.values,
        "uid": version.uid,
        "id": version.id,
        "source": version.source,
        "quality": version.quality,
        "row_version": version.row_version,
        "valid_from": version.valid_from,
    }
    body = _facility(
        {name: values.get(name) for name in COLUMNS}, version.geometry, attributes_of(version), is_public=is_public
    )
    if not is_public:
        body["is_present"] = version.is_present
        body["problems"] = [
            {
                "code": one.code,
                "severity": one.severity,
                "field": one.field,
                "value": one.value,
                "message_zh": one.message_zh,
                "message_en": one.message_en,
            }
            for one in problems
        ]
    headers = {**_PRIVATE, "ETag": f'"{version.tag}"'}
    if status == 201:
        headers["Location"] = f"/api/facilities/{version.uid}"
    return JSONResponse(body, status, headers=headers)


def _facility(
    row: dict[str, Any], shape: object, attributes: dict[str, object], *, is_public: bool
) -> dict[str, object]:
    """Write one facility."""
    kind = facility_types().get(str(row["type"]))
    made: dict[str, object] = {
        name: _day(value) if isinstance(value, date) else value
        for name, value in row.items()
        if name not in _INTERNAL
    }
    point = shape if isinstance(shape, shapely.Point) and not shape.is_empty else None
    made |= {
        "type_title_zh": None if kind is None else kind.title_zh,
        "type_title_en": None if kind is None else kind.title_en,
        "lon": None if point is None else point.x,
        "lat": None if point is None else point.y,
        "href": f"/api/facilities/{row['uid']}",
    }
    if not is_public:
        made |= {"source": row["source"], "quality": _json(row["quality"]) or None, "attributes": attributes}
    return made


def _json(text: object) -> Any:
    """Read stored JSON; what is none is as good as empty."""
    try:
        return json.loads(text) if isinstance(text, str) else {}
    except ValueError:
        return {}


def _day(value: object) -> str | None:
    """Write a date."""
    return value.isoformat() if isinstance(value, date | datetime) else None
