"""The layers as collections: what there is, where it lies, in which coordinate systems, and what can be asked of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.auth.policy import district_of, readable_layer
from api.auth.principal import Principal
from api.errors import language_of
from api.guard import Guard
from api.ogc.answer import GEOJSON, HTML, JSON, SCHEMA_JSON, Link, json_answer, only_format, root_of
from api.ogc.export import export_links
from api.ogc.page import html_answer
from api.ogc.words import titles_of
from api.work import reading
from geo.catalog.map_layer import MapLayer, field_titles, map_layers
from geo.datum.output import CRS84, STORAGE_CRS, output_uris
from geo.errors import Lang
from geo.services.served_layer import LayerExtent, layer_extent, layer_fields

router = APIRouter()
Reader = Annotated[Principal, Depends(Guard("layers.read"))]
_JSON_TYPES = {"text": "string", "int": "integer", "real": "number", "bool": "boolean", "date": "string"}
_KINDS: dict[str, type] = {"text": str, "int": int, "real": float, "bool": bool, "date": str}


def collection_json(
    root: str, layer: MapLayer, extent: LayerExtent, *, form: str, lang: Lang = "zh"
) -> dict[str, object]:
    """Describe one layer as a collection.

    Parameters
    ----------
    root : str
        Address of the landing page.
    layer : MapLayer
        The layer.
    extent : LayerExtent
        Where and when it lies.
    form : str
        Form of the answer the description stands in.
    lang : {"zh", "en"}
        Language of the title.

    Returns
    -------
    dict
        A collection of OGC API Features.
    """
    home = f"{root}/collections/{layer.name}"
    links = [
        Link(f"{home}?f=json", "self" if form == "json" else "alternate", JSON, "图层说明（JSON）"),
        Link(f"{home}?f=html", "self" if form == "html" else "alternate", HTML, "图层说明（HTML）"),
        Link(f"{home}/items?f=json", "items", GEOJSON, f"{layer.title_zh}（GeoJSON）"),
        Link(f"{home}/items?f=html", "items", HTML, f"{layer.title_zh}（HTML）"),
        Link(f"{home}/tiles", "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector", JSON, "矢量瓦片"),
        Link(f"{home}/style", "style", JSON, "样式"),
        Link(f"{home}/queryables", "http://www.opengis.net/def/rel/ogc/1.0/queryables", SCHEMA_JSON, "可查询的字段"),
        *export_links(home, layer),
    ]
    box = extent.box
    return {
        "id": layer.name,
        "title": layer.title(lang),
        "description": "\n".join(filter(None, (layer.note_zh, layer.note_en))) or layer.title_en,
        "itemType": "feature",
        "extent": {
            # An empty layer lies nowhere; the standard wants a box all the same.
            "spatial": {"bbox": [list(box) if box else [-180.0, -90.0, 180.0, 90.0]], "crs": CRS84},
            "temporal": {"interval": [[extent.start, extent.end]]},
        },
        "crs": list(output_uris()),
        "storageCrs": STORAGE_CRS,
        "isEmpty": box is None,
        "links": [link.to_json() for link in links],
    }


@router.get("/ogc/collections", include_in_schema=False)
async def collections(request: Request, principal: Reader) -> Response:
    """List the layers that who asks may read.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Who asks.

    Returns
    -------
    Response
        JSON or HTML.
    """
    form = only_format(request)
    layers = [layer for layer in map_layers().values() if principal.holds(layer.read)]
    extents = await reading(
        request,
        lambda session: {one.name: layer_extent(session, one, district=district_of(one, principal)) for one in layers},
    )
    root, lang = root_of(request), language_of(request)
    home = f"{root}/collections"
    links = [
        Link(f"{home}?f=json", "self" if form == "json" else "alternate", JSON, "本页（JSON）"),
        Link(f"{home}?f=html", "self" if form == "html" else "alternate", HTML, "本页（HTML）"),
    ]
    document = {
        "links": [link.to_json() for link in links],
        "crs": list(output_uris()),
        "collections": [collection_json(root, layer, extents[layer.name], form=form, lang=lang) for layer in layers],
    }
    if form == "json":
        return json_answer(document)
    internal = {layer.name for layer in layers if layer.is_internal}
    return html_answer(request, "collections.html", {**document, "internal": internal})


@router.get("/ogc/collections/{name}", include_in_schema=False)
async def collection(request: Request, principal: Reader, name: str) -> Response:
    """Describe one layer.

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
        JSON or HTML.

    Raises
    ------
    NotFoundError
        There is no such layer for them.
    """
    layer = readable_layer(name, principal)
    form = only_format(request)
    district = district_of(layer, principal)
    extent = await reading(request, lambda session: layer_extent(session, layer, district=district))
    lang = language_of(request)
    document = collection_json(root_of(request), layer, extent, form=form, lang=lang)
    if form == "json":
        return json_answer(document)
    titles = [{"name": field, "title": field_titles()[field].title(lang)} for field in layer.fields]
    files = [link.to_json() for link in export_links(f"{root_of(request)}/collections/{layer.name}", layer)]
    shown = {**document, "fields": titles, "files": files, "is_internal": layer.is_internal}
    return html_answer(request, "collection.html", shown)


@router.get("/ogc/collections/{name}/queryables", include_in_schema=False)
async def queryables(request: Request, principal: Reader, name: str) -> Response:
    """Say what can be asked of one layer.

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
        A JSON schema, or HTML.

    Raises
    ------
    NotFoundError
        There is no such layer for them.
    """
    layer = readable_layer(name, principal)
    form = only_format(request)
    lang = language_of(request)
    properties: dict[str, dict[str, object]] = {}
    for field, kind in layer_fields(layer):
        titles = field_titles()[field]
        properties[field] = {"title": titles.title(lang), "description": titles.title_en, "type": _JSON_TYPES[kind]}
        if kind == "date":
            properties[field]["format"] = "date"
        # Columns of one name may hold codes in one layer and numbers in another.
        words = {value: word for value, word in titles_of(field, lang).items() if isinstance(value, _KINDS[kind])}
        if words:
            # Not enum: a store may hold values that the catalogue does not name.
            named = [{"const": value, "title": word} for value, word in words.items()]
            properties[field]["anyOf"] = [*named, {"title": titles.title(lang)}]
    title = "几何" if lang == "zh" else "Geometry"
    properties["geometry"] = {"title": title, "description": "Geometry", "format": "geometry-any"}
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{root_of(request)}/collections/{layer.name}/queryables",
        "type": "object",
        "title": layer.title(lang),
        "properties": properties,
        "additionalProperties": False,
    }
    if form == "html":
        return html_answer(request, "queryables.html", {**document, "is_internal": layer.is_internal})
    return json_answer(document, media=SCHEMA_JSON)
