"""Internal data that leave over HTTP: on record before the first byte."""

from __future__ import annotations

from collections.abc import Mapping

import anyio
from starlette.requests import Request

from api.auth.principal import Principal
from api.work import address_of, store_of
from geo.services.audit import record_export


async def record_leaving(request: Request, principal: Principal, subject: str, detail: Mapping[str, object]) -> None:
    """Record that somebody takes internal data away.

    Parameters
    ----------
    request : Request
        The request.
    principal : Principal
        Who takes them.
    subject : str
        What, such as ``layers/demand``.
    detail : Mapping
        How, as JSON values.
    """
    await anyio.to_thread.run_sync(
        record_export, store_of(request), principal.name, subject, detail, address_of(request), principal.on_behalf_of
    )
