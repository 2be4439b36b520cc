"""Write who may do what: policies by role, layers by role, keys by scope, and the routes under each policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal

from api.app import create_app
from api.auth.policy import OPENED_BESIDE, POLICIES, Policy
from api.auth.principal import SIGNED_IN
from api.guard import all_routes, policies_of
from api.schemas.session import KEY_SCOPES
from api.settings import settings_for
from geo.catalog.map_layer import PUBLIC, ROLES, map_layers
from geo.catalog.role import ROLE_TITLES

Language = Literal["zh", "en"]
PAGES: Final[dict[Language, str]] = {"en": "authorization.md", "zh": "authorization.zh-CN.md"}
"""File of each language."""

_YES: Final = "●"
_HEADS: Final = {
    "en": """# Who may do what

[中文](authorization.zh-CN.md) · back to the [README](../README.md)

Written by `python scripts/write_reference.py` from the policies and routes of the program; a test fails when it is out
of date. Every route is under one policy, or the server does not start. What each route answers to each role, in one's
own district and in another one, stands cell by cell in `tests/cases/authorization.toml`, and
`tests/api/test_matrix.py` asks for every cell.
""",
    "zh": """# 谁可以做什么

[English](authorization.md) · 返回[说明](../README.zh-CN.md)

本页由 `python scripts/write_reference.py` 从程序的权限策略和地址生成；过期时测试失败。
每个地址都归于一条策略，否则服务不启动。每个地址对每种角色、在本辖区和其他辖区的答复，逐格写在
`tests/cases/authorization.toml`，由 `tests/api/test_matrix.py` 逐格请求验证。
""",
}
_WORDS: Final[dict[str, tuple[str, str]]] = {
    "policies": ("策略与角色", "Policies and roles"),
    "policy": ("策略", "Policy"),
    "layers": ("图层与角色", "Layers and roles"),
    "layer": ("图层", "Layer"),
    "keys": ("密钥", "Keys"),
    "scope": ("密钥范围", "Scope of the key"),
    "routes": ("各策略的地址", "Routes under each policy"),
    "districts": ("辖区", "Districts"),
    "everybody": ("公众（任何人）", "the public, which is everybody"),
    "signed_in": ("已登录的任何人，不论角色；密钥除外", "every person in a session, whatever their roles; no key"),
    "inside": ("由其他地址在查询中判断", "judged inside of other routes, in the query"),
    "open_to": ("可用：", "Open to: "),
}
_NOTES: Final[dict[str, tuple[str, str]]] = {
    "policies": (
        f"{_YES} 表示允许；对公众开放的，人人可用。“已登录”指任何人的会话，与角色无关。",
        f"{_YES} is allowed; what the public may, everybody may. “Logged in” is any person's session, whatever their "
        "roles.",
    ),
    "layers": (
        "读取图层的策略对所有人开放，能读哪些图层由此表决定；无权读取的图层如同不存在（404）。",
        "Reading layers is open to everybody; which ones, this table says. A layer one may not read is as if it were "
        "not there (404).",
    ),
    "keys": (
        "密钥只能读取，且不超出其持有人的权限；未列入范围的地址，密钥只看到公众所见，或被拒绝。",
        "A key reads only, and no more than its holder may. Where its scope does not reach, it is answered as the "
        "public is, or refused.",
    ),
    "districts": (
        "限定辖区的人，内部图层、停用的设施、盲区和村级结果都只到辖区为止；"
        "情景方案的修改和设施的编辑须在辖区内；导入须由不限辖区的人进行。"
        "系统、安全、审计管理员不限定辖区。",
        "For whoever is limited to a district, internal layers, closed facilities, gaps and results of villages end "
        "there; facilities and the edits of scenarios lie inside it; imports are for those without a district. System, "
        "security and audit administrators have none.",
    ),
}


def authorization_page(language: Language) -> str:
    """Return the whole page.

    Parameters
    ----------
    language : {"zh", "en"}
        Its language.

    Returns
    -------
    str
        Markdown.
    """
    parts = [_HEADS[language]]
    for name, rows in (
        ("policies", _policies(language)),
        ("districts", iter(())),
        ("layers", _layers(language)),
        ("keys", _keys(language)),
        ("routes", _routes(language)),
    ):
        parts.append(f"## {_word(name, language)}\n")
        if name in _NOTES:
            parts.append(_NOTES[name][language == "en"] + "\n")
        found = list(rows)
        parts += [*found, ""] if found else []
    return "\n".join(parts).rstrip() + "\n"


def routes_by_policy() -> dict[str, list[str]]:
    """Return the routes under each policy.

    Returns
    -------
    dict of str to list of str
        Paths with their methods, in the order of the application; HEAD answers as GET does.
    """
    with TemporaryDirectory() as folder:
        app = create_app(settings_for(str(Path(folder) / "none.gpkg"), Path(folder)))
    found: dict[str, list[str]] = {name: [] for name in POLICIES}
    for route in all_routes(app.routes):
        methods: Iterable[str] = sorted(set(getattr(route, "methods", ())) - {"HEAD"})
        (policy,) = policies_of(route)
        found[policy] += [f"{method} {getattr(route, 'path', '')}" for method in methods]
    return found


def _word(name: str, language: Language) -> str:
    """Return a word of the page."""
    return _WORDS[name][language == "en"]


def _title(role: str, language: Language) -> str:
    """Return what a role is called."""
    titles = ("已登录", "Logged in") if role == SIGNED_IN else ROLE_TITLES[role]
    return titles[language == "en"]


def _grid(corner: str, columns: Iterable[str], rows: Iterable[tuple[str, Iterable[bool]]]) -> Iterator[str]:
    """Yield a table of dots."""
    heads = list(columns)
    yield f"| {corner} | " + " | ".join(heads) + " |"
    yield "|---|" + ":-:|" * len(heads)
    for name, cells in rows:
        yield f"| {name} | " + " | ".join(_YES if cell else "" for cell in cells) + " |"


def _policy_title(policy: Policy, language: Language) -> str:
    """Return what a policy allows."""
    return policy.title_zh if language == "zh" else policy.title_en


def _policies(language: Language) -> Iterator[str]:
    """Yield policies by role."""
    roles = (PUBLIC, SIGNED_IN, *(role for role in ROLES if role != PUBLIC))
    rows = (
        (
            f"{_policy_title(policy, language)} `{policy.name}`",
            [
                PUBLIC in policy.roles or role in policy.roles or (SIGNED_IN in policy.roles and role != PUBLIC)
                for role in roles
            ],
        )
        for policy in POLICIES.values()
    )
    yield from _grid(_word("policy", language), (_title(role, language) for role in roles), rows)


def _layers(language: Language) -> Iterator[str]:
    """Yield layers by role."""
    rows = (
        (
            f"{layer.title_zh if language == 'zh' else layer.title_en} `{layer.name}`",
            [PUBLIC in layer.read or role in layer.read for role in ROLES],
        )
        for layer in map_layers().values()
    )
    yield from _grid(_word("layer", language), (_title(role, language) for role in ROLES), rows)


def _keys(language: Language) -> Iterator[str]:
    """Yield what each scope of a key opens beyond what is public."""
    yield f"| {_word('scope', language)} | {_word('policy', language)} |"
    yield "|---|---|"
    for scope in KEY_SCOPES:
        beside = (name for name, with_scope in OPENED_BESIDE.items() if with_scope == scope)
        opened = (f"{_policy_title(POLICIES[name], language)} `{name}`" for name in (scope, *beside))
        yield f"| `{scope}` | " + ("、" if language == "zh" else ", ").join(opened) + " |"


def _routes(language: Language) -> Iterator[str]:
    """Yield every policy with its routes and roles."""
    separator = "、" if language == "zh" else ", "
    for name, routes in routes_by_policy().items():
        policy = POLICIES[name]
        if PUBLIC in policy.roles:
            who = _word("everybody", language)
        elif SIGNED_IN in policy.roles:
            who = _word("signed_in", language)
        else:
            who = separator.join(_title(role, language) for role in ROLES if role in policy.roles)
        yield f"### `{name}` {_policy_title(policy, language)}\n"
        yield f"{_word('open_to', language)}{who}\n"
        yield from (f"- `{route}`" for route in routes) if routes else (_word("inside", language),)
        yield ""
