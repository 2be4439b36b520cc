"""What went wrong, as a page for people who sit at a browser; programs get the problem as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from api.errors import language_of
from api.ogc.page import html_answer

_TITLES: Final[Mapping[int, tuple[str, str]]] = {
    400: ("请求有误", "The request does not fit"),
    401: ("需要登录", "Nobody has said who asks"),
    403: ("无权使用", "Not allowed"),
    404: ("没有找到", "Not found"),
    405: ("不支持这种请求方式", "Not asked this way"),
    406: ("没有所要求的格式", "No such format"),
    413: ("请求内容过大", "Too large"),
    422: ("在这些条件下没有答案", "No answer under these conditions"),
    503: ("繁忙，请稍后重试", "Busy: ask again in a moment"),
}


def error_page(request: Request, body: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    """Write a problem as a page.

    Parameters
    ----------
    request : Request
        The request.
    body : Mapping
        The problem, as programs get it.
    headers : Mapping
        Its headers.

    Returns
    -------
    Response
        HTML with the problem's status.
    """
    lang = language_of(request)
    zh, en = _TITLES.get(body["status"], ("服务器内部错误", "Internal error"))
    values = {
        "status": body["status"],
        "title": en if lang == "en" else zh,
        "said": body["message_en"] if lang == "en" else body["message_zh"],
        "other": body["message_zh"] if lang == "en" else body["message_en"],
        "other_lang": "zh-CN" if lang == "en" else "en",
        "problems": body.get("problems", []),
    }
    response = html_answer(request, "error.html", values, headers={"Cache-Control": "no-store", **headers})
    response.status_code = body["status"]
    return response
