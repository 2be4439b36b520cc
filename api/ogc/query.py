"""Strict reading of query parameters: what is unknown, repeated or out of range is refused, all at once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from starlette.requests import Request

from geo.errors import InputError, Lang, Problem

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
LONGEST: Final = 8_000
"""Characters a parameter may have."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A time or a stretch of time, both ends included.

    Parameters
    ----------
    start, end : datetime.date or None
        None where the stretch is open.
    """

    start: date | None
    end: date | None


class QueryReader:
    """The query of one request; each parameter is taken once and `finish` reports what nobody took.

    Parameters
    ----------
    request : Request
        The request.
    """

    def __init__(self, request: Request) -> None:
        self._problems: list[Problem] = []
        self._values: dict[str, str] = {}
        self._taken: set[str] = set()
        self._known: set[str] = set()
        for name, value in request.query_params.multi_items():
            if name in self._values:
                self.problem("repeated", name, value, "每个参数只能出现一次", "a parameter may be given once")
            elif len(value) > LONGEST:
                self.problem("too_long", name, None, f"不得超过 {LONGEST} 个字符", f"at most {LONGEST} characters")
            self._values.setdefault(name, value)

    def problem(self, code: str, name: str, value: str | None, message_zh: str, message_en: str) -> None:
        """Note what is wrong with a parameter.

        Parameters
        ----------
        code : str
            Stable code.
        name : str
            Parameter.
        value : str or None
            The offending value.
        message_zh, message_en : str
            What is allowed.
        """
        self._problems.append(Problem(code, "refused", "query", None, name, value, message_zh, message_en))

    def text(self, name: str) -> str | None:
        """Take a parameter as it is.

        Parameters
        ----------
        name : str
            Parameter.

        Returns
        -------
        str or None
            None when it was not given.
        """
        self._taken.add(name)
        return self._values.get(name)

    def others(self, allowed: Iterable[str]) -> dict[str, str]:
        """Take every parameter of a set of names that was given.

        Parameters
        ----------
        allowed : iterable of str
            Names.

        Returns
        -------
        dict of str to str
            Values by name.
        """
        self._known.update(allowed := list(allowed))
        found = {name: self._values[name] for name in allowed if name in self._values and name not in self._taken}
        self._taken |= set(found)
        return found

    def one_of(self, name: str, allowed: Iterable[str]) -> str | None:
        """Take a parameter that is one of a few words.

        Parameters
        ----------
        name : str
            Parameter.
        allowed : iterable of str
            The words.

        Returns
        -------
        str or None
            None when it was not given or is not among them.
        """
        value, words = self.text(name), list(allowed)
        if value is None or value in words:
            return value
        self.problem("not_allowed", name, value, f"可用值：{'、'.join(words)}", f"allowed: {', '.join(words)}")
        return None

    def whole_number(self, name: str, default: int, low: int, high: int, *, clamp: bool = False) -> int:
        """Take a whole number.

        Parameters
        ----------
        name : str
            Parameter.
        default : int
            Where it was not given or does not fit.
        low, high : int
            Least and greatest value.
        clamp : bool
            Bring what is greater down to `high`, as OGC asks of ``limit``, instead of refusing it.

        Returns
        -------
        int
            The number.
        """
        value = self.text(name)
        if value is None:
            return default
        if re.fullmatch(r"\d{1,18}", value) and int(value) >= low and (clamp or int(value) <= high):
            return min(int(value), high)
        self.problem("not_allowed", name, value, f"应为 {low} 到 {high} 的整数", f"a whole number from {low} to {high}")
        return default

    def numbers(self, name: str, counts: tuple[int, ...]) -> tuple[float, ...] | None:
        """Take a list of numbers.

        Parameters
        ----------
        name : str
            Parameter.
        counts : tuple of int
            How many there may be.

        Returns
        -------
        tuple of float or None
            None when it was not given or does not fit.
        """
        value = self.text(name)
        if value is None:
            return None
        parts = [part.strip() for part in value.split(",")]
        if len(parts) in counts and all(_NUMBER.fullmatch(part) for part in parts):
            found = tuple(float(part) for part in parts)
            if all(abs(number) < 1e12 for number in found):
                return found
        shown = " / ".join(str(count) for count in counts)
        self.problem("not_allowed", name, value, f"应为 {shown} 个以逗号分隔的数", f"{shown} numbers and commas")
        return None

    def interval(self, name: str) -> Interval | None:
        """Take a time: an instant, or a stretch written with a slash.

        Parameters
        ----------
        name : str
            Parameter.

        Returns
        -------
        Interval or None
            None when it was not given or does not fit.
        """
        value = self.text(name)
        if value is None:
            return None
        parts = value.split("/")
        ends = [None if part in ("", "..") else _day(part) for part in parts]
        is_open = [part in ("", "..") for part in parts]
        is_good = all(end is not None or free for end, free in zip(ends, is_open, strict=True))
        if is_good and len(parts) == 1 and not is_open[0]:
            return Interval(ends[0], ends[0])
        if is_good and len(parts) == 2:
            start, end = ends
            if start is None or end is None or start <= end:
                return Interval(start, end)
        self.problem(
            "not_allowed",
            name,
            value,
            "应为 RFC 3339 日期或时刻，或“起/止”（.. 表示不限）",
            "an RFC 3339 date or time, or start/end, .. being open",
        )
        return None

    def finish(self) -> None:
        """Refuse the query if anything is wrong with it.

        Raises
        ------
        InputError
            With every problem, unknown parameters included.
        """
        for name, value in self._values.items():
            if name not in self._taken:
                known = sorted(self._taken | self._known)
                zh, en = f"未知的参数；可用：{'、'.join(known)}", f"unknown; allowed: {', '.join(known)}"
                self.problem("unknown", name, value, zh, en)
        if self._problems:
            names = sorted({problem.field or "" for problem in self._problems})
            raise InputError(
                "查询参数有误：" + "；".join(_line(problem, "zh") for problem in self._problems),
                "the query is refused: " + "; ".join(_line(problem, "en") for problem in self._problems),
                self._problems,
                parameters=names,
            )


def _line(problem: Problem, lang: Lang) -> str:
    """Name the parameter, what was given, and what is allowed."""
    zh = lang == "zh"
    name = f"参数“{problem.field}”" if zh else f"parameter '{problem.field}'"
    given = "" if problem.value is None else f" 值“{problem.value}”" if zh else f" value '{problem.value}'"
    return f"{name}{given}{'：' if zh else ': '}{problem.message(lang)}"


def _day(text: str) -> date | None:
    """Read a date or the day of a time."""
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return date.fromisoformat(text)
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", text):
            return datetime.fromisoformat(text.upper()).date()
    except ValueError:
        return None
    return None
