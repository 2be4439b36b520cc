"""The error family of Fangyu.

::

    FangyuError               code "fangyu"
    ├── InputError            "input"        bad or refused data; carries every problem at once
    │   └── DatumError        "datum"        a datum is missing, refused or inconsistent
    ├── NotFoundError         "not_found"    no such record
    ├── ConflictError         "conflict"     the record's state does not allow it
    │   └── StaleError        "stale"        the record was changed since whoever asks looked at it
    ├── InfeasibleError       "infeasible"   no answer exists under these conditions
    ├── DeniedError           "denied"       who asks may not
    │   ├── UnauthenticatedError "unauthenticated"  who asks has not said who they are
    │   └── LockedOutError    "locked_out"   too many attempts have failed
    ├── BusyError             "busy"         too much is going on at once, or it took too long
    └── DataSourceError       "data_source"  a file, store or service cannot be read or written

Every error says in Chinese and in English what the offending value is and what is allowed. A rule hit or a
data-quality observation is not an error: inside a file it is a `Problem`, which a validator collects so that all are
reported at once.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

Lang = Literal["zh", "en"]
Severity = Literal["refused", "repaired", "note"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One observation about one value of one input row.

    Parameters
    ----------
    code : str
        Stable snake_case code, such as ``duplicate_id``.
    severity : {"refused", "repaired", "note"}
        Refused rows are not stored; repaired rows are stored changed; notes are stored as they are.
    file : str
        File name, without its folder.
    row : int or None
        One-based row as a spreadsheet shows it (the header is row 1), or the feature's ordinal; None for the whole
        file.
    field : str or None
        Column as the file spells it, or None.
    value : str or None
        The offending value as text, or None.
    message_zh, message_en : str
        What is wrong and what is allowed.
    """

    code: str
    severity: Severity
    file: str
    row: int | None
    field: str | None
    value: str | None
    message_zh: str
    message_en: str

    def message(self, lang: Lang = "zh") -> str:
        """Return the message in one language.

        Parameters
        ----------
        lang : {"zh", "en"}
            Language.

        Returns
        -------
        str
            The message without the place it belongs to.
        """
        return self.message_zh if lang == "zh" else self.message_en

    def line(self, lang: Lang = "zh") -> str:
        """Return one line that names file, row, field, value and what is allowed.

        Parameters
        ----------
        lang : {"zh", "en"}
            Language.

        Returns
        -------
        str
            The line, without a line break.
        """
        zh = lang == "zh"
        parts = [self.file] if self.file else []
        if self.row is not None:
            parts.append(f"第 {self.row} 行" if zh else f"row {self.row}")
        if self.field is not None:
            parts.append(f"字段“{self.field}”" if zh else f'field "{self.field}"')
        if self.value is not None:
            parts.append(f"值“{self.value}”" if zh else f'value "{self.value}"')
        return " ".join(parts) + ("：" if zh else ": ") + self.message(lang)


_REASONS_ZH: Final = {
    errno.ENOENT: "文件或文件夹不存在",
    errno.EACCES: "没有权限",
    errno.EPERM: "不允许这样操作",
    errno.ENOSPC: "磁盘已满",
    getattr(errno, "EDQUOT", -1): "超出磁盘配额",
    errno.EROFS: "文件系统只读",
    errno.ENOTDIR: "路径中有一段不是文件夹",
    errno.EISDIR: "这是一个文件夹",
    errno.EEXIST: "已经存在",
    errno.ENAMETOOLONG: "名称过长",
    errno.EBUSY: "正被占用",
    errno.EIO: "读写出错，请检查磁盘",
    errno.EMFILE: "打开的文件过多",
    errno.EADDRINUSE: "地址已被占用",
    errno.EADDRNOTAVAIL: "本机没有这个地址",
    errno.ECONNREFUSED: "对方拒绝连接",
    errno.ETIMEDOUT: "连接超时",
    errno.ENETUNREACH: "网络不通",
    errno.EHOSTUNREACH: "主机不可达",
}


def reason_zh(error: OSError) -> str:
    """Return in Chinese why the operating system refused.

    Parameters
    ----------
    error : OSError
        What it raised.

    Returns
    -------
    str
        The reason; in the system's own words where it is an unusual one.
    """
    return _REASONS_ZH.get(error.errno or 0, error.strerror or str(error))


class FangyuError(Exception):
    """Base of every error Fangyu raises on purpose.

    Parameters
    ----------
    message_zh, message_en : str
        What is wrong, with the offending value, and what is allowed.
    **detail : object
        Machine-readable facts about the failure; JSON-serialisable values.
    """

    code: ClassVar[str] = "fangyu"

    def __init__(self, message_zh: str, message_en: str, **detail: object) -> None:
        super().__init__(message_en)
        self.message_zh = message_zh
        self.message_en = message_en
        self.detail: dict[str, object] = detail

    def message(self, lang: Lang = "zh") -> str:
        """Return the message in one language.

        Parameters
        ----------
        lang : {"zh", "en"}
            Language.

        Returns
        -------
        str
            The message.
        """
        return self.message_zh if lang == "zh" else self.message_en


class InputError(FangyuError):
    """Data that was read but is refused.

    Parameters
    ----------
    message_zh, message_en : str
        Summary.
    problems : iterable of Problem
        Every problem found, in file order.
    **detail : object
        Machine-readable facts.
    """

    code: ClassVar[str] = "input"

    def __init__(
        self, message_zh: str, message_en: str, problems: Iterable[Problem] = (), **detail: object
    ) -> None:
        super().__init__(message_zh, message_en, **detail)
        self.problems: Sequence[Problem] = tuple(problems)


class DatumError(InputError):
    """A datum is missing, refused, or differs from what the data show."""

    code: ClassVar[str] = "datum"


class NotFoundError(FangyuError):
    """No record with that identifier."""

    code: ClassVar[str] = "not_found"


class ConflictError(FangyuError):
    """The record's present state does not allow the operation."""

    code: ClassVar[str] = "conflict"


class StaleError(ConflictError):
    """The record was changed since whoever wants to change it looked at it."""

    code: ClassVar[str] = "stale"


class InfeasibleError(FangyuError):
    """The question has no answer under the stated conditions."""

    code: ClassVar[str] = "infeasible"


class DataSourceError(FangyuError):
    """A file, store or service cannot be read or written."""

    code: ClassVar[str] = "data_source"


class DeniedError(FangyuError):
    """The one who asks may not do this."""

    code: ClassVar[str] = "denied"


class UnauthenticatedError(DeniedError):
    """The one who asks has not said who they are."""

    code: ClassVar[str] = "unauthenticated"


class LockedOutError(DeniedError):
    """Too many attempts have failed; others are not looked at for a while.

    Parameters
    ----------
    message_zh, message_en : str
        What is locked, and how to go on.
    retry_s : int
        Seconds to wait.
    """

    code: ClassVar[str] = "locked_out"

    def __init__(self, message_zh: str, message_en: str, *, retry_s: int) -> None:
        super().__init__(message_zh, message_en, retry_s=retry_s)
        self.retry_s = retry_s


class BusyError(FangyuError):
    """Too much is asked at once, or the answer took too long; asking again later may help.

    Parameters
    ----------
    message_zh, message_en : str
        What is too much, and when to ask again.
    retry_s : int
        Seconds to wait before asking again.
    """

    code: ClassVar[str] = "busy"

    def __init__(self, message_zh: str, message_en: str, *, retry_s: int = 2) -> None:
        super().__init__(message_zh, message_en, retry_s=retry_s)
        self.retry_s = retry_s
