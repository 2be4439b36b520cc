"""The description of the interface: a page from our own files, and the document it is made from."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from api.auth.principal import Principal
from api.describe import describe_api, for_people
from api.guard import Guard
from api.ogc.page import html_answer

router = APIRouter()
Anybody = Annotated[Principal, Depends(Guard("public"))]


@router.get("/api/openapi.json", include_in_schema=False)
def document(request: Request, principal: Anybody) -> Response:
    """Describe the interface to programs.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody.

    Returns
    -------
    Response
        An OpenAPI 3.1 document.
    """
    return JSONResponse(_described(request), headers={"Cache-Control": "private, no-cache"})


@router.get("/docs", include_in_schema=False)
def page(request: Request, principal: Anybody) -> Response:
    """Describe the interface to people.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Anybody.

    Returns
    -------
    Response
        A page; its one script is there in demo mode only.
    """
    return html_answer(request, "docs.html", {"groups": for_people(_described(request))})


def _described(request: Request) -> dict[str, object]:
    """Return the description, made once."""
    state = request.app.state
    if not hasattr(state, "described"):
        state.described = describe_api(request.app)
    found: dict[str, object] = state.described
    return found
