"""What roles are called."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

ROLE_TITLES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "public": ("公众", "Public"),
        "planner": ("规划人员", "Planner"),
        "place_name_clerk": ("地名经办人", "Place-name clerk"),
        "reviewer": ("审核人", "Reviewer"),
        "approver": ("批准人", "Approver"),
        "boundary_inspector": ("界线检查员", "Boundary inspector"),
        "data_steward": ("数据管理员", "Data steward"),
        "administrator": ("系统管理员", "Administrator"),
    }
)
"""Chinese and English title by role of `geo.catalog.map_layer.ROLES`."""
