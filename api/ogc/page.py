"""Pages that people see of the OGC service: written on the server, without a script."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from api.auth.policy import POLICIES
from api.auth.principal import ANONYMOUS, Principal
from api.errors import language_of
from api.middleware import POLICY_HEADER
from api.ogc.answer import PRIVATE, root_of


@cache
def _environment() -> Environment:
    """Read the templates once; every value is escaped."""
    return Environment(
        loader=PackageLoader("api.ogc", "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def html_answer(
    request: Request, template: str, values: Mapping[str, object], *, headers: Mapping[str, str] | None = None
) -> Response:
    """Write a page.

    Parameters
    ----------
    request : Request
        The request.
    template : str
        File in ``templates/``.
    values : Mapping
        What it shows.
    headers : Mapping, optional
        Further headers.

    Returns
    -------
    Response
        HTML.
    """
    lang = language_of(request)
    principal: Principal = request.scope.get("state", {}).get("principal", ANONYMOUS)
    frame = {
        "signed_in": principal.identity.name if principal.is_signed_in and principal.identity else None,
        "is_keeper": principal.holds(POLICIES["accounts.read"].roles),
        "here": "/" if request.url.path == "/login" else request.url.path,
        "base": root_of(request),
        "is_synthetic": request.app.state.is_synthetic,
        "has_map": request.app.state.web_map.is_built,
        "is_demo": request.app.state.settings.access.demo,
        "lang": lang,
        "t": lambda zh, en: en if lang == "en" else zh,
    }
    text = _environment().get_template(template).render({**values, **frame})
    return HTMLResponse(text, headers={**PRIVATE, "Content-Security-Policy": POLICY_HEADER, **(headers or {})})
