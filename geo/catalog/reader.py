"""Strict reading of TOML tables: every key is known, every problem is collected before anything is raised."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from itertools import pairwise
from pathlib import Path

from geo.errors import DataSourceError, InputError, Problem

_MISSING = object()


class ProblemLog:
    """Collects the problems of a set of catalogue files."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []

    def add(self, file: str, where: str, value: object, message_zh: str, message_en: str) -> None:
        """Note one problem.

        Parameters
        ----------
        file : str
            File name.
        where : str
            Dotted place inside the file.
        value : object
            The offending value; None if there is none.
        message_zh, message_en : str
            What is allowed.
        """
        text = None if value is None else str(value)
        self._problems.append(Problem("catalog", "refused", file, None, where, text, message_zh, message_en))

    def raise_if_any(self) -> None:
        """Raise every collected problem at once.

        Raises
        ------
        InputError
            If at least one problem was noted.
        """
        if self._problems:
            lines = "; ".join(problem.line("en") for problem in self._problems)
            raise InputError(
                f"目录数据有 {len(self._problems)} 处问题："
                + ";".join(problem.line("zh") for problem in self._problems),
                f"the catalogue has {len(self._problems)} problem(s): {lines}",
                self._problems,
            )


class Table:
    """One TOML table; each key is taken once and `finish` reports the keys nobody took.

    Parameters
    ----------
    values : mapping
        The table.
    file : str
        File name for messages.
    where : str
        Dotted place of the table inside the file, empty for the top.
    log : ProblemLog
        Where problems go.
    """

    def __init__(self, values: Mapping[str, object], file: str, where: str, log: ProblemLog) -> None:
        self._values = dict(values)
        self.file = file
        self.where = where
        self.log = log

    def at(self, key: str) -> str:
        """Return the dotted place of a key.

        Parameters
        ----------
        key : str
            Key of this table.

        Returns
        -------
        str
            The place inside the file.
        """
        return f"{self.where}.{key}" if self.where else key

    def report(self, key: str, value: object, message_zh: str, message_en: str) -> None:
        """Note a problem of one key.

        Parameters
        ----------
        key : str
            Key of this table; empty for the table itself.
        value : object
            The offending value; None if there is none.
        message_zh, message_en : str
            What is allowed.
        """
        self.log.add(self.file, self.at(key) if key else self.where, value, message_zh, message_en)

    def _take(self, key: str, kinds: tuple[type, ...], required: bool, zh: str, en: str) -> object:
        value = self._values.pop(key, _MISSING)
        if value is _MISSING:
            if required:
                self.report(key, None, f"缺少该键，应为{zh}", f"missing key, must be {en}")
            return None
        is_wrong_bool = isinstance(value, bool) and bool not in kinds
        if not isinstance(value, kinds) or is_wrong_bool:
            self.report(key, value, f"应为{zh}", f"must be {en}")
            return None
        return value

    def text(self, key: str) -> str:
        """Take a required, non-empty text.

        Parameters
        ----------
        key : str
            Key.

        Returns
        -------
        str
            The text; empty after a problem.
        """
        value = self._take(key, (str,), True, "文本", "a text")
        if value == "":
            self.report(key, value, "不能为空", "must not be empty")
        return str(value or "")

    def optional_text(self, key: str) -> str | None:
        """Take an optional text.

        Parameters
        ----------
        key : str
            Key.

        Returns
        -------
        str or None
            The text, or None.
        """
        value = self._take(key, (str,), False, "文本", "a text")
        return None if value is None else str(value)

    def number(self, key: str) -> float | None:
        """Take an optional number.

        Parameters
        ----------
        key : str
            Key.

        Returns
        -------
        float or None
            The number, or None.
        """
        value = self._take(key, (int, float), False, "数值", "a number")
        return float(value) if isinstance(value, int | float) else None

    def flag(self, key: str) -> bool:
        """Take an optional truth value.

        Parameters
        ----------
        key : str
            Key.

        Returns
        -------
        bool
            The value; False where there is none.
        """
        return bool(self._take(key, (bool,), False, " true 或 false", "true or false"))

    def day(self, key: str) -> date | None:
        """Take an optional date.

        Parameters
        ----------
        key : str
            Key.

        Returns
        -------
        date or None
            The date, or None.
        """
        value = self._take(key, (date,), False, "日期", "a date")
        return value if isinstance(value, date) else None

    def texts(self, key: str, *, required: bool = False) -> tuple[str, ...]:
        """Take a list of texts without repetitions.

        Parameters
        ----------
        key : str
            Key.
        required : bool
            Whether the list must be there and not empty.

        Returns
        -------
        tuple of str
            The texts; empty after a problem.
        """
        value = self._take(key, (list,), required, "文本列表", "a list of texts")
        items = value if isinstance(value, list) else []
        is_repeated = len(set(map(str, items))) != len(items)
        if is_repeated or any(not isinstance(item, str) or not item for item in items):
            self.report(key, items, "应为不重复的非空文本", "must be non-empty and not repeated")
        if required and value is not None and not items:
            self.report(key, None, "至少一项", "needs at least one item")
        return tuple(str(item) for item in items)

    def numbers(self, key: str) -> tuple[float, ...]:
        """Take a required list of numbers that grow.

        Parameters
        ----------
        key : str
            Key.

        Returns
        -------
        tuple of float
            The numbers; empty after a problem.
        """
        value = self._take(key, (list,), True, "数值列表", "a list of numbers")
        items = value if isinstance(value, list) else []
        numbers = [float(item) for item in items if isinstance(item, int | float) and not isinstance(item, bool)]
        if len(numbers) != len(items) or any(a >= b for a, b in pairwise(numbers)):
            self.report(key, items, "应为由小到大的数值", "must be numbers that grow")
            return ()
        return tuple(numbers)

    def one_of(self, key: str, allowed: Iterable[str]) -> str:
        """Take a required text that is one of a few.

        Parameters
        ----------
        key : str
            Key.
        allowed : iterable of str
            The values allowed.

        Returns
        -------
        str
            The value; the first allowed one after a problem.
        """
        options = list(allowed)
        value = self.text(key)
        if value and value not in options:
            text = ", ".join(options)
            self.report(key, value, f"可用值：{text}", f"must be one of {text}")
        return value if value in options else (options[0] if options else value)

    def table(self, key: str) -> Table | None:
        """Take an optional sub-table.

        Parameters
        ----------
        key : str
            Key.

        Returns
        -------
        Table or None
            The table, or None.
        """
        value = self._take(key, (dict,), False, "表", "a table")
        return Table(value, self.file, self.at(key), self.log) if isinstance(value, dict) else None

    def tables(self, key: str) -> list[Table]:
        """Take an optional list of tables.

        Parameters
        ----------
        key : str
            Key.

        Returns
        -------
        list of Table
            The tables; empty if the key is not there.
        """
        value = self._take(key, (list,), False, "表的列表", "a list of tables")
        found = []
        for index, item in enumerate(value if isinstance(value, list) else []):
            if isinstance(item, dict):
                found.append(Table(item, self.file, f"{self.at(key)}[{index}]", self.log))
            else:
                self.report(key, item, "应为表", "must be a table")
        return found

    def keys(self) -> list[str]:
        """Return the keys not taken yet.

        Returns
        -------
        list of str
            Keys, in file order.
        """
        return list(self._values)

    def subtables(self) -> list[tuple[str, Table]]:
        """Take every remaining key as a sub-table.

        Returns
        -------
        list of (str, Table)
            Key and table, in file order.
        """
        found = []
        for key in self.keys():
            table = self.table(key)
            if table is not None:
                found.append((key, table))
        return found

    def finish(self) -> None:
        """Report the keys nobody took."""
        for key, value in self._values.items():
            self.report(key, value, "未知的键", "unknown key")


def read_toml(path: Path, log: ProblemLog) -> Table:
    """Read one TOML file as a strict table.

    Parameters
    ----------
    path : Path
        The file.
    log : ProblemLog
        Where problems go; a file that is not TOML is a problem.

    Returns
    -------
    Table
        Its top table; empty after a problem.

    Raises
    ------
    DataSourceError
        If the file cannot be read.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataSourceError(f"无法读取 {path}：{error}", f"cannot read {path}: {error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        log.add(path.name, "", str(error), "应为 UTF-8 编码的 TOML", "must be TOML in UTF-8")
        values = {}
    return Table(values, path.name, "", log)
