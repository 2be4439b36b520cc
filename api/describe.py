"""The description of the application's own addresses, as OpenAPI 3.1 for programs and as a page for people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api.auth.policy import POLICIES, role_title
from api.guard import all_routes, policies_of
from api.once import KEY_HEADER, takes_key
from geo.catalog.map_layer import PUBLIC

TAGS: Final = {
    "session": ("身份", "Who asks"),
    "accounts": ("账户", "Accounts"),
    "audit": ("审计", "Audit"),
    "facilities": ("设施", "Facilities"),
    "imports": ("导入", "Imports"),
    "cases": ("办件", "Cases"),
    "notifications": ("通知", "Notices"),
    "outside-edits": ("系统之外的修改", "Edits made outside"),
    "runs": ("覆盖分析", "Coverage runs"),
    "scenarios": ("情景方案", "What-if scenarios"),
    "walks": ("步行可达", "Walks"),
    "reports": ("报告", "Reports"),
    "jobs": ("任务", "Jobs"),
    "definitions": ("定义与目录", "Definitions"),
    "service": ("服务", "Service"),
}
"""Groups of addresses, in the order they are listed."""

_PROBLEMS: Final = {
    "400": "参数或数据有误 · something asked or sent does not fit",
    "401": "未登录 · nobody has said who they are",
    "403": "无权 · not allowed for these roles",
    "404": "不存在，或对您不可见 · not there, for who asks",
    "409": "当前状态不允许 · the state of the record does not allow it",
    "412": "已被他人修改，facts 含三方差异 · changed meanwhile; facts hold base, yours and theirs",
    "413": "文件过大 · too large",
    "422": "在这些条件下没有答案 · no answer under these conditions",
    "428": "缺少 If-Match · If-Match is missing",
    "429": "失败次数过多，稍后重试 · too many attempts have failed",
    "503": "繁忙或超时，稍后重试 · busy, or it took too long",
}
_INTRODUCTION: Final = (
    "方舆的设施、导入、分析、情景与报告接口。图层（要素、瓦片、导出）见 /ogc。所有坐标为 CGCS2000 经纬度；长度以米、"
    "时间以秒为单位，字段名带单位后缀。出错时返回 application/problem+json，含 code、message_zh、message_en，"
    "一次列出全部问题。\n\n"
    "Facilities, imports, analyses, scenarios and reports; layers are under /ogc. Coordinates are CGCS2000 degrees, "
    "lengths metres, times seconds, and names say so. Failures are application/problem+json and list every problem."
)
_KEY_PARAMETER: Final = {
    "name": KEY_HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": "^[!-~]{1,128}$", "minLength": 1, "maxLength": 128},
    "description": "重发请求用的键，如 UUID；同一请求只执行一次，重发得到首次的应答并带 Idempotency-Replayed: true · "
    "a key for sending the request again, such as a UUID: it is carried out once, and answered as the first time",
}
_KEY_REUSED: Final = "该 Idempotency-Key 已用于另一个请求 · the key belongs to another request"
_PROBLEM: Final = {
    "type": "object",
    "required": ["status", "code", "message_zh", "message_en"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "稳定的错误代码 · a stable code"},
        "detail": {"type": "string"},
        "message_zh": {"type": "string"},
        "message_en": {"type": "string"},
        "problems": {"type": "array", "items": {"type": "object"}, "description": "逐项问题 · every problem"},
        "facts": {"type": "object"},
    },
}


def describe_api(app: FastAPI) -> dict[str, object]:
    """Describe every address of the application but the OGC service's, which has a description of its own.

    Parameters
    ----------
    app : FastAPI
        The application.

    Returns
    -------
    dict
        An OpenAPI 3.1 document.
    """
    routes = [
        route for route in all_routes(app.routes) if isinstance(route, APIRoute) and not route.path.startswith("/ogc")
    ]
    document: dict[str, Any] = get_openapi(
        title="方舆 Fangyu", version="1.0.0", description=_INTRODUCTION, routes=routes,
        tags=[{"name": name, "description": f"{zh} · {en}"} for name, (zh, en) in TAGS.items()],
    )  # fmt: skip
    shown = [route for route in routes if route.include_in_schema]
    by_address = {(route.path, method.lower()): route for route in shown for method in route.methods or ()}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            _complete(operation, path, method, by_address[path, method])
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = _PROBLEM
    return document


def _complete(operation: dict[str, Any], path: str, method: str, route: APIRoute) -> None:
    """Say who may, what may go wrong, and leave out what is for readers of the code."""
    operation["operationId"] = f"{(route.tags or ['service'])[0]}_{route.name.strip('_')}"
    operation["description"] = operation.get("description", "").split("\n\nParameters")[0]
    (policy,) = policies_of(route)
    roles = POLICIES[policy].roles
    operation["x-policy"] = {"name": policy, "roles": ["public"] if PUBLIC in roles else sorted(roles)}
    responses = operation["responses"]
    responses.pop("422", None)
    failures = ["400", "503"]
    if PUBLIC not in roles:
        failures += ["401", "403"]
    if "{" in path or "nearest" in path or "/preview" in path or path in ("/api/imports", "/api/session/demo"):
        failures.append("404")
    if method != "get":
        failures += ["403", "409"]
    if takes_key(method.upper(), path):
        operation.setdefault("parameters", []).append(dict(_KEY_PARAMETER))
        failures += ["409", "422"]
    for one in operation.get("parameters", ()):
        if one["name"].lower() != "if-match":
            continue
        failures += ["412", "428"]
        # Its absence has an answer of its own, which FastAPI's 400 for a missing header would hide.
        one["required"], one["schema"] = True, {"type": "string"}
    if path.startswith("/api/session"):
        failures += ["401", "429"]
    if path in ("/api/delegations", "/api/cases"):
        failures.append("404")
    if path.endswith("/uploads") or (path.endswith("/attachments") and method == "post"):
        failures.append("413")
    if "isochrones" in path or "nearest" in path or "scenarios" in path:
        failures += ["409", "422"]
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for code in sorted(set(failures)):
        responses.setdefault(code, {"description": _PROBLEMS[code], "content": problem})
    if takes_key(method.upper(), path):
        is_more = "scenarios" in path
        told = f"{_PROBLEMS['422']}；{_KEY_REUSED}" if is_more else _KEY_REUSED
        responses["422"] = {"description": told, "content": problem}


def for_people(document: Mapping[str, Any]) -> list[dict[str, object]]:
    """Arrange a description as a page shows it.

    Parameters
    ----------
    document : Mapping
        From `describe_api`.

    Returns
    -------
    list of dict
        Groups with their operations; parameters and bodies as rows of name, kind, whether needed, and meaning.
    """
    groups: dict[str, list[dict[str, object]]] = {name: [] for name in TAGS}
    schemas = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            body = next(iter((operation.get("requestBody") or {}).get("content", {}).values()), None)
            zh, _, en = str(operation.get("summary", "")).partition(" · ")
            groups[(operation.get("tags") or ["service"])[0]].append(
                {
                    "id": operation["operationId"],
                    "method": method.upper(),
                    "path": path,
                    "zh": zh,
                    "en": en,
                    "roles": [role_title(role) for role in operation["x-policy"]["roles"]],
                    "parameters": [
                        _row(one["name"], one.get("schema", {}), one.get("required", False), one.get("description", ""))
                        for one in operation.get("parameters", ())
                    ],
                    "body": [] if body is None else _body(body["schema"], schemas),
                    "codes": list(operation["responses"]),
                }
            )
    return [
        {"name": name, "zh": TAGS[name][0], "en": TAGS[name][1], "operations": found}
        for name, found in groups.items()
        if found
    ]


def _body(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> list[dict[str, object]]:
    """Return the fields of a body."""
    named = schemas.get(str(schema.get("$ref", "")).rsplit("/", 1)[-1], schema)
    needed = named.get("required", ())
    parts = named.get("properties", {})
    return [_row(name, part, name in needed, part.get("description", "")) for name, part in parts.items()]


def _row(name: str, schema: Mapping[str, Any], needed: bool, description: str) -> dict[str, object]:
    """Return one field."""
    zh, _, en = description.partition(" · ")
    return {"name": name, "kind": _kind(schema), "needed": needed, "zh": zh, "en": en}


def _kind(schema: Mapping[str, Any]) -> str:
    """Write what a field may hold, with its bounds."""
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_kind(one) for one in schema["anyOf"] if one.get("type") != "null"))
    if "enum" in schema:
        return " | ".join(str(one) for one in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "array":
        return f"[{_kind(schema.get('items', {}))}]"
    kind = str(schema.get("format") or schema.get("type") or schema.get("$ref", "").rsplit("/", 1)[-1] or "any")
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is not None or high is not None:
        first = "" if low is None else f"{low:g} {'<' if 'exclusiveMinimum' in schema else '≤'} "
        last = "" if high is None else f" {'<' if 'exclusiveMaximum' in schema else '≤'} {high:g}"
        return re.sub(r"\s+", " ", f"{first}{kind}{last}")
    return kind
