"""What tiles there are: matrix sets, the tilesets of a layer, TileJSON, and a style made from the layer table."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.auth.policy import district_of, readable_layer
from api.auth.principal import Principal
from api.guard import Guard
from api.ogc.answer import JSON, Link, json_answer, only_json, root_of
from api.tiles.route import MEDIA
from api.work import reading
from geo.catalog.map_layer import MapLayer, Ramp, field_titles
from geo.services.served_layer import layer_extent, layer_fields
from geo.services.tile import COUNTS, MOST_FEATURES
from geo.store.layer import layer as store_layer
from geo.tiles.matrix import DEEPEST, MATRIX_SETS, MatrixSet, matrix_set

router = APIRouter()
Reader = Annotated[Principal, Depends(Guard("layers.read"))]
Anybody = Annotated[Principal, Depends(Guard("public"))]
_KINDS: Final = {"text": "String", "int": "Number", "real": "Number", "bool": "Boolean", "date": "String"}
_REL: Final = "http://www.opengis.net/def/rel/ogc/1.0"


def _template(root: str, layer: MapLayer, matrix: MatrixSet, *, names: tuple[str, str, str]) -> str:
    """Return the address of a layer's tiles with names to be replaced."""
    zoom, row, column = (f"{{{name}}}" for name in names)
    return f"{root}/collections/{layer.name}/tiles/{matrix.name}/{zoom}/{row}/{column}"


@router.get("/ogc/tileMatrixSets", include_in_schema=False)
async def matrix_sets(request: Request, principal: Anybody) -> Response:
    """List the tile matrix sets.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody.

    Returns
    -------
    Response
        JSON.
    """
    only_json(request)
    root = root_of(request)
    found = []
    for matrix in MATRIX_SETS.values():
        link = Link(f"{root}/tileMatrixSets/{matrix.name}", "self", JSON, matrix.title_zh)
        entry: dict[str, object] = {"id": matrix.name, "title": matrix.title_zh, "links": [link.to_json()]}
        if matrix.uri is not None:
            entry["uri"] = matrix.uri
        found.append(entry)
    return json_answer({"tileMatrixSets": found})


@router.get("/ogc/tileMatrixSets/{name}", include_in_schema=False)
async def one_matrix_set(request: Request, principal: Anybody, name: str) -> Response:
    """Describe one tile matrix set.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody.
    name : str
        Its identifier.

    Returns
    -------
    Response
        JSON.

    Raises
    ------
    NotFoundError
        There is none of this name.
    """
    only_json(request)
    return json_answer(matrix_set(name).to_json())


@router.get("/ogc/collections/{name}/tiles", include_in_schema=False)
async def tilesets(request: Request, principal: Reader, name: str) -> Response:
    """List the tilesets of a layer.

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
        JSON.

    Raises
    ------
    NotFoundError
        There is no such layer for them.
    """
    layer = readable_layer(name, principal)
    only_json(request)
    root = root_of(request)
    home = f"{root}/collections/{layer.name}/tiles"
    found = [
        {
            "title": f"{layer.title_zh} · {matrix.title_zh}",
            "dataType": "vector",
            "crs": matrix.crs.uri,
            "tileMatrixSetURI": matrix.uri or f"{root}/tileMatrixSets/{matrix.name}",
            "links": [
                Link(f"{home}/{matrix.name}", "self", JSON, matrix.title_zh).to_json(),
                Link(f"{home}/{matrix.name}?f=tilejson", "alternate", JSON, "TileJSON").to_json(),
            ],
        }
        for matrix in MATRIX_SETS.values()
    ]
    return json_answer({"links": [Link(home, "self", JSON, layer.title_zh).to_json()], "tilesets": found})


@router.get("/ogc/collections/{name}/tiles/{matrix}", include_in_schema=False)
async def tileset(request: Request, principal: Reader, name: str, matrix: str) -> Response:
    """Describe one tileset, for OGC's clients or as TileJSON.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Who asks.
    name : str
        Layer.
    matrix : str
        Matrix set.

    Returns
    -------
    Response
        JSON; TileJSON 3.0 with ``f=tilejson``.

    Raises
    ------
    NotFoundError
        There is no such layer for them, or no such set.
    """
    layer, chosen = readable_layer(name, principal), matrix_set(matrix)
    form = only_json(request, "tilejson")
    root = root_of(request)
    district = district_of(layer, principal)
    extent = await reading(request, lambda session: layer_extent(session, layer, district=district))
    box = list(extent.box) if extent.box else [-180.0, -85.0, 180.0, 85.0]
    fields = {field: _KINDS[kind] for field, kind in layer_fields(layer)}
    if form == "tilejson":
        return json_answer(
            {
                "tilejson": "3.0.0",
                "name": layer.title_zh,
                "tiles": [_template(root, layer, chosen, names=("z", "y", "x"))],
                "minzoom": chosen.first,
                "maxzoom": max(16, layer.zoom),
                "bounds": box,
                "vector_layers": [
                    {"id": layer.name, "fields": fields, "minzoom": layer.zoom, "description": layer.title_zh},
                    {
                        "id": f"{layer.name}{COUNTS}",
                        "fields": {"count": "Number"},
                        "maxzoom": max(layer.zoom - 1, 0),
                        "description": f"{layer.title_zh}（数量）",
                    },
                ],
            }
        )
    home = f"{root}/collections/{layer.name}/tiles/{chosen.name}"
    address = _template(root, layer, chosen, names=("tileMatrix", "tileRow", "tileCol"))
    links = [
        Link(home, "self", JSON, layer.title_zh).to_json(),
        Link(f"{home}?f=tilejson", "alternate", JSON, "TileJSON").to_json(),
        Link(f"{root}/tileMatrixSets/{chosen.name}", f"{_REL}/tiling-scheme", JSON, chosen.title_zh).to_json(),
        {**Link(address, "item", MEDIA, layer.title_zh).to_json(), "templated": True},
    ]
    return json_answer(
        {
            "title": layer.title_zh,
            "dataType": "vector",
            "crs": chosen.crs.uri,
            "tileMatrixSetURI": chosen.uri or f"{root}/tileMatrixSets/{chosen.name}",
            "description": f"每个瓦片最多 {MOST_FEATURES:,} 个要素；第 {layer.zoom} 级以下为数量",
            "boundingBox": {"lowerLeft": box[:2], "upperRight": box[2:], "crs": MATRIX_SETS["WorldCRS84Quad"].crs.uri},
            "tileMatrixSetLimits": [
                {
                    "tileMatrix": str(zoom),
                    "minTileRow": 0,
                    "maxTileRow": chosen.rows * (1 << (zoom - chosen.first)) - 1,
                    "minTileCol": 0,
                    "maxTileCol": chosen.columns * (1 << (zoom - chosen.first)) - 1,
                }
                for zoom in range(chosen.first, DEEPEST + 1)
            ],
            "layers": [
                {
                    "id": layer.name,
                    "dataType": "vector",
                    "propertiesSchema": {
                        "type": "object",
                        "properties": {field: {"title": field_titles()[field].title_zh} for field in fields},
                    },
                }
            ],
            "links": links,
        }
    )


@router.get("/ogc/collections/{name}/style", include_in_schema=False)
async def style(request: Request, principal: Reader, name: str) -> Response:
    """Write a style of one layer, from the colour of the layer table.

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
        A MapLibre style.

    Raises
    ------
    NotFoundError
        There is no such layer for them.
    """
    layer = readable_layer(name, principal)
    only_json(request)
    root = root_of(request)
    tiles = {
        "type": "vector",
        "tiles": [_template(root, layer, MATRIX_SETS["WebMercatorQuad"], names=("z", "y", "x"))],
        "maxzoom": max(16, layer.zoom),
    }
    counts = {
        "id": f"{layer.name}{COUNTS}",
        "type": "circle",
        "source": layer.name,
        "source-layer": f"{layer.name}{COUNTS}",
        "maxzoom": layer.zoom,
        "paint": {
            "circle-color": layer.colour,
            "circle-opacity": 0.6,
            "circle-radius": ["interpolate", ["linear"], ["ln", ["get", "count"]], 0, 2, 8, 14],
        },
    }
    return json_answer(
        {
            "version": 8,
            "name": layer.title_zh,
            "sources": {layer.name: tiles},
            "layers": [counts, *_drawn(layer)],
        }
    )


def _drawn(layer: MapLayer) -> list[dict[str, object]]:
    """Return how a layer's features are drawn, by the dimension of its geometry."""
    shared = {"source": layer.name, "source-layer": layer.name, "minzoom": layer.zoom}
    geometry = store_layer(layer.table).geometry
    if geometry.endswith("POINT"):
        paint: dict[str, object] = {
            "circle-color": layer.colour,
            # A city's worth of points must not grow into one blot.
            "circle-radius": ["interpolate", ["linear"], ["zoom"], 9, 2, 12, 4, 15, 7],
            "circle-stroke-color": "#FFFFFF",
            "circle-stroke-width": ["interpolate", ["linear"], ["zoom"], 9, 0.4, 12, 1, 15, 1.5],
        }
        return [{"id": layer.name, "type": "circle", **shared, "paint": paint}]
    line: dict[str, object] = {"line-color": layer.colour, "line-width": 1.5}
    outline = {"id": layer.name, "type": "line", **shared, "paint": line}
    if geometry.endswith("LINESTRING"):
        return [outline]
    fill: dict[str, object] = {"fill-color": layer.colour, "fill-opacity": 0.15}
    if layer.ramp is not None:
        fill = {"fill-color": _by_number(layer.ramp), "fill-opacity": 0.8}
        outline["paint"] = {"line-color": layer.ramp.unknown or layer.colour, "line-width": 0.25}
    return [{"id": f"{layer.name}_fill", "type": "fill", **shared, "paint": fill}, outline]


def _by_number(ramp: Ramp) -> list[object]:
    """Write colours by a number as an expression; tiles leave out what has no value."""
    first, *others = ramp.colours
    steps = [part for pair in zip(ramp.breaks, others, strict=True) for part in pair]
    step: list[object] = ["step", ["get", ramp.field], first, *steps]
    return step if ramp.unknown is None else ["case", ["has", ramp.field], step, ramp.unknown]
