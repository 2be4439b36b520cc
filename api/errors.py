"""What goes wrong, as HTTP: one table from exception to status, one form of answer (RFC 9457)."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import ClassVar, Final

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from api.auth.policy import HiddenError
from api.unfit import allowed_beside, explain
from api.wording import over_http, reworded
from geo.errors import (
    BusyError,
    ConflictError,
    DataSourceError,
    DeniedError,
    FangyuError,
    InfeasibleError,
    InputError,
    Lang,
    LockedOutError,
    NotFoundError,
    StaleError,
    UnauthenticatedError,
)
from geo.store.refusals import RefusalLog


class UnconditionalError(InputError):
    """A change was asked for without saying which state of the record it is meant for."""

    code: ClassVar[str] = "unconditional"


class KeyReusedError(InputError):
    """A key that belongs to one request came with another."""

    code: ClassVar[str] = "idempotency_key_reused"


class TooLargeError(InputError):
    """More was sent than is taken."""

    code: ClassVar[str] = "too_large"


STATUS: Final[Mapping[type[FangyuError], int]] = {
    LockedOutError: 429,
    UnauthenticatedError: 401,
    DeniedError: 403,
    NotFoundError: 404,
    StaleError: 412,
    UnconditionalError: 428,
    TooLargeError: 413,
    KeyReusedError: 422,
    ConflictError: 409,
    InputError: 400,
    InfeasibleError: 422,
    BusyError: 503,
    DataSourceError: 503,
    FangyuError: 500,
}
"""Status of each error; the first class an error belongs to decides."""

_TITLES_ZH: Final[Mapping[int, str]] = {
    400: "请求有误",
    404: "没有这个地址",
    405: "该地址不支持这种请求方式",
    406: "没有所要求的格式",
    413: "请求内容过大",
    500: "服务器内部错误",
}
_log = logging.getLogger("fangyu.http")


def language_of(request: Request) -> Lang:
    """Return the language a client asks for.

    Parameters
    ----------
    request : Request
        The request.

    Returns
    -------
    {"zh", "en"}
        English where ``Accept-Language`` prefers it, Chinese otherwise.
    """
    best: tuple[float, Lang] = (0.0, "zh")
    for part in request.headers.get("accept-language", "").lower().split(","):
        name, _, rest = part.strip().partition(";")
        weight = re.fullmatch(r"q=([01](?:\.\d{0,3})?)", rest.strip())
        share = float(weight[1]) if weight else 1.0
        lang: Lang = "en" if name.split("-")[0] == "en" else "zh"
        # Of equals the first; what is neither English nor Chinese says nothing.
        if name.split("-")[0] in ("en", "zh") and share > best[0]:
            best = (share, lang)
    return best[1]


def wants_page(request: Request) -> bool:
    """Tell whether a person looks at an address meant for people.

    Parameters
    ----------
    request : Request
        The request.

    Returns
    -------
    bool
        True for a browser, which asks for HTML first, outside of ``/api`` and where ``f`` asks for nothing else.
    """
    first = request.headers.get("accept", "").split(",")[0].split(";")[0].strip().lower()
    form = request.query_params.get("f", "html")
    return first == "text/html" and form == "html" and not request.url.path.startswith("/api/")


def problem(    status: int,
    code: str,
    message_zh: str,
    message_en: str,
    *,
    lang: Lang = "zh",
    extra: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
    request: Request | None = None,
) -> Response:
    """Write a problem.

    Parameters
    ----------
    status : int
        HTTP status.
    code : str
        Stable code.
    message_zh, message_en : str
        What is wrong and what is allowed.
    lang : {"zh", "en"}
        Language of ``detail``.
    extra : Mapping, optional
        Further members.
    headers : Mapping, optional
        Further headers.
    request : Request, optional
        What is answered: a browser that looks at a page gets one.

    Returns
    -------
    Response
        ``application/problem+json``, or a page.
    """
    message_zh, message_en = over_http(message_zh), over_http(message_en)
    extra = {name: reworded(part) for name, part in (extra or {}).items()}
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": message_zh if lang == "zh" else message_en,
        "message_zh": message_zh,
        "message_en": message_en,
        **extra,
    }
    if request is not None and wants_page(request):
        # Set by `api.app`: pages are made of templates, which stand above this module.
        page: Response = request.app.state.error_page(request, body, headers or {})
        return page
    return Response(
        orjson.dumps(body, default=str),
        status,
        headers={
            "Cache-Control": "no-store",
            "Vary": "Accept-Language",
            "Content-Language": "zh-CN" if lang == "zh" else "en",
            **(headers or {}),
        },
        media_type="application/problem+json",
    )


def answer_error(request: Request, error: Exception) -> Response:
    """Answer an error of ours.

    Parameters
    ----------
    request : Request
        The request.
    error : Exception
        A `FangyuError`.

    Returns
    -------
    Response
        The problem.
    """
    assert isinstance(error, FangyuError)
    status = next(code for kind, code in STATUS.items() if isinstance(error, kind))
    if status in (401, 403, 429) or isinstance(error, HiddenError):
        _record_refusal(request, error, status)
    if isinstance(error, DataSourceError):
        # Its message names files and addresses of the server.
        _log.error("%s", error.message_en)
        return problem(
            status, error.code, "数据存储暂不可用，已记录", "the store does not answer; it has been logged",
            lang=language_of(request), headers={"Retry-After": "10"}, request=request,
        )  # fmt: skip
    extra: dict[str, object] = {"facts": error.detail} if error.detail else {}
    if isinstance(error, InputError) and error.problems:
        lang = language_of(request)
        extra["problems"] = [
            {"code": one.code, "row": one.row, "field": one.field, "value": one.value, "detail": one.message(lang)}
            for one in error.problems
        ]
    headers = {"Retry-After": str(error.retry_s)} if isinstance(error, BusyError | LockedOutError) else {}
    lang = language_of(request)
    return problem(
        status, error.code, error.message_zh, error.message_en, lang=lang, extra=extra, headers=headers, request=request
    )


def _record_refusal(request: Request, error: FangyuError, status: int) -> None:
    """Put a refusal on its way into the audit: who, which route and policy; no more of what a stranger may choose."""
    refusals: RefusalLog | None = getattr(request.app.state, "refusals", None)
    if refusals is None:
        return
    state = request.scope.get("state", {})
    principal = state.get("principal")
    template = str(state.get("template") or getattr(request.scope.get("route"), "path", "(no route)"))
    detail: dict[str, object] = {"status": status, "code": error.code, "policy": state.get("policy")}
    actor = getattr(principal, "name", "anonymous")
    if actor != "anonymous":
        detail["path"] = request.url.path[:200]
    address = request.client.host if request.client else None
    refusals.note(actor, f"{request.method} refused", template, detail, address)


def _answer_invalid(request: Request, error: Exception) -> Response:
    """Answer parameters that do not fit: 400, as OGC asks, where FastAPI would say 422."""
    assert isinstance(error, RequestValidationError)
    lang = language_of(request)
    wrong, lines_zh, lines_en = [], [], []
    for one in error.errors():
        # Of text that is no JSON the place is a number of characters, which is no field.
        field = "" if one["type"] == "json_invalid" else ".".join(str(part) for part in one["loc"][1:])
        zh, en = explain(one)
        if one["type"] == "extra_forbidden":
            more_zh, more_en = allowed_beside(request.scope.get("route"), one["loc"])
            zh, en = zh + more_zh, en + more_en
        wrong.append({"in": str(one["loc"][0]), "field": field, "detail": zh if lang == "zh" else en})
        lines_zh.append(f"{field or '请求内容'}：{zh}")
        lines_en.append(f"{field or 'body'}: {en}")
    return problem(
        400, "input", "参数有误：" + "；".join(lines_zh), "the request is refused: " + "; ".join(lines_en), lang=lang,
        extra={"problems": wrong}, request=request,
    )  # fmt: skip


def _answer_http(request: Request, error: Exception) -> Response:
    """Answer what the router itself refuses."""
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods_at(request))
    return problem(
        error.status_code,
        phrase.lower().replace(" ", "_"),
        _TITLES_ZH.get(error.status_code, phrase),
        phrase,
        lang=language_of(request),
        headers=headers,
        request=request,
    )


def _methods_at(request: Request) -> list[str]:
    """List what an address can be asked: the router names the methods of one of its routes only."""
    found: set[str] = set()
    for route in request.app.router.routes:
        match, _ = route.matches(request.scope)
        if match is not Match.NONE:
            found |= route.methods or set()
    return sorted(found)


def _answer_unforeseen(request: Request, error: Exception) -> Response:
    """Answer a mistake of ours without saying anything about its inside."""
    _log.error("unforeseen error at %s", request.url.path, exc_info=error)
    lang = language_of(request)
    zh, en = "服务器内部错误，已记录", "internal error; it has been logged"
    return problem(500, "internal", zh, en, lang=lang, request=request)


def register(app: FastAPI) -> None:
    """Make an application answer every failure as a problem.

    Parameters
    ----------
    app : FastAPI
        The application.
    """
    app.add_exception_handler(FangyuError, answer_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(Exception, _answer_unforeseen)
