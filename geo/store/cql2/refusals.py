"""Collecting everything that is wrong with a filter, so that it is said at once."""

from __future__ import annotations

from typing import NoReturn

from geo.errors import InputError, Problem

_SHOWN = 60
"""Longest part of a filter that a message repeats."""


def shorten(value: object) -> str:
    """Write part of a filter for a message.

    Parameters
    ----------
    value : object
        A literal, a name, or a piece of text.

    Returns
    -------
    str
        At most 60 characters, without line breaks.
    """
    words = "true" if value is True else "false" if value is False else str(value)
    if isinstance(value, float) and value.is_integer():
        words = words.removesuffix(".0")
    words = " ".join(words.split())
    return words if len(words) <= _SHOWN else words[:_SHOWN] + "…"


class Refusals:
    """What is wrong with one filter, in the order it was found."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, code: str, zh: str, en: str, *, field: str | None = None, value: object = None) -> None:
        """Note one problem.

        Parameters
        ----------
        code : str
            Stable code, beginning with ``filter_``.
        zh, en : str
            What is wrong and what is allowed.
        field : str, optional
            Property or operator concerned.
        value : object, optional
            The offending value.
        """
        shown = None if value is None else shorten(value)
        named = None if field is None else shorten(field)
        self.problems.append(Problem(code, "refused", "filter", None, named, shown, zh, en))

    def finish(self) -> None:
        """Raise if anything was noted.

        Raises
        ------
        InputError
            With every problem.
        """
        if self.problems:
            first, count = self.problems[0], len(self.problems)
            zh, en = ("", "") if count == 1 else (f"共 {count} 处，第一处：", f"{count} problems, the first: ")
            raise InputError(
                f"过滤条件有误：{zh}{first.message_zh}",
                f"the filter is refused: {en}{first.message_en}",
                self.problems,
                parameters=["filter"],
            )

    def stop(self, code: str, zh: str, en: str, *, field: str | None = None, value: object = None) -> NoReturn:
        """Note a problem after which nothing more can be read, and raise.

        Parameters
        ----------
        code : str
            Stable code, beginning with ``filter_``.
        zh, en : str
            What is wrong and what is allowed.
        field : str, optional
            Property or operator concerned.
        value : object, optional
            The offending value.

        Raises
        ------
        InputError
            Always.
        """
        self.add(code, zh, en, field=field, value=value)
        self.finish()
        raise AssertionError("a problem was noted")
