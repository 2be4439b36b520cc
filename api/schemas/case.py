"""What is asked and sent about cases and notices."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from api.schemas.common import Strict

Name = Annotated[str, Field(max_length=60, pattern=r"^[a-z][a-z0-9_]*$")]
"""An identifier of a workflow's table."""
Identifier = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[a-z]{2}-[0-9a-f]+$")]


class CaseAsk(Strict):
    """Which cases are listed."""

    waiting: bool = Field(True, description="只列我现在可办理的；false 为我可见的全部 · only what one can act on now")
    mine: bool = Field(False, description="只列指派给我的 · only those assigned to me")
    workflow: Name | None = Field(None, description="流程 · workflow")
    state: Name | None = Field(None, description="环节 · state")
    limit: int = Field(100, ge=1, le=500, description="一页条数 · cases a page")
    token: str | None = Field(None, max_length=400, description="翻页标记 · page token of the next link")


class StepNew(Strict):
    """A step to take."""

    action: Name = Field(description="操作 · what is done")
    reason: str = Field("", max_length=4000, description="理由 · why")
    documents: dict[Name, Identifier] = Field(
        default_factory=dict, max_length=50, description="材料：种类 → 附件编号 · attachment by kind of document"
    )


class AssigneeNew(Strict):
    """Who is to take the next step."""

    assignee: str | None = Field(
        min_length=1, max_length=100, description="账号，空为不指派 · login, null for whoever may"
    )


class CommentNew(Strict):
    """Something to say."""

    words: str = Field(min_length=1, max_length=4000, description="意见 · what")


class AttachmentAsk(Strict):
    """What a file that is sent is called, and what it is."""

    name: str = Field(min_length=1, max_length=300, description="文件名 · file name")
    document: Name | None = Field(None, description="材料种类 · kind of document, as the workflow names it")


class NoticeAsk(Strict):
    """Which notices are listed."""

    unread: bool = Field(False, description="只列未读 · only those not read")
    limit: int = Field(50, ge=1, le=500, description="一页条数 · notices a page")
    token: str | None = Field(None, max_length=400, description="翻页标记 · page token of the next link")


class NoticesRead(Strict):
    """Which notices somebody has read."""

    ids: list[Identifier] | None = Field(None, max_length=500, description="通知编号，空为全部 · ids, null for all")
