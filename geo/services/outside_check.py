"""What the catalogue says about rows that were edited outside Fangyu."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from geo.catalog.load import facility_types
from geo.catalog.schema import FacilityType
from geo.catalog.validate import validate_attributes
from geo.errors import Problem

if TYPE_CHECKING:
    import geopandas as gpd

JUDGED = ("capacity", "floor_area_m2", "floor_level", "tier", "ownership")
"""Columns of every facility that a type's schema has limits on."""


def check_rows(layer: str, rows: gpd.GeoDataFrame) -> Sequence[Problem]:
    """Hold edited facilities against the schema of their type.

    Parameters
    ----------
    layer : str
        Layer name; only facilities have a schema in the catalogue.
    rows : GeoDataFrame
        The edited rows with ``fid``, ``type`` and ``attributes``.

    Returns
    -------
    sequence of Problem
        Their ``row`` is the row's ``fid``; nothing is blocked by them.
    """
    if layer != "facilities":
        return ()
    problems: list[Problem] = []
    for row in rows.to_dict("records"):
        problems.extend(check_facility_values(row))
    return problems


def check_facility_values(row: Mapping[str, object]) -> Sequence[Problem]:
    """Hold one facility against the schema of its type.

    Parameters
    ----------
    row : Mapping
        Its columns, with ``fid``, ``type`` and ``attributes``.

    Returns
    -------
    sequence of Problem
        Their ``row`` is the row's ``fid``.
    """
    fid = int(str(row["fid"]))
    slug = row.get("type")
    kind = facility_types().get(str(slug))
    if kind is None:
        known = ", ".join(facility_types())
        zh, en = f"设施类型不在目录中；可用：{known}", f"no such facility type; allowed: {known}"
        shown = None if slug is None else str(slug)
        return (Problem("unknown_type", "refused", "facilities", fid, "type", shown, zh, en),)
    return _check_attributes(row, kind, fid)


def _check_attributes(row: Mapping[str, object], kind: FacilityType, fid: int) -> Sequence[Problem]:
    """Check the values a type has a schema for."""
    text = row.get("attributes")
    values: object = {}
    if isinstance(text, str) and text.strip():
        try:
            values = json.loads(text)
        except ValueError:
            values = None
    if not isinstance(values, dict):
        zh, en = "应为 JSON 对象，例如 {\"seats\": 40}", 'must be a JSON object such as {"seats": 40}'
        return (Problem("broken_attributes", "refused", "facilities", fid, "attributes", str(text), zh, en),)
    common = {name: row[name] for name in JUDGED if row.get(name) is not None and row[name] == row[name]}  # no NaN
    return validate_attributes(kind, {**common, **values}, file="facilities", row=fid).problems
