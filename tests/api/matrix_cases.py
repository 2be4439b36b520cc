"""The requests of the matrix about cases, notices and edits made outside."""

from __future__ import annotations

import secrets
from typing import Final

from geo.services.workflow import Subject, open_case
from tests.api.matrix_requests import Asked, Cell, kept, of
from tests.store.outsider import execute

_PDF: Final = b"%PDF-1.7\n" + b"x" * 500


def _case(cell: Cell) -> tuple[str, dict[str, str]]:
    """Open a case of the west or of the east; return its address and what a step on it is meant for."""
    return kept(cell, "case", ("data_steward",), lambda: _opened(cell))


def _opened(cell: Cell) -> tuple[str, dict[str, str]]:
    """Open a case."""
    with cell.city.store.session() as session:
        # An open case on a record lets no second one in.
        subject = Subject("facilities", secrets.token_hex(8))
        made = open_case(session, workflow="outside_edit", subject=subject, district=cell.side)
    href = f"/api/cases/{made.uid}"
    return href, {"If-Match": f'"{made.uid}.1"'}


@of("GET /api/cases/{case_id}")
def _one_case(cell: Cell) -> Asked:
    return Asked(_case(cell)[0])


@of("POST /api/cases/{case_id}/steps")
def _take_step(cell: Cell) -> Asked:
    path, meant = _case(cell)
    return Asked(f"{path}/steps", json={"action": "accept", "reason": "属实"}, headers=meant)


@of("PUT /api/cases/{case_id}/assignee")
def _assign(cell: Cell) -> Asked:
    path, meant = _case(cell)
    return Asked(f"{path}/assignee", json={"assignee": None}, headers=meant)


@of("POST /api/cases/{case_id}/comments")
def _comment(cell: Cell) -> Asked:
    return Asked(f"{_case(cell)[0]}/comments", json={"words": "已核对"})


@of("POST /api/cases/{case_id}/attachments")
def _attach(cell: Cell) -> Asked:
    return Asked(f"{_case(cell)[0]}/attachments", {"name": "说明.pdf"}, content=_PDF)


@of("GET /api/cases/{case_id}/attachments/{attachment_id}")
def _attachment(cell: Cell) -> Asked:
    steward = cell.city.person("data_steward", None).client
    made = steward.post(f"{_case(cell)[0]}/attachments", params={"name": "说明.pdf"}, content=_PDF)
    assert made.status_code == 201, made.text
    return Asked(made.json()["href"])


@of("POST /api/notifications/read")
def _read_notices(cell: Cell) -> Asked:
    return Asked("/api/notifications/read", json={"ids": None})


def _held(cell: Cell) -> tuple[str, dict[str, str]]:
    """Rename the west or the east past Fangyu; return the address of what is held of it, and its state."""
    return kept(cell, "hold", ("data_steward",), lambda: _renamed(cell))


def _renamed(cell: Cell) -> tuple[str, dict[str, str]]:
    """Rename a township past Fangyu, and let that be found."""
    store = cell.city.store
    name = f"镇{secrets.token_hex(4)}"
    present = f"code = '{cell.side}' AND closed_import_id IS NULL"
    execute(store.url, f"UPDATE admin_divisions SET name = '{name}' WHERE {present}")
    with store.session():
        pass
    listed = cell.city.person("data_steward", None).client.get("/api/outside-edits").json()["outside_edits"]
    (found,) = (one for one in listed if one["changed"].get("name", {}).get("after") == name)
    return found["href"], {"If-Match": found["etag"]}


@of("GET /api/outside-edits/{hold_id}")
def _one_hold(cell: Cell) -> Asked:
    return Asked(_held(cell)[0])


@of("POST /api/outside-edits/{hold_id}/accept")
def _accept_hold(cell: Cell) -> Asked:
    path, meant = _held(cell)
    return Asked(f"{path}/accept", json={"reason": "属实"}, headers=meant)


@of("POST /api/outside-edits/{hold_id}/restore")
def _restore_hold(cell: Cell) -> Asked:
    path, meant = _held(cell)
    return Asked(f"{path}/restore", json={"reason": "有误"}, headers=meant)
