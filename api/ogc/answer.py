"""What every OGC answer shares: links, formats, languages of titles, and entity tags."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote, urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response

from api.auth.principal import Principal
from api.ogc.query import QueryReader
from api.work import present_state
from geo.errors import NotFoundError
from geo.store import Session, state
from geo.store.pages import today

Format = Literal["json", "html"]
JSON: Final = "application/json"
GEOJSON: Final = "application/geo+json"
HTML: Final = "text/html"
SCHEMA_JSON: Final = "application/schema+json"
OPENAPI_JSON: Final = "application/vnd.oai.openapi+json;version=3.0"
_KINDS: Final = {HTML: "html", "application/xhtml+xml": "html", JSON: "json", GEOJSON: "json", "*/*": "json"}
PRIVATE: Final = {"Cache-Control": "private, no-cache", "Vary": "Accept, Accept-Encoding, Accept-Language, Cookie"}
"""What an answer says of itself: kept only by who asked, and asked again every time."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link.

    Parameters
    ----------
    href : str
        Address.
    rel : str
        Relation.
    type : str
        Media type.
    title : str
        For people.
    """

    href: str
    rel: str
    type: str
    title: str

    def to_json(self) -> dict[str, str]:
        """Return plain JSON values.

        Returns
        -------
        dict
            Href, rel, type and title.
        """
        return {"href": self.href, "rel": self.rel, "type": self.type, "title": self.title}


def root_of(request: Request) -> str:
    """Return the address of the landing page.

    Parameters
    ----------
    request : Request
        The request.

    Returns
    -------
    str
        Without a slash at the end.
    """
    return f"{str(request.base_url).rstrip('/')}/ogc"


def address(base: str, parameters: Mapping[str, str | None]) -> str:
    """Write an address with parameters.

    Parameters
    ----------
    base : str
        Address without a query.
    parameters : Mapping
        Values by name; None leaves one out.

    Returns
    -------
    str
        The address.
    """
    given = {name: value for name, value in parameters.items() if value is not None}
    return f"{base}?{urlencode(given, quote_via=quote)}" if given else base


def format_of(request: Request, query: QueryReader) -> Format:
    """Return the form a client wants: ``f`` decides, otherwise ``Accept``, otherwise JSON.

    Parameters
    ----------
    request : Request
        The request.
    query : QueryReader
        Its query; ``f`` is taken.

    Returns
    -------
    {"json", "html"}
        The form.
    """
    asked = query.one_of("f", ["json", "html"])
    if asked is not None:
        return "html" if asked == "html" else "json"
    best, quality = "json", 0.0
    for entry in request.headers.get("accept", "").split(","):
        media, *parameters = (part.strip() for part in entry.split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    weight = float(parameter[2:])
                except ValueError:
                    weight = 0.0
        kind = _KINDS.get(media)
        if kind is not None and weight > quality:
            best, quality = kind, weight
    return "html" if best == "html" else "json"


def only_format(request: Request) -> Format:
    """Return the form a client wants, of an address that takes no other parameter.

    Parameters
    ----------
    request : Request
        The request.

    Returns
    -------
    {"json", "html"}
        The form.

    Raises
    ------
    InputError
        Another parameter was given, or ``f`` is neither.
    """
    query = QueryReader(request)
    form = format_of(request, query)
    query.finish()
    return form


def only_json(request: Request, *also: str) -> str:
    """Make sure that a client asks for JSON and for nothing else.

    Parameters
    ----------
    request : Request
        The request.
    *also : str
        Further values that ``f`` may have.

    Returns
    -------
    str
        The value of ``f``; ``json`` where it was not given.

    Raises
    ------
    InputError
        Another parameter was given, or ``f`` has another value.
    """
    query = QueryReader(request)
    form = query.one_of("f", ["json", *also])
    query.finish()
    return form or "json"


def json_answer(value: object, *, media: str = JSON, headers: Mapping[str, str] | None = None) -> Response:
    """Write a JSON answer.

    Parameters
    ----------
    value : object
        JSON values.
    media : str
        Media type.
    headers : Mapping, optional
        Further headers.

    Returns
    -------
    Response
        The answer.
    """
    body = orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, media_type=media, headers={**PRIVATE, **(headers or {})})


def tag_of(session: Session, request: Request, principal: Principal, tables: Sequence[str]) -> str:
    """Return a strong entity tag that is known before the answer is made.

    The answer depends on the question, on who asks, on the day, and on the state of the layers it reads, each change of
    which leaves another stamp in the same transaction.

    Parameters
    ----------
    session : Session
        Any session.
    request : Request
        The request.
    principal : Principal
        Who asks.
    tables : sequence of str
        Layers of the store that are read.

    Returns
    -------
    str
        With its quotes.
    """
    return tag_at(request, principal, state.token(session, tables))


def unchanged(request: Request, principal: Principal, tables: Sequence[str]) -> Response | None:
    """Answer a client that has the answer already, without asking the database.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Who asks.
    tables : sequence of str
        Layers of the store that are read.

    Returns
    -------
    Response or None
        304; None where the client has another answer, or the database has to be asked.
    """
    present = present_state(request.scope) if "if-none-match" in request.headers else None
    if present is None:
        return None
    tag = tag_at(request, principal, present.token(tables))
    return not_modified(tag) if is_known(request, tag) else None


def tag_at(request: Request, principal: Principal, token: str) -> str:
    """Return the strong entity tag of an answer in a known state of the layers.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Who asks.
    token : str
        From `geo.store.state.token` or the store's watch.

    Returns
    -------
    str
        With its quotes.
    """
    accept = f"{request.headers.get('accept', '')}|{request.headers.get('accept-language', '')}"
    facts = (str(request.url), accept, principal.visibility, today().isoformat(), token)
    return '"' + hashlib.sha256("\n".join(facts).encode()).hexdigest()[:32] + '"'


def is_known(request: Request, tag: str) -> bool:
    """Tell whether a client has the answer already.

    Parameters
    ----------
    request : Request
        The request.
    tag : str
        The answer's tag.

    Returns
    -------
    bool
        True for 304.
    """
    return is_tag_known(request.headers.get("if-none-match", ""), tag)


def is_tag_known(known: str, tag: str) -> bool:
    """Tell whether a client has the answer with a tag.

    Parameters
    ----------
    known : str
        The request's ``If-None-Match``.
    tag : str
        The answer's tag.

    Returns
    -------
    bool
        True for 304.
    """
    if known == tag:
        return True
    tags = [part.strip().removeprefix("W/") for part in known.split(",")]
    return tag in tags or "*" in tags


def not_modified(tag: str) -> Response:
    """Say that what a client has still holds.

    Parameters
    ----------
    tag : str
        The tag.

    Returns
    -------
    Response
        304 without a body.
    """
    return Response(status_code=304, headers={**PRIVATE, "ETag": tag})


def no_feature(layer: str, feature_id: str) -> NotFoundError:
    """Return the error of a feature that is not there, or not for who asks.

    Parameters
    ----------
    layer : str
        Layer.
    feature_id : str
        What was asked for.

    Returns
    -------
    NotFoundError
        To be raised.
    """
    zh, en = f"图层“{layer}”中没有要素 {feature_id}", f"layer '{layer}' has no feature {feature_id}"
    return NotFoundError(zh, en, layer=layer)
