"""What is sent to administer accounts."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from api.schemas.common import Strict

_NAME = r"^\S(.{0,62}\S)?$"


class AccountNew(Strict):
    """An account to add; roles are given by a security administrator."""

    login: str = Field(
        pattern=r"^[a-z0-9][a-z0-9._-]{1,31}$",
        description="账号：2 到 32 个小写字母、数字、点、横线或下划线 · login",
    )
    name: str = Field(pattern=_NAME, description="姓名 · the person")


class AccountChange(Strict):
    """What a system administrator changes."""

    name: str | None = Field(None, pattern=_NAME, description="姓名 · the person")
    is_active: bool | None = Field(None, description="是否启用 · whether the account is open")


class AccountGrant(Strict):
    """What a security administrator gives."""

    roles: list[str] = Field(description="角色 · roles")
    district: str | None = Field(None, description="辖区的区划代码，空为全域 · division code, null for everywhere")


class StandInNew(Strict):
    """Somebody who stands in for somebody else."""

    from_login: str = Field(description="被代理人 · who is away")
    to_login: str = Field(description="代理人 · who stands in")
    roles: list[str] = Field(description="代理的角色 · for which roles")
    valid_from: date = Field(description="第一天 · first day")
    valid_to: date = Field(description="最后一天的次日 · the day after the last")
    reason: str = Field(max_length=200, description="原因 · why")
