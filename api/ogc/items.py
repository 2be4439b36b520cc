"""Features of a layer: pages by key, one feature, in any coordinate system on offer, as GeoJSON or for people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import repeat
from typing import Annotated, Final

import numpy as np
import orjson
import shapely
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.auth.policy import readable_layer, tables_behind
from api.auth.principal import Principal
from api.errors import language_of
from api.guard import Guard
from api.ogc import answer
from api.ogc.answer import GEOJSON, HTML, Link, address, format_of, is_known, no_feature, not_modified, root_of
from api.ogc.counts import CountCache
from api.ogc.feature_query import seen_query, take_crs, take_feature_query
from api.ogc.page import html_answer
from api.ogc.query import QueryReader
from api.ogc.token import sign, unsign
from api.ogc.words import shown
from api.work import reading, settings_of
from geo.catalog.map_layer import MapLayer, field_titles
from geo.datum.output import OutputCrs
from geo.errors import Lang
from geo.services.served_layer import FeatureQuery, feature_count, feature_page, one_feature
from geo.store import Session, state
from geo.store.pages import RowPage, today

router = APIRouter()
Reader = Annotated[Principal, Depends(Guard("layers.read"))]
DEFAULT_LIMIT: Final = 1_000
ROWS_A_PAGE: Final = 100
"""Rows that people are shown at once, where they do not say."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question about the features of a layer, read from its address."""

    layer: MapLayer
    form: str
    crs: OutputCrs
    limit: int
    query: FeatureQuery
    token: str | None
    given: Mapping[str, str]

    @property
    def question(self) -> str:
        """What a page token belongs to: everything but the place in the order."""
        rest = sorted((name, value) for name, value in self.given.items() if name not in ("token", "f", "limit"))
        asked = self.query
        return f"{self.layer.name}?{rest}&{asked.is_public}&{asked.has_older}&{asked.district}"


def _read(request: Request, principal: Principal, name: str) -> _Asked:
    """Read the question about a page."""
    layer = readable_layer(name, principal)
    query = QueryReader(request)
    form = format_of(request, query)
    crs = take_crs(query, "crs")
    usual = DEFAULT_LIMIT if form == "json" else ROWS_A_PAGE
    limit = query.whole_number("limit", usual, 1, settings_of(request).limits.page_items, clamp=True)
    token = query.text("token")
    asked = take_feature_query(query, layer, principal)
    query.finish()
    return _Asked(layer, form, crs, limit, asked, token, dict(request.query_params))


@router.get("/ogc/collections/{name}/items", include_in_schema=False)
async def items(request: Request, principal: Reader, name: str) -> Response:
    """Serve a page of features.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Who asks.
    name : str
        Layer.

    Returns
    -------
    Response
        GeoJSON or HTML.

    Raises
    ------
    NotFoundError
        There is no such layer for them.
    InputError
        Something is wrong with the query.
    """
    asked = _read(request, principal, name)
    secret = request.app.state.store.store_id
    after = _after(asked, secret)
    tables = tables_behind(asked.layer, principal)
    if (same := answer.unchanged(request, principal, tables)) is not None:
        return same

    counts: CountCache = request.app.state.counts

    def work(session: Session) -> tuple[str, RowPage, list[dict[str, object]], tuple[int, bool]] | str:
        token = state.token(session, tables)
        tag = answer.tag_at(request, principal, token)
        if is_known(request, tag):
            return tag
        page = feature_page(session, asked.layer, asked.query, after=after, limit=asked.limit)
        facts = (asked.question, asked.query.start, asked.query.end, today(), token)
        matched = counts.get(facts, lambda: feature_count(session, asked.layer, asked.query))
        # Here, in the thread: thousands of geometries would keep everybody else waiting.
        features = [] if asked.form == "html" else features_json(page, asked.layer, asked.crs)
        return tag, page, features, matched

    found = await reading(request, work)
    if isinstance(found, str):
        return not_modified(found)
    tag, page, features, (matched, is_exact) = found
    home = f"{root_of(request)}/collections/{asked.layer.name}"
    links = _page_links(f"{home}/items", asked, page, secret)
    headers = {"ETag": tag, "Content-Crs": f"<{asked.crs.uri}>"}
    accuracy = "exact" if is_exact else "estimate"
    if asked.form == "html":
        lang = language_of(request)
        return html_answer(
            request, "items.html",
            _rows_for_people(asked, page, links, lang) | {"matched": matched, "accuracy": accuracy},
            headers=headers,
        )  # fmt: skip
    body = {
        "type": "FeatureCollection",
        "features": features,
        "numberMatched": matched,
        "numberMatchedAccuracy": accuracy,
        "numberReturned": len(page.fids),
        "links": [link.to_json() for link in links],
    }
    return answer.json_answer(body, media=GEOJSON, headers=headers)


@router.get("/ogc/collections/{name}/items/{feature_id}", include_in_schema=False)
async def item(request: Request, principal: Reader, name: str, feature_id: str) -> Response:
    """Serve one feature.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Who asks.
    name : str
        Layer.
    feature_id : str
        The feature's key.

    Returns
    -------
    Response
        GeoJSON or HTML.

    Raises
    ------
    NotFoundError
        There is no such layer or feature for them.
    """
    layer = readable_layer(name, principal)
    reader = QueryReader(request)
    form, crs = format_of(request, reader), take_crs(reader, "crs")
    reader.finish()
    if not re.fullmatch(r"\d{1,18}", feature_id):
        raise no_feature(name, feature_id)
    query = seen_query(layer, principal, has_older=True)
    tables = tables_behind(layer, principal)
    if (same := answer.unchanged(request, principal, tables)) is not None:
        return same

    def work(session: Session) -> tuple[str, RowPage | None]:
        tag = answer.tag_of(session, request, principal, tables)
        known = is_known(request, tag)
        return tag, None if known else one_feature(session, layer, query, int(feature_id)) or RowPage((), (), (), False)

    tag, page = await reading(request, work)
    if page is None:
        return not_modified(tag)
    if not page.fids:
        raise no_feature(name, feature_id)
    home = f"{root_of(request)}/collections/{layer.name}"
    here = f"{home}/items/{feature_id}"
    links = [
        Link(f"{here}?f=json", "self" if form == "json" else "alternate", GEOJSON, "本要素（GeoJSON）"),
        Link(f"{here}?f=html", "self" if form == "html" else "alternate", HTML, "本要素（HTML）"),
        Link(home, "collection", answer.JSON, layer.title_zh),
    ]
    headers = {"ETag": tag, "Content-Crs": f"<{crs.uri}>"}
    if form == "html":
        asked = _Asked(layer, form, crs, 1, query, None, {})
        told = _rows_for_people(asked, page, links, language_of(request))
        return html_answer(request, "item.html", told, headers=headers)
    feature = features_json(page, layer, crs)[0]
    return answer.json_answer(
        {**feature, "links": [link.to_json() for link in links]}, media=GEOJSON, headers=headers
    )


def _after(asked: _Asked, secret: str) -> int:
    """Read the place in the order from a page token."""
    if asked.token is None:
        return 0
    values = unsign(asked.token, asked.question, secret)
    return int(str(values[0]))


def features_json(page: RowPage, layer: MapLayer, crs: OutputCrs) -> list[dict[str, object]]:
    """Write rows as GeoJSON features.

    Parameters
    ----------
    page : RowPage
        Rows with the layer's served columns.
    layer : MapLayer
        The layer.
    crs : OutputCrs
        Coordinate system of the geometries.

    Returns
    -------
    list of dict
        Features; geometries are ready-made JSON.
    """
    shapes = shapely.from_wkb(np.array(page.wkb, dtype=object), on_invalid="ignore")
    coordinates = shapely.get_coordinates(shapes)
    written = np.round(crs.forward(coordinates), crs.decimals)
    # Most layers hold no more digits than are written.
    if not np.array_equal(written, coordinates):
        shapes = shapely.set_coordinates(shapes, written)
    geometries = (None if text is None else orjson.Fragment(text) for text in shapely.to_geojson(shapes).tolist())
    # Dictionaries made by map: half the time of a loop, which with a thousand features is as long as reading them.
    properties = map(dict, map(zip, repeat(layer.fields), zip(*page.values, strict=True)))
    return [
        {"type": "Feature", "id": fid, "geometry": geometry, "properties": facts}
        for fid, geometry, facts in zip(page.fids, geometries, properties, strict=True)
    ]


def _page_links(home: str, asked: _Asked, page: RowPage, secret: str) -> list[Link]:
    """Return the links of a page: itself, its other form, and the next one."""
    links = []
    for form, media, title in (("json", GEOJSON, "本页（GeoJSON）"), ("html", HTML, "本页（HTML）")):
        rel = "self" if form == asked.form else "alternate"
        links.append(Link(address(home, {**asked.given, "f": form}), rel, media, title))
    if page.has_more:
        token = sign([page.fids[-1]], asked.question, secret)
        given = {**asked.given, "token": token, "f": asked.form}
        links.append(Link(address(home, given), "next", GEOJSON if asked.form == "json" else HTML, "下一页"))
    links.append(Link(home.removesuffix("/items"), "collection", answer.JSON, asked.layer.title_zh))
    return links


def _rows_for_people(asked: _Asked, page: RowPage, links: list[Link], lang: Lang) -> dict[str, object]:
    """Return what a page shows to people."""
    fields = asked.layer.fields
    titles = [field_titles()[field].title(lang) for field in fields]
    rows = [
        {"fid": fid, "values": [shown(field, value, lang) for field, value in zip(fields, values, strict=True)]}
        for fid, *values in zip(page.fids, *page.values, strict=True)
    ]
    following = next((link.href for link in links if link.rel == "next"), None)
    return {
        "id": asked.layer.name,
        "title": asked.layer.title(lang),
        "titles": titles,
        "rows": rows,
        "next": following,
        "is_internal": asked.layer.is_internal,
    }
