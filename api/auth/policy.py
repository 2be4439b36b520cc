"""The one table of what may be done over HTTP, and by whom; a route without an entry cannot be registered.

An entry answers for a whole route. What a route shows of a layer is decided by the layer table
(`geo.catalog.map_layer`), inside the query.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from api.auth.principal import SIGNED_IN, Principal
from geo.catalog.map_layer import PUBLIC, MapLayer, map_layers
from geo.catalog.role import ROLE_TITLES
from geo.errors import DeniedError, NotFoundError, UnauthenticatedError
from geo.workflow.person import ACTING_ROLES


class HiddenError(NotFoundError):
    """What is asked for is not to be seen by who asks; to them it looks like any other `NotFoundError`."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may use some routes.

    Parameters
    ----------
    name : str
        Stable identifier.
    roles : frozenset of str
        Roles that may; `PUBLIC` is everybody.
    title_zh, title_en : str
        What it allows.
    """

    name: str
    roles: frozenset[str]
    title_zh: str
    title_en: str


def _policy(name: str, roles: tuple[str, ...], title_zh: str, title_en: str) -> Policy:
    """Make one entry."""
    return Policy(name, frozenset(roles), title_zh, title_en)


_KEEPERS = ("system_administrator", "security_administrator", "audit_administrator")
_STEWARDS = ("data_steward", "system_administrator")
_ANALYSTS = ("planner", "data_steward", "system_administrator")

POLICIES: Final = {
    policy.name: policy
    for policy in (
        _policy("public", (PUBLIC,), "公开页面与说明", "public pages and descriptions"),
        _policy("layers.read", (PUBLIC,), "读取图层（由图层表决定）", "reading layers, as the layer table says"),
        _policy("reports.page", (PUBLIC,), "脱敏报告页", "the report page, which holds no individual"),
        _policy("reports.workbook", _ANALYSTS, "报告工作簿", "the report's workbook"),
        _policy("runs.read", _ANALYSTS, "覆盖分析结果", "results of coverage runs"),
        _policy("facilities.read", (PUBLIC,), "查询设施（公众只见营业中的）", "reading facilities"),
        _policy("facilities.edit", _STEWARDS, "登记和修改设施", "entering and changing facilities"),
        _policy(
            "outside.review", ("data_steward",), "审核系统之外的修改", "reviewing edits of legal records made outside"
        ),
        _policy("imports.do", _STEWARDS, "导入文件", "importing files"),
        _policy("runs.start", ("planner", "system_administrator"), "发起覆盖分析", "asking for a coverage run"),
        _policy("runs.publish", ("planner", "system_administrator"), "发布覆盖分析", "publishing a coverage run"),
        _policy("scenarios.use", ("planner",), "情景方案", "what-if scenarios"),
        _policy("jobs.use", _ANALYSTS, "查看和取消自己的任务", "looking at one's own jobs, and ending them"),
        _policy("runs.compare", ("planner",), "比较不同的覆盖分析", "comparing coverage runs"),
        _policy("services.read", (PUBLIC,), "查询附近服务与等时圈", "nearest services and isochrones"),
        _policy("cases.read", ACTING_ROLES, "查看办件（由流程表和辖区决定）", "looking at cases, as tables say"),
        _policy("cases.act", ACTING_ROLES, "办理办件（由流程表和辖区决定）", "acting on cases, as tables say"),
        _policy("notifications.own", ACTING_ROLES, "本人的通知", "one's own notices"),
        _policy("session.own", (SIGNED_IN,), "本人的账户与会话", "one's own account and sessions"),
        _policy("accounts.read", _KEEPERS, "查看账户", "looking at accounts"),
        _policy("accounts.add", ("system_administrator",), "新增、停用账户，重置口令", "adding and closing accounts"),
        _policy("accounts.grant", ("security_administrator",), "授予角色与辖区，解锁", "giving roles and districts"),
        _policy("audit.read", ("audit_administrator",), "查看、校验、导出审计", "reading and checking the audit"),
        _policy("demo.enter", (PUBLIC,), "演示模式切换角色", "choosing a role in demo mode"),
    )
}
"""Every policy by name."""
OPENED_BESIDE: Final = {"reports.page": "reports.workbook"}
"""Policies that a key opens along with another one: who reads workbooks reads which there are."""


def role_title(role: str) -> tuple[str, str]:
    """Return what a role of a policy is called.

    Parameters
    ----------
    role : str
        A role, or `SIGNED_IN`.

    Returns
    -------
    tuple of str
        In Chinese and in English.
    """
    return ("已登录人员", "Anybody logged in") if role == SIGNED_IN else ROLE_TITLES[role]


def require(policy_name: str, principal: Principal) -> None:
    """Refuse who may not.

    Parameters
    ----------
    policy_name : str
        A name of `POLICIES`.
    principal : Principal
        Who asks.

    Raises
    ------
    UnauthenticatedError
        Nobody has said who they are, and the public may not.
    DeniedError
        Their roles do not allow it.
    """
    policy = POLICIES[policy_name]
    if principal.scopes is not None and PUBLIC not in policy.roles and policy_name not in principal.scopes:
        raise DeniedError(
            f"密钥未开放：{policy.title_zh}；已开放：{'、'.join(sorted(principal.scopes))}",
            f"the key does not open: {policy.title_en}; it opens {', '.join(sorted(principal.scopes))}",
        )
    if principal.holds(policy.roles):
        return
    refuse(principal, policy.title_zh, policy.title_en, policy.roles)


def within_scope(policy_name: str, principal: Principal) -> Principal:
    """Return somebody as a route under a policy sees them: a key that does not open it is worth no more than nobody.

    Parameters
    ----------
    policy_name : str
        A name of `POLICIES`, which they may use.
    principal : Principal
        Who asks.

    Returns
    -------
    Principal
        The same, without roles where they come with a key for something else.
    """
    scopes = principal.scopes
    if scopes is None or policy_name in scopes or OPENED_BESIDE.get(policy_name) in scopes:
        return principal
    return replace(principal, roles=frozenset(), district=None)


def readable_layer(name: str, principal: Principal) -> MapLayer:
    """Find a layer for somebody who may read it.

    Parameters
    ----------
    name : str
        Its name.
    principal : Principal
        Who asks.

    Returns
    -------
    MapLayer
        The layer.

    Raises
    ------
    NotFoundError
        There is none; those one may read are listed.
    HiddenError
        They may not: a layer one may not read is as good as not there.
    """
    layer = map_layers().get(name)
    if layer is None or not principal.holds(layer.read):
        known = [one.name for one in map_layers().values() if principal.holds(one.read)]
        kind = NotFoundError if layer is None else HiddenError
        raise kind(
            f"没有图层“{name}”；可用：{'、'.join(known)}",
            f"there is no layer '{name}'; allowed: {', '.join(known)}",
            layer=name,
        )
    return layer


def district_of(layer: MapLayer, principal: Principal) -> str | None:
    """Return the district whose features of a layer somebody may read.

    Parameters
    ----------
    layer : MapLayer
        The layer.
    principal : Principal
        Who asks.

    Returns
    -------
    str or None
        Division code; None for everywhere, as with every layer that everybody reads whole. Of facilities everybody
        reads the open ones, wherever they are; the others end at the district, too.
    """
    is_whole = PUBLIC in layer.read and not layer.is_facility
    return None if is_whole else principal.district


def tables_behind(layer: MapLayer, principal: Principal) -> tuple[str, ...]:
    """Return the tables whose state decides what somebody reads of a layer.

    Parameters
    ----------
    layer : MapLayer
        The layer.
    principal : Principal
        Who asks.

    Returns
    -------
    tuple of str
        The layer's own, and the divisions where a district limits what is read.
    """
    return (layer.table,) if district_of(layer, principal) is None else (layer.table, "admin_divisions")


def refuse(principal: Principal, what_zh: str, what_en: str, roles: frozenset[str]) -> None:
    """Refuse somebody, saying who could.

    Parameters
    ----------
    principal : Principal
        Who asks.
    what_zh, what_en : str
        What they asked for.
    roles : frozenset of str
        Roles that may.

    Raises
    ------
    UnauthenticatedError
        Nobody has said who they are.
    DeniedError
        Their roles do not allow it.
    """
    allowed = sorted(roles)
    if principal.identity is not None and principal.identity.must_change:
        raise DeniedError("请先修改口令", "change the password first", must_change=True)
    kind = DeniedError if principal.roles or principal.is_signed_in else UnauthenticatedError
    titles = [role_title(role) for role in allowed]
    raise kind(
        f"无权使用：{what_zh}；需要的角色：{'、'.join(title[0] for title in titles)}",
        f"not allowed: {what_en}; roles that may: {', '.join(title[1] for title in titles)}",
        roles=allowed,
    )
