"""Walks from one place: isochrones for display, and the services within reach."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from api.auth.principal import Principal
from api.guard import Guard
from api.ogc.answer import GEOJSON
from api.schemas.walk import IsochroneAsk, NearestAsk
from api.work import networks_of, reading
from geo.catalog.load import facility_types
from geo.services.isochrone import collection_text, isochrone_features
from geo.services.moment import moment_text, parse_moment
from geo.services.nearest_service import Reached, nearest_services
from geo.store import Session
from geo.store.pages import today

router = APIRouter(prefix="/api", tags=["walks"])
Anybody = Annotated[Principal, Depends(Guard("services.read"))]


@router.get(
    "/isochrones",
    summary="步行等时圈（仅供显示） · What is reached on foot, for display",
    response_class=Response,
    responses={200: {"content": {GEOJSON: {"schema": {"type": "object"}}}}},
)
async def isochrone(request: Request, principal: Anybody, asked: Annotated[IsochroneAsk, Query()]) -> Response:
    """Draw the areas from which a place is reached on foot.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody.
    asked : IsochroneAsk
        Place, speed and minutes.

    Returns
    -------
    Response
        GeoJSON, one feature a limit, the largest first.

    Raises
    ------
    InfeasibleError
        No walkable street lies near the place.
    """
    at, networks = parse_moment(asked.at), networks_of(request)

    def work(session: Session) -> str:
        found = isochrone_features(
            networks.get(session), lon=asked.lon, lat=asked.lat, minutes=asked.minutes, speed_mps=asked.speed_mps,
            at=at,
        )  # fmt: skip
        return collection_text(found)

    text = await reading(request, work)
    return Response(text, media_type=GEOJSON, headers={"Cache-Control": "private, no-cache"})


@router.get("/nearest-services", summary="附近服务 · Services within a walk")
async def nearest(request: Request, principal: Anybody, asked: Annotated[NearestAsk, Query()]) -> Response:
    """Find the open facilities within a walk of a place, by type, nearest first.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody.
    asked : NearestAsk
        Place, speed, types and minutes.

    Returns
    -------
    Response
        The facilities with length and time of the walk.

    Raises
    ------
    NotFoundError
        A type is not in the catalogue.
    InfeasibleError
        No walkable street lies near the place.
    """
    at, networks = parse_moment(asked.at), networks_of(request)
    found = await reading(
        request,
        lambda session: nearest_services(
            session, networks.get(session), lon=asked.lon, lat=asked.lat, types=asked.type, minutes=asked.minutes,
            speed_mps=asked.speed_mps, at=at, most=asked.most, on=today(),
        ),
    )  # fmt: skip
    body = {
        "lon": asked.lon,
        "lat": asked.lat,
        "access_m": round(found.access_m, 1),
        "minutes": asked.minutes,
        "speed_mps": found.speed_mps,
        "at": moment_text(at),
        "types": [
            {
                "type": slug,
                "title_zh": facility_types()[slug].title_zh,
                "title_en": facility_types()[slug].title_en,
                "facilities": [_reached_json(one) for one in reached],
            }
            for slug, reached in found.by_type.items()
        ],
    }
    return Response(orjson.dumps(body), media_type="application/json", headers={"Cache-Control": "private, no-cache"})


def _reached_json(one: Reached) -> dict[str, object]:
    """Write a facility within the walk: tenths of a metre and of a second, for no street is known better."""
    return {
        **asdict(one),
        "walk_m": round(one.walk_m, 1),
        "walk_s": round(one.walk_s, 1),
        "href": f"/api/facilities/{one.uid}",
    }
