"""What G2 is held against: kept bytes behind an ordinary FastAPI route with its session as a dependency."""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, Request, Response

KEY = b"bench"
BODY = os.urandom(int(os.environ["BENCH_BYTES"]))
app = FastAPI()


def session(request: Request) -> str:
    """Who asks, by a signed cookie."""
    role, _, signature = request.cookies.get("session", "").partition(".")
    is_known = hmac.compare_digest(signature, hmac.new(KEY, role.encode(), hashlib.sha256).hexdigest())
    return role if is_known else "nobody"


@app.get("/tiles/{zoom}/{row}/{column}")
async def tile(zoom: int, row: int, column: int, who: Annotated[str, Depends(session)]) -> Response:
    """The same bytes for every address."""
    headers = {"ETag": f'"{zoom}-{row}-{column}-{who}"', "Cache-Control": "private, no-cache"}
    return Response(BODY, media_type="application/vnd.mapbox-vector-tile", headers=headers)


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["BENCH_PORT"]), log_config=None, access_log=False)
