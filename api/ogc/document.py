"""The service's description as a true OpenAPI 3.0 document, which OGC asks for; FastAPI writes 3.1 only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from api.auth.principal import Principal
from geo.catalog.map_layer import MapLayer, field_titles, map_layers
from geo.datum.output import CRS84, output_uris
from geo.services.export import FORMATS
from geo.services.served_layer import layer_fields
from geo.tiles.matrix import DEEPEST

_TYPES: Final[Mapping[str, Mapping[str, object]]] = {
    "text": {"type": "string"},
    "int": {"type": "integer"},
    "real": {"type": "number"},
    "bool": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
}


def describe_service(root: str, principal: Principal) -> dict[str, object]:
    """Describe every address of the OGC service.

    Parameters
    ----------
    root : str
        Address of the landing page.
    principal : Principal
        Who asks; layers they may not read are not described.

    Returns
    -------
    dict
        An OpenAPI 3.0.3 document.
    """
    layers = [layer for layer in map_layers().values() if principal.holds(layer.read)]
    paths: dict[str, object] = {
        "/": _path("landing", "服务入口", [_ref("f")], "LandingPage"),
        "/conformance": _path("conformance", "所符合的标准", [_ref("f")], "Conformance"),
        "/collections": _path("collections", "图层清单", [_ref("f")], "Collections"),
    }
    for layer in layers:
        home = f"/collections/{layer.name}"
        paths[home] = _path(f"describe_{layer.name}", f"{layer.title_zh}：说明", [_ref("f")], "Collection", [404])
        paths[f"{home}/queryables"] = _path(
            f"queryables_{layer.name}", f"{layer.title_zh}：可查询的字段", [_ref("f")], "Schema", [404],
            media="application/schema+json",
        )  # fmt: skip
        shared = [_ref(name) for name in ("f", "crs")]
        asked = [_ref(name) for name in (
            "limit", "token", "bbox", "bbox-crs", "datetime", "filter", "filter-lang", "filter-crs",
        )]
        paths[f"{home}/items"] = _path(
            f"items_{layer.name}", f"{layer.title_zh}：要素", [*shared, *asked, *_filters(layer)],
            f"Features_{layer.name}", [404], media="application/geo+json",
        )  # fmt: skip
        written = [_ref(name) for name in ("export-f", "lang", "export-crs", "minzoom", "maxzoom")]
        paths[f"{home}/export"] = _export(layer, [*written, *asked[2:], *_filters(layer)])
        feature_id = {
            "name": "featureId",
            "in": "path",
            "required": True,
            "description": "要素标识",
            "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
        }
        paths[f"{home}/items/{{featureId}}"] = _path(
            f"item_{layer.name}", f"{layer.title_zh}：一个要素", [feature_id, *shared], f"Feature_{layer.name}", [404],
            media="application/geo+json",
        )  # fmt: skip
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "方舆 OGC API",
            "description": "民政地理数据：设施、道路、行政区划等。",
            "version": "1.0.0",
            "license": {"name": "Apache 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "servers": [{"url": root, "description": "本服务"}],
        "tags": [{"name": "features", "description": "图层与要素"}],
        "paths": paths,
        "components": {"parameters": _parameters(), "responses": _responses(), "schemas": _schemas(layers)},
    }


def _ref(name: str) -> dict[str, object]:
    """Refer to a shared parameter."""
    return {"$ref": f"#/components/parameters/{name}"}


def _path(
    operation: str,
    summary: str,
    parameters: list[dict[str, object]],
    schema: str,
    failures: list[int] | None = None,
    *,
    media: str = "application/json",
) -> dict[str, object]:
    """Describe one address."""
    good = {
        "description": summary,
        "content": {
            media: {"schema": {"$ref": f"#/components/schemas/{schema}"}},
            "text/html": {"schema": {"type": "string"}},
        },
    }
    responses: dict[str, object] = {"200": good}
    for code in (400, *(failures or []), 503):
        responses[str(code)] = {"$ref": f"#/components/responses/Problem{code}"}
    return {
        "get": {
            "operationId": operation,
            "summary": summary,
            "tags": ["features"],
            "parameters": parameters,
            "responses": responses,
        }
    }


def _export(layer: MapLayer, parameters: list[dict[str, object]]) -> dict[str, object]:
    """Describe the address of a layer's files."""
    described = _path(f"export_{layer.name}", f"{layer.title_zh}：导出文件", parameters, "", [404])
    binary = {"schema": {"type": "string", "format": "binary"}}
    success = {
        "description": f"{layer.title_zh}；坐标东在前、北在后",
        "headers": {"Content-Disposition": {"description": "文件名（RFC 5987）", "schema": {"type": "string"}}},
        "content": {
            form.media: {"schema": {"type": "object"}} if form.media == "application/geo+json" else binary
            for form in FORMATS.values()
        },
    }
    operation = described["get"]
    assert isinstance(operation, dict)
    operation["responses"]["200"] = success
    return described


def _filters(layer: MapLayer) -> list[dict[str, object]]:
    """Describe the columns that can be asked for by name."""
    return [
        {
            "name": field,
            "in": "query",
            "required": False,
            "description": f"{field_titles()[field].title_zh} 等于",
            "schema": _TYPES[kind],
            "style": "form",
            "explode": False,
        }
        for field, kind in layer_fields(layer)
    ]


def _parameters() -> dict[str, object]:
    """Describe the shared parameters."""

    def query(name: str, description: str, schema: Mapping[str, object]) -> dict[str, object]:
        return {
            "name": name,
            "in": "query",
            "required": False,
            "description": description,
            "schema": schema,
            "style": "form",
            "explode": False,
        }

    uris = {"type": "string", "format": "uri", "enum": list(output_uris()), "default": CRS84}
    box = {
        "type": "array",
        "oneOf": [{"minItems": 4, "maxItems": 4}, {"minItems": 6, "maxItems": 6}],
        "items": {"type": "number"},
    }
    languages = {"type": "string", "enum": ["cql2-text", "cql2-json"], "default": "cql2-text"}
    number = {"type": "integer", "minimum": 1, "maximum": 10_000, "default": 1_000}
    zoom = {"type": "integer", "minimum": 0, "maximum": DEEPEST}
    files = {"type": "string", "enum": list(FORMATS), "default": "geojson"}
    return {
        "minzoom": query("minzoom", "瓦片文件的起始级别", zoom),
        "maxzoom": query("maxzoom", "瓦片文件的终止级别；bbox 只限定瓦片，其中的要素是完整的", zoom),
        "export-f": query("f", "文件格式", files),
        "export-crs": query("crs", "文件的坐标系；缺省为该格式惯用的 CRS84 或 EPSG:4490", {
            "type": "string", "format": "uri", "enum": list(output_uris()),
        }),
        "lang": query("lang", "标题与标注的语言", {"type": "string", "enum": ["zh", "en"], "default": "zh"}),
        "f": query("f", "答复的形式；优先于 Accept", {"type": "string", "enum": ["json", "html"]}),
        "crs": query("crs", "答复的坐标系", uris),
        "bbox-crs": query("bbox-crs", "bbox 的坐标系", uris),
        "limit": query("limit", "一页最多要素数；更大的数按最大值处理", number),
        "token": query("token", "翻页标记，取自上一页的 next 链接", {"type": "string"}),
        "bbox": query("bbox", "只要与此范围相交的要素", box),
        "filter": query("filter", "CQL2 过滤条件", {"type": "string"}),
        "filter-lang": query("filter-lang", "过滤条件的写法", languages),
        "filter-crs": query("filter-crs", "过滤条件中坐标的坐标系", uris),
        "datetime": query("datetime", "时刻或时段（RFC 3339，.. 表示不限）", {"type": "string"}),
    }


def _responses() -> dict[str, object]:
    """Describe the failures."""
    names = {400: "请求有误", 404: "没有此图层或要素", 503: "服务器繁忙"}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {f"Problem{code}": {"description": text, "content": problem} for code, text in names.items()}


def _schemas(layers: list[MapLayer]) -> dict[str, object]:
    """Describe what is answered."""
    text = {"type": "string"}
    link = {
        "type": "object",
        "required": ["href", "rel"],
        "properties": {"href": text, "rel": text, "type": text, "title": text},
    }
    links = {"type": "array", "items": {"$ref": "#/components/schemas/Link"}}
    found: dict[str, object] = {}
    found |= {
        "Link": link,
        "LandingPage": {
            "type": "object",
            "required": ["links"],
            "properties": {"title": text, "description": text, "links": links},
        },
        "Conformance": {
            "type": "object",
            "required": ["conformsTo"],
            "properties": {"conformsTo": {"type": "array", "items": text}},
        },
        "Collection": {
            "type": "object",
            "required": ["id", "links"],
            "properties": {
                "id": text,
                "title": text,
                "description": text,
                "itemType": text,
                "extent": {"type": "object"},
                "crs": {"type": "array", "items": text},
                "storageCrs": text,
                "links": links,
            },
        },
        "Collections": {
            "type": "object",
            "required": ["links", "collections"],
            "properties": {
                "links": links,
                "crs": {"type": "array", "items": text},
                "collections": {"type": "array", "items": {"$ref": "#/components/schemas/Collection"}},
            },
        },
        "Schema": {"type": "object", "additionalProperties": True},
        "Problem": {
            "type": "object",
            "required": ["status", "code", "message_zh", "message_en"],
            "properties": {
                "type": text,
                "title": text,
                "status": {"type": "integer"},
                "code": text,
                "detail": text,
                "message_zh": text,
                "message_en": text,
            },
            "additionalProperties": True,
        },
        "Geometry": {
            "type": "object",
            "nullable": True,
            "required": ["type"],
            "properties": {
                "type": {
                    "type": "string",
                    "enum": ["Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"],
                },
                "coordinates": {"type": "array", "items": {}},
            },
        },
    }
    for layer in layers:
        properties: dict[str, dict[str, object]] = {
            field: {**_TYPES[kind], "nullable": True, "title": field_titles()[field].title_zh}
            for field, kind in layer_fields(layer)
        }
        found[f"Feature_{layer.name}"] = {
            "type": "object",
            "required": ["type", "geometry", "properties"],
            "properties": {
                "type": {"type": "string", "enum": ["Feature"]},
                "id": {"type": "integer"},
                "geometry": {"$ref": "#/components/schemas/Geometry"},
                "properties": {"type": "object", "properties": properties, "additionalProperties": False},
                "links": links,
            },
        }
        found[f"Features_{layer.name}"] = {
            "type": "object",
            "required": ["type", "features"],
            "properties": {
                "type": {"type": "string", "enum": ["FeatureCollection"]},
                "features": {"type": "array", "items": {"$ref": f"#/components/schemas/Feature_{layer.name}"}},
                "links": links,
                "numberMatched": {"type": "integer", "minimum": 0},
                "numberMatchedAccuracy": {"type": "string", "enum": ["exact", "estimate"]},
                "numberReturned": {"type": "integer", "minimum": 0},
            },
        }
    return found
