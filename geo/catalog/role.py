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
        "cemetery_supervisor": ("殡葬管理员", "Cemetery supervisor"),
        "data_steward": ("数据管理员", "Data steward"),
        "system_administrator": ("系统管理员", "System administrator"),
        "security_administrator": ("安全管理员", "Security administrator"),
        "audit_administrator": ("审计管理员", "Audit administrator"),
    }
)
"""Chinese and English title by role of `geo.catalog.map_layer.ROLES`."""

KEEPERS: Final = ("system_administrator", "security_administrator", "audit_administrator")
"""Who runs the system, who says who may do what, and who looks over both (GB/T 22239-2019: system, security and audit
administrators): no person may be two of them, or work with the records that they keep."""
