"""``Idempotency-Key``: a writing request that is sent again is answered again, and nothing is done twice.

Every writing route takes the header without saying so: the guard reads it, `api.work.changing` keeps the answer in the
transaction of the command, and the description of the interface tells of it. What cannot be kept stands in `EXEMPT`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from api.auth.principal import Principal
from api.errors import KeyReusedError
from geo.errors import InputError
from geo.store import Session, idempotency
from geo.store.idempotency import KeptAnswer

KEY_HEADER: Final = "Idempotency-Key"
REPLAYED_HEADER: Final = "Idempotency-Replayed"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_KEY: Final = re.compile(r"[\x21-\x7e]{1,128}")
_KEPT_HEADERS: Final = (
    "content-type", "content-language", "etag", "location", "cache-control", "vary", "retry-after",
)  # fmt: skip
"""Headers of an answer that are kept with it."""

_SECRET: Final = (
    "请求或应答含口令、密钥或会话，不留存",
    "the request or its answer holds a password, key or session, which is not kept",
)
_NO_CHANGE: Final = ("该请求不改变数据，重发无妨", "it changes no data, and may be sent again as it is")
EXEMPT: Final[Mapping[tuple[str, str], tuple[str, str]]] = {
    ("POST", "/api/session"): _SECRET,
    ("DELETE", "/api/session"): (
        "退出后会话即不存在，重发无妨",
        "the session it ends is the one the key would belong to; it may be sent again as it is",
    ),
    ("POST", "/api/session/demo"): _SECRET,
    ("POST", "/api/session/password"): _SECRET,
    ("POST", "/api/session/second-factor"): _SECRET,
    ("PUT", "/api/session/second-factor"): _SECRET,
    ("DELETE", "/api/session/second-factor"): _SECRET,
    ("POST", "/api/session/acting"): _SECRET,
    ("POST", "/api/session/keys"): _SECRET,
    ("POST", "/api/accounts"): _SECRET,
    ("POST", "/api/accounts/{name}/password"): _SECRET,
    ("POST", "/api/imports/uploads"): (
        "文件边收边存，不入库；重复上传只是多一份暂存文件",
        "the file is stored as it streams in, beside the store; a second one is a second waiting file and no more",
    ),
    ("POST", "/api/cases/{case_id}/attachments"): (
        "文件边收边存，按内容只存一份；重发只多一条附件记录",
        "the file is stored as it streams in, once for one content; sent again it is one more entry and no more",
    ),
    ("DELETE", "/api/imports/uploads/{upload_id}"): (
        "只删除暂存文件，重发无妨",
        "it removes a waiting file beside the store, and may be sent again as it is",
    ),
    ("POST", "/api/imports/uploads/{upload_id}/columns"): _NO_CHANGE,
}
"""Writing routes that refuse the header, by method and path, and why."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A key that came with a request.

    Parameters
    ----------
    actor : str
        Who sent it; the same key of somebody else is another one.
    key : str
        The key.
    fingerprint : str
        SHA-256 of method, path, query and body.
    kept : timedelta
        How long answers are kept.
    """

    actor: str
    key: str
    fingerprint: str
    kept: timedelta

    def find(self, session: Session) -> Response | None:
        """Return the answer that was given before.

        Parameters
        ----------
        session : Session
            Any session.

        Returns
        -------
        Response or None
            None where the key is new.

        Raises
        ------
        KeyReusedError
            The key came with another request before.
        """
        found = idempotency.find(session, actor=self.actor, key=self.key, kept=self.kept)
        if found is None:
            return None
        if found.fingerprint != self.fingerprint:
            raise KeyReusedError(
                f"{KEY_HEADER}“{self.key}”已用于另一个请求（地址、参数或内容不同）；"
                "同一个键只用于重发同一个请求，新的请求请用新的键",
                f"the {KEY_HEADER} '{self.key}' belongs to another request, whose address, parameters or content "
                "differ; a key is for sending the same request again, another request takes another key",
                key=self.key,
            )
        return Response(found.body, found.status, headers={**found.headers, REPLAYED_HEADER: "true"})

    def keep(self, session: Session, answer: Response) -> None:
        """Keep an answer in the transaction of its command.

        Parameters
        ----------
        session : Session
            The command's writing session.
        answer : Response
            What is going to be answered.

        Raises
        ------
        RuntimeError
            It sets a cookie: a mistake of the route, which belongs into `EXEMPT`.
        """
        if "set-cookie" in answer.headers:
            raise RuntimeError("an answer that sets a cookie is not to be kept")
        headers = {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers}
        kept = KeptAnswer(self.fingerprint, answer.status_code, headers, bytes(answer.body))
        idempotency.keep(session, kept, actor=self.actor, key=self.key, kept=self.kept)


def takes_key(method: str, path: str) -> bool:
    """Tell whether a route takes the header.

    Parameters
    ----------
    method : str
        HTTP method.
    path : str
        The route's path, with its parameters' names.

    Returns
    -------
    bool
        True for every writing route of ``/api`` that is not in `EXEMPT`.
    """
    return method not in SAFE_METHODS and path.startswith("/api/") and (method, path) not in EXEMPT


async def read_ticket(request: Request, principal: Principal, kept: timedelta) -> Ticket | None:
    """Read the key of a request.

    Parameters
    ----------
    request : Request
        The request; its body is read where it has a key.
    principal : Principal
        Who sends it.
    kept : timedelta
        How long answers are kept.

    Returns
    -------
    Ticket or None
        None where there is no key, and for routes that only read.

    Raises
    ------
    InputError
        The key is none, or the route does not take one.
    """
    sent = request.headers.getlist(KEY_HEADER)
    route = request.scope.get("route")
    if not sent or request.method in SAFE_METHODS or not isinstance(route, APIRoute):
        return None
    if not takes_key(request.method, route.path):
        zh, en = EXEMPT.get((request.method, route.path), _NO_CHANGE)
        raise InputError(
            f"该请求不接受 {KEY_HEADER}：{zh}；请去掉该请求头",
            f"this request takes no {KEY_HEADER}: {en}; leave the header out",
            field=KEY_HEADER,
        )
    if len(sent) != 1 or not _KEY.fullmatch(sent[0]):
        raise InputError(
            f"{KEY_HEADER} 应为一个 1 到 128 位的可见 ASCII 字符串（不含空格），例如 UUID",
            f"{KEY_HEADER} must be one text of 1 to 128 visible ASCII characters without spaces, such as a UUID",
            field=KEY_HEADER,
        )
    told = hashlib.sha256()
    for part in (request.method, request.url.path, request.url.query):
        told.update(part.encode() + b"\n")
    told.update(await request.body())
    actor = principal.name if principal.on_behalf_of is None else f"{principal.name}@{principal.on_behalf_of}"
    return Ticket(actor, sent[0], told.hexdigest(), kept)


class AnsweredBeforeError(Exception):
    """Ends a request that was answered before; no failure, but the shortest way out of whatever would follow.

    Parameters
    ----------
    answer : Response
        The answer, marked as a repetition.
    """

    def __init__(self, answer: Response) -> None:
        super().__init__("answered before")
        self.answer = answer


def answer_again(app: FastAPI) -> None:
    """Make an application answer what it has answered before.

    Parameters
    ----------
    app : FastAPI
        The application.
    """
    app.add_exception_handler(AnsweredBeforeError, _answer_again)


def _answer_again(request: Request, error: Exception) -> Response:
    """Take the answer out of what carries it."""
    assert isinstance(error, AnsweredBeforeError)
    return error.answer
