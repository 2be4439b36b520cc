"""``If-Match``: a change says which state of a record it is meant for, or is not made.

Every route that changes an existing record takes the header, and answers 428 without it and 412 where the record is in
another state by now, with a three-way difference (`geo.store.three_way`). What needs none stands in `UNCONDITIONAL`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import Header

from api.errors import UnconditionalError

IfMatch = Annotated[str | None, Header(description="所见版本的 ETag · ETag of the state the change is meant for")]

_ONE_WAY: Final = "a step that can be taken once: whoever comes second is told that it has been taken"
_OWN_SECRET: Final = "changes a secret or session of one's own, of which there is no state to read"
_NO_RECORD: Final = "changes no record: it makes a new one, or only looks"
UNCONDITIONAL: Final[Mapping[tuple[str, str], str]] = {
    ("POST", "/api/accounts/{name}/password"): "sets a secret nobody reads; the last one holds, whoever set it",
    ("POST", "/api/accounts/{name}/unlock"): "forgets failed attempts, which change with every attempt",
    ("DELETE", "/api/accounts/{name}/sessions"): "ends whatever is open; none is left, whoever came first",
    ("POST", "/api/delegations/{delegation_id}/end"): _ONE_WAY,
    ("DELETE", "/api/session/sessions/{session_id}"): _ONE_WAY,
    ("DELETE", "/api/session/keys/{key_id}"): _ONE_WAY,
    ("DELETE", "/api/session"): _ONE_WAY,
    ("DELETE", "/api/session/second-factor"): _OWN_SECRET,
    ("PUT", "/api/session/second-factor"): _OWN_SECRET,
    ("POST", "/api/jobs/{job_id}/cancel"): _ONE_WAY,
    ("POST", "/api/imports/{import_id}/undo"): _ONE_WAY,
    ("DELETE", "/api/imports/uploads/{upload_id}"): _ONE_WAY,
    ("POST", "/api/imports/uploads/{upload_id}/columns"): _NO_RECORD,
    ("POST", "/api/runs/{run_id}/publish"): "chooses among runs, which do not change; the answer names the one before",
    ("POST", "/api/scenarios/{scenario_id}/branch"): _NO_RECORD,
    ("POST", "/api/cases/{case_id}/comments"): "adds to what was said, and changes nothing of it",
    ("POST", "/api/cases/{case_id}/attachments"): "adds a file, and changes nothing there is",
}
"""Routes with an address of something that need no ``If-Match``, by method and path, and why."""


def needed_tag(if_match: str | None) -> str:
    """Read which state a change is meant for.

    Parameters
    ----------
    if_match : str or None
        The header.

    Returns
    -------
    str
        The tag.

    Raises
    ------
    UnconditionalError
        There is none.
    """
    tag = "" if if_match is None else if_match.strip().removeprefix("W/").strip('"')
    if tag in ("", "*"):
        raise UnconditionalError(
            "修改须带 If-Match 请求头，值为所见版本的 ETag（不能是 *）",
            "a change must carry an If-Match header with the ETag of the state it is meant for (* is none)",
            field="If-Match",
        )
    return tag
