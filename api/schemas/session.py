"""What is sent to log in, and to look after one's own account."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.schemas.common import Strict

KEY_SCOPES = ("layers.read", "facilities.read", "services.read", "runs.read", "reports.workbook")
"""Policies that a key may open, all of them for reading."""


class LoginAsk(Strict):
    """Who logs in."""

    login: str = Field(min_length=1, max_length=64, description="账号 · login")
    password: str = Field(min_length=1, max_length=512, description="口令 · password")
    code: str | None = Field(None, max_length=16, description="动态验证码 · code of the second factor")


class PasswordChange(Strict):
    """One's own next password."""

    old: str = Field(min_length=1, max_length=512, description="当前口令 · the present password")
    new: str = Field(min_length=1, max_length=512, description="新口令 · the next one")


class PasswordProof(Strict):
    """One's own password, where something is asked that a stolen session must not do."""

    password: str = Field(min_length=1, max_length=512, description="当前口令 · the present password")


class FactorConfirm(Strict):
    """The first code of a second factor."""

    secret: str = Field(min_length=16, max_length=64, description="设置时得到的密钥 · the secret that was handed out")
    code: str = Field(min_length=6, max_length=16, description="动态验证码 · its present code")
    password: str = Field(min_length=1, max_length=512, description="当前口令 · the present password")


class ActingAsk(Strict):
    """For whom to stand in."""

    login: str | None = Field(
        None, max_length=64, description="被代理人的账号；空表示恢复本人 · login, or null for oneself"
    )


class KeyAsk(Strict):
    """A key for a program."""

    title: str = Field(min_length=1, max_length=80, description="用途 · what it is for")
    scopes: list[Literal["layers.read", "facilities.read", "services.read", "runs.read", "reports.workbook"]] = Field(
        default=["layers.read"], min_length=1, description="可读内容 · what it opens"
    )
    days: int = Field(90, ge=1, le=366, description="有效天数 · days it is good for")
    password: str = Field(min_length=1, max_length=512, description="当前口令 · the present password")
