"""Reading the operands of a filter: properties, literals, and text without regard to case or accents."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import cast

from geo.store.cql2 import limits
from geo.store.cql2.nodes import ANY, ONE, Folded, FoldName, Like, Part, Property, Queryables, Scalar, Value
from geo.store.cql2.refusals import Refusals, shorten
from geo.store.cql2.words import EXAMPLES, FOLDS, en_of, list_names, zh_of

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,3})?(Z|[+-]\d{2}:\d{2})")


class Operands:
    """Reader of operands.

    Parameters
    ----------
    queryables : Mapping of str to Queryable
        The properties a filter may name.
    refusals : Refusals
        Where problems are noted.
    """

    def __init__(self, queryables: Queryables, refusals: Refusals) -> None:
        self._queryables = queryables
        self._refusals = refusals
        self._nodes = 0

    def count(self, depth: int) -> None:
        """Count one node and stop at the first that is too many.

        Parameters
        ----------
        depth : int
            How many conditions and functions it is in.

        Raises
        ------
        InputError
            There are too many, or it is too deep.
        """
        self._nodes += 1
        if self._nodes > limits.MAX_NODES:
            limits.refuse_more(self._refusals, "条件的项数", "parts", self._nodes, limits.MAX_NODES)
            self._refusals.finish()
        if depth > limits.MAX_DEPTH:
            limits.refuse_more(self._refusals, "条件嵌套层数", "conditions inside each other", depth, limits.MAX_DEPTH)
            self._refusals.finish()

    def scalar(self, ast: object, depth: int, operator: str) -> Scalar | None:
        """Read an operand that may be compared.

        Parameters
        ----------
        ast : object
            Part of the JSON tree.
        depth : int
            How many conditions and functions it is in.
        operator : str
            Whose operand it is, for messages.

        Returns
        -------
        Value or Property or Folded or None
            None where a problem was noted.
        """
        found = self.any_property(ast, depth) if is_property(ast) else self._other(ast, depth, operator)
        if isinstance(found, Property) and found.kind == "geometry":
            self._refusals.add(
                "filter_type",
                f"属性“{found.name}”是几何，不能用于“{operator}”；几何只能用空间函数（如 s_intersects）或 IS NULL。",
                f"property '{found.name}' is a geometry and no operand of '{operator}'; allowed for a geometry are "
                "spatial functions such as s_intersects, and IS NULL.",
                field=found.name,
                value=operator,
            )
            return None
        return found

    def any_property(self, ast: object, depth: int) -> Property | None:
        """Read a property, which may be a geometry.

        Parameters
        ----------
        ast : object
            Part of the JSON tree.
        depth : int
            How many conditions and functions it is in.

        Returns
        -------
        Property or None
            None where a problem was noted.
        """
        self.count(depth)
        name = str(cast("Mapping[str, object]", ast)["property"])
        if name in self._queryables:
            return Property(name, self._queryables[name])
        allowed, shown = list_names(self._queryables), shorten(name)
        self._refusals.add(
            "filter_property",
            f"没有可查询的属性“{shown}”；可用的属性：{allowed}。文本值要用单引号。",
            f"there is no queryable property '{shown}'; allowed are {allowed}. Text goes into single quotes.",
            field=name,
        )
        return None

    def _other(self, ast: object, depth: int, operator: str) -> Scalar | None:
        """Read an operand that is no property."""
        if isinstance(ast, Mapping) and ast.get("op") in FOLDS:
            return self.folded(ast, depth)
        self.count(depth)
        if isinstance(ast, str):
            return self._text(ast)
        if isinstance(ast, bool):
            return Value(ast, "bool")
        if isinstance(ast, float | int):
            return self._number(ast)
        if isinstance(ast, Mapping) and "date" in ast:
            return self._date(ast["date"])
        if isinstance(ast, Mapping) and "timestamp" in ast:
            return self._moment(ast["timestamp"])
        self._refuse_operand(ast, operator)
        return None

    def folded(self, ast: Mapping[str, object], depth: int) -> Folded | None:
        """Read CASEI or ACCENTI.

        Parameters
        ----------
        ast : Mapping
            Part of the JSON tree.
        depth : int
            How many conditions and functions it is in.

        Returns
        -------
        Folded or None
            None where a problem was noted.
        """
        self.count(depth)
        name, arguments = str(ast["op"]), ast.get("args")
        if not isinstance(arguments, list) or len(arguments) != 1:
            refuse_count(self._refusals, name, 1, arguments)
            return None
        inner = self.scalar(arguments[0], depth + 1, name)
        if inner is None or not self.expect(inner, "text", name):
            return None
        return Folded(cast("FoldName", name), inner)

    def expect(self, operand: Scalar, kind: str, operator: str) -> bool:
        """Note a problem unless an operand is of a kind.

        Parameters
        ----------
        operand : Value or Property or Folded
            The operand.
        kind : str
            The kind it should be.
        operator : str
            Whose operand it is.

        Returns
        -------
        bool
            True where it is.
        """
        if operand.kind == kind:
            return True
        shown, example = describe(operand), EXAMPLES[kind]
        self._refusals.add(
            "filter_type",
            f"“{operator}”的操作数 {shown} 是{zh_of(operand.kind)}；此处应为{zh_of(kind)}，例如 {example}。",
            f"operand {shown} of '{operator}' is {en_of(operand.kind)}; it must be {en_of(kind)}, such as {example}.",
            field=operand.name if isinstance(operand, Property) else operator,
            value=shown,
        )
        return False

    def pattern(self, ast: object, operand: Scalar, depth: int) -> Like | None:
        """Read the pattern of LIKE, a string or CASEI or ACCENTI of one.

        Parameters
        ----------
        ast : object
            Part of the JSON tree.
        operand : Value or Property or Folded
            What is matched.
        depth : int
            How many conditions and functions it is in.

        Returns
        -------
        Like or None
            None where a problem was noted.
        """
        folds: list[FoldName] = []
        while isinstance(ast, Mapping) and ast.get("op") in FOLDS:
            self.count(depth + len(folds))
            arguments = ast.get("args")
            folds.append(cast("FoldName", ast["op"]))
            ast = arguments[0] if isinstance(arguments, list) and len(arguments) == 1 else None
        self.count(depth + len(folds))
        if not isinstance(ast, str):
            self._refusals.add(
                "filter_type",
                "“like”的模式必须是文本字面量（可放在 CASEI 或 ACCENTI 中），例如 name LIKE '示范%'。",
                "the pattern of 'like' must be a text literal, or CASEI or ACCENTI of one, such as name LIKE '示范%'.",
                field="like",
                value=ast,
            )
            return None
        parts = self._parts(ast)
        return None if parts is None else Like(operand, parts, tuple(folds))

    def _parts(self, pattern: str) -> tuple[Part, ...] | None:
        """Take a pattern apart; a backslash takes the meaning off the character after it."""
        parts: list[Part] = []
        letters: list[str] = []
        signs = iter(pattern)
        for sign in signs:
            if sign in "%_":
                parts += ["".join(letters)] if letters else []
                letters = []
                parts += [ANY if sign == "%" else ONE]
                continue
            if sign == "\\":
                escaped = next(signs, None)
                if escaped is None:
                    self._refusals.add(
                        "filter_literal",
                        f"“like”的模式“{shorten(pattern)}”以单个反斜线结尾；反斜线用于转义其后的 %、_ 或 \\。",
                        f"the pattern '{shorten(pattern)}' of 'like' ends in a lone backslash; a backslash escapes the "
                        "%, _ or \\ after it.",
                        field="like",
                        value=pattern,
                    )
                    return None
                sign = escaped
            letters.append(sign)
        parts += ["".join(letters)] if letters else []
        for zh, en, found, allowed in (
            ("模式长度", "characters in the pattern", len(pattern), limits.MAX_PATTERN_LENGTH),
            ("模式中 % 的个数", "% in the pattern", parts.count(ANY), limits.MAX_PATTERN_WILDCARDS),
        ):
            if found > allowed:
                limits.refuse_more(self._refusals, zh, en, found, allowed, "like")
                return None
        return tuple(parts)

    def _text(self, text: str) -> Value | None:
        """Read a string."""
        if len(text) > limits.MAX_STRING_LENGTH:
            limits.refuse_more(
                self._refusals, "文本长度", "characters of text", len(text), limits.MAX_STRING_LENGTH, shorten(text)
            )
            return None
        if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
            self._refusals.add(
                "filter_literal",
                "文本含有空字符；允许的是有效的 Unicode 文本。",
                "a text holds a null character; allowed is valid Unicode text.",
            )
            return None
        return Value(text, "text")

    def _number(self, number: float) -> Value | None:
        """Read a number; whole ones of JSON may be of any size."""
        with contextlib.suppress(OverflowError):
            if math.isfinite(number):
                return Value(float(number), "number")
        self._refusals.add(
            "filter_literal",
            "数值超出 64 位浮点数的范围；允许的绝对值至多约 1.8e308。",
            "a number is beyond 64-bit floating point; its size may be about 1.8e308 at most.",
            value=number,
        )
        return None

    def _date(self, text: object) -> Value | None:
        """Read a date."""
        day = _day(text)
        if day is not None:
            return Value(day, "date")
        self._refuse_literal("DATE", text, EXAMPLES["date"])
        return None

    def _moment(self, text: object) -> Value | None:
        """Read a timestamp; the store keeps milliseconds."""
        if isinstance(text, str) and _MOMENT.fullmatch(text):
            with contextlib.suppress(ValueError, OverflowError):
                return Value(datetime.fromisoformat(text).astimezone(UTC), "timestamp")
        self._refuse_literal("TIMESTAMP", text, EXAMPLES["timestamp"])
        return None

    def _refuse_literal(self, what: str, text: object, example: str) -> None:
        """Note a date or timestamp that is none."""
        shown = shorten(text)
        self._refusals.add(
            "filter_literal",
            f"{what} 的值“{shown}”不是有效值；应为 {example}（日历上存在的日期，时间为 UTC，至多毫秒）。",
            f"'{shown}' is no value of {what}; allowed is {example}: a day of the calendar, time in UTC, milliseconds "
            "at most.",
            field=what,
            value=text,
        )

    def _refuse_operand(self, ast: object, operator: str) -> None:
        """Note an operand that is none of ours."""
        shown = name_of(ast)
        self._refusals.add(
            "filter_operator",
            f"“{operator}”的操作数“{shown}”不受支持；允许的是属性、文本、数值、布尔值、DATE、TIMESTAMP、CASEI 和 "
            "ACCENTI；查找缺失值请用 IS NULL。",
            f"operand '{shown}' of '{operator}' is not supported; allowed are properties, text, numbers, booleans, "
            "DATE, TIMESTAMP, CASEI and ACCENTI; for missing values there is IS NULL.",
            field=operator,
            value=shown,
        )


def as_date(operand: Scalar) -> Scalar:
    """Read a text literal that is a date.

    Parameters
    ----------
    operand : Value or Property or Folded
        Any operand.

    Returns
    -------
    Value or Property or Folded
        The date, or the operand as it is.
    """
    day = _day(operand.value) if isinstance(operand, Value) and operand.kind == "text" else None
    return operand if day is None else Value(day, "date")


def _day(text: object) -> date | None:
    """Read a day of the calendar."""
    if isinstance(text, str) and _DATE.fullmatch(text):
        with contextlib.suppress(ValueError):
            return date.fromisoformat(text)
    return None


def is_property(ast: object) -> bool:
    """Tell whether part of the JSON tree names a property.

    Parameters
    ----------
    ast : object
        Part of the JSON tree.

    Returns
    -------
    bool
        True where it does.
    """
    return isinstance(ast, Mapping) and isinstance(ast.get("property"), str)


def name_of(ast: object) -> str:
    """Name part of a filter in a message.

    Parameters
    ----------
    ast : object
        Part of the JSON tree.

    Returns
    -------
    str
        Its operator, property, type or value.
    """
    if isinstance(ast, Mapping):
        for key in ("op", "property", "type", "date", "timestamp"):
            if key in ast:
                return shorten(ast[key])
        return shorten(", ".join(map(str, ast)))
    return "NULL" if ast is None else "(…)" if isinstance(ast, list) else shorten(ast)


def describe(operand: Scalar) -> str:
    """Write an operand for a message.

    Parameters
    ----------
    operand : Value or Property or Folded
        The operand.

    Returns
    -------
    str
        The property's name, the literal, or the function with its operand.
    """
    if isinstance(operand, Folded):
        return f"{operand.function}({describe(operand.operand)})"
    return operand.name if isinstance(operand, Property) else shorten(operand.value)


def refuse_count(refusals: Refusals, operator: str, wanted: int, arguments: object) -> None:
    """Note that an operator has too many or too few operands.

    Parameters
    ----------
    refusals : Refusals
        Where the problem is noted.
    operator : str
        The operator.
    wanted : int
        How many operands it takes.
    arguments : object
        Its operands.
    """
    found = len(arguments) if isinstance(arguments, list) else 0
    refusals.add(
        "filter_operator",
        f"“{shorten(operator)}”有 {found} 个操作数；应为 {wanted} 个。",
        f"'{shorten(operator)}' has {found} operands; it takes {wanted}.",
        field=operator,
        value=found,
    )
