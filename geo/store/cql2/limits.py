"""What a filter may cost, and the checks that come before the parser.

The parser (cql2 0.6) recurses in native code: 5,000 nested operators end the whole process, and each level of
parentheses doubles the time it needs to find an error (measured: 18 levels, 3 s; 24 levels, minutes). So nesting,
chains and the work an error may cause are bounded on the text itself, with a scanner that does not recurse.
"""

from __future__ import annotations

import json
import re

from geo.store.cql2.refusals import Refusals, shorten

MAX_TEXT_LENGTH = 200_000
"""Characters of a filter: a township's boundary with 5,000 vertices to seven decimals fits."""
MAX_DEPTH = 16
"""Conditions and functions inside each other."""
MAX_PARENTHESES = 24
"""Parentheses inside each other, in text; brackets and braces, in JSON, are bounded by `MAX_JSON_DEPTH`."""
MAX_JSON_DEPTH = 60
"""Arrays and objects inside each other; an operator has two, a multipolygon four."""
MAX_CHAIN = 32
"""Operators other than AND and OR in a row, in text: the parser nests them."""
MAX_JUNCTIONS = 300
"""ANDs and ORs, in text."""
MAX_PARSE_WORK = 250_000
"""Words the parser may have to read to find an error, again and again: 0.3 s."""
MAX_NODES = 900
"""Operators, properties and literals together."""
MAX_LIST_ITEMS = 500
"""Items of one list of IN."""
MAX_VERTICES = 5_000
"""Vertices of all geometries together."""
MAX_SPATIAL = 8
"""Spatial conditions: each may be asked of every row."""
MAX_STRING_LENGTH = 1_000
"""Characters of one string."""
MAX_PATTERN_LENGTH = 200
"""Characters of a pattern of LIKE."""
MAX_PATTERN_WILDCARDS = 10
"""``%`` in a pattern of LIKE: each multiplies the ways to match."""
MAX_INTEGER = 2**53 - 1
"""Largest whole number that a float64, which is what the parser hands over, holds without doubt."""

_TOKEN = re.compile(r"'[^']*'|\"[^\"]*\"|[^\W\d]\w*|\d[\d.]*(?:[eE][-+]?\d+)?|\S")
_GROUPING = frozenset({"and", "or", "not", "in", "between", "like", "div", "is"})
"""Words after which a parenthesis groups; after another word it holds the arguments of a function."""
_OPERATORS = frozenset("=<>+*/%^")
_CHAINED = frozenset({"not", "like", "div"})
_COORDINATES = 3
"""Signs that may follow numbers between two commas: those of a position with height and measure."""

_MEMBERS = (
    frozenset({"op", "args"}),
    frozenset({"property"}),
    frozenset({"date"}),
    frozenset({"timestamp"}),
    frozenset({"interval"}),
    frozenset({"type", "coordinates"}),
    frozenset({"type", "geometries"}),
    frozenset({"bbox"}),
)


def check_length(text: str, refusals: Refusals) -> None:
    """Refuse what is empty, too long, or no text for a database.

    Parameters
    ----------
    text : str
        The filter, in either language.
    refusals : Refusals
        Where problems are noted.

    Raises
    ------
    InputError
        It is one of these.
    """
    if not text.strip():
        refusals.stop(
            "filter_syntax",
            "过滤条件为空；应为一个 CQL2 条件，例如 name = '示范'。",
            "the filter is empty; it must be a CQL2 condition such as name = 'x'.",
        )
    if len(text) > MAX_TEXT_LENGTH:
        refuse_more(refusals, "字符", "characters", len(text), MAX_TEXT_LENGTH)
        refusals.finish()
    if any("\ud800" <= letter <= "\udfff" or letter == "\0" for letter in text):
        refusals.stop(
            "filter_syntax",
            "过滤条件含有空字符或不成对的代理字符；允许的是有效的 Unicode 文本。",
            "the filter holds a null character or a lone surrogate; allowed is valid Unicode text.",
        )


def refuse_more(refusals: Refusals, zh: str, en: str, found: int, allowed: int, field: str | None = None) -> None:
    """Note that there is more of something than allowed.

    Parameters
    ----------
    refusals : Refusals
        Where the problem is noted.
    zh, en : str
        What there is too much of.
    found, allowed : int
        How much there is, and how much there may be.
    field : str, optional
        Property or operator concerned.
    """
    of_zh, of_en = (f"“{shorten(field)}”的", f" of '{shorten(field)}'") if field is not None else ("", "")
    refusals.add(
        "filter_limit",
        f"{of_zh}{zh}为 {found}，超过上限；最多 {allowed}。",
        f"{found} {en}{of_en} are over the limit; at most {allowed} are allowed.",
        field=field,
        value=found,
    )


def check_text(text: str, refusals: Refusals) -> None:
    """Refuse CQL2 text that is not safe to parse.

    Parameters
    ----------
    text : str
        CQL2 text.
    refusals : Refusals
        Where problems are noted.

    Raises
    ------
    InputError
        Quotes or parentheses do not match, or a limit is exceeded.
    """
    scan = _Scan()
    for token in _TOKEN.findall(text):
        scan.take(token)
    if scan.open_quote is not None or scan.is_unbalanced or scan.grouping:
        refusals.stop(
            "filter_syntax",
            "过滤条件的引号或括号不成对；每个引号和括号都要闭合。",
            "quotes or parentheses of the filter do not match; each one has to be closed.",
            value=scan.open_quote,
        )
    for zh, en, found, allowed in (
        ("括号嵌套层数", "parentheses inside each other", scan.deepest, MAX_PARENTHESES),
        ("连续运算符个数", "operators in a row", scan.longest, MAX_CHAIN),
        ("AND 与 OR 的个数", "ANDs and ORs", scan.junctions, MAX_JUNCTIONS),
        ("解析工作量", "steps to parse", scan.work, MAX_PARSE_WORK),
    ):
        if found > allowed:
            refuse_more(refusals, zh, en, found, allowed)
    refusals.finish()


class _Scan:
    """Counts of one pass over a text."""

    def __init__(self) -> None:
        self.grouping: list[bool] = []
        self.is_unbalanced = False
        self.open_quote: str | None = None
        self.deepest = self.longest = self.junctions = self.work = 0
        self._chain = self._signs = 0
        self._weight = 1
        self._before = ""

    def take(self, token: str) -> None:
        """Count one token."""
        word = token.lower()
        if token in ("'", '"') and self.open_quote is None:
            self.open_quote = token
        if token == "(":
            self._open()
        elif token == ")":
            self._close()
        if token in "(),":
            self._signs = 0
        if word in ("and", "or"):
            self.junctions += 1
            self._chain = 0
        elif token == "-":
            self._minus()
        elif token in _OPERATORS or word in _CHAINED:
            self._chain += 1
        self.longest = max(self.longest, self._chain)
        self.work += self._weight
        self._before = word

    def _open(self) -> None:
        """Go into parentheses."""
        before = self._before[:1]
        is_group = not (before.isalpha() or before in ("_", '"')) or self._before in _GROUPING
        self.grouping.append(is_group)
        # Past every limit the exact figure no longer matters; a shift by thousands of bits would.
        if is_group and len(self.grouping) <= MAX_PARENTHESES:
            self._weight *= 2
        self.deepest = max(self.deepest, len(self.grouping))

    def _close(self) -> None:
        """Go out of parentheses."""
        if not self.grouping:
            self.is_unbalanced = True
        elif self.grouping.pop() and len(self.grouping) < MAX_PARENTHESES:
            self._weight //= 2

    def _minus(self) -> None:
        """Count a sign, unless it is one that a list of numbers or a position may have."""
        if self._before[:1].isdigit():
            self._signs += 1
            self._chain += self._signs > _COORDINATES
        elif self._before not in ("(", ",", "=", "<", ">"):
            self._chain += 1


def check_json(text: str, refusals: Refusals) -> object:
    """Refuse JSON that is not safe to parse, or that the parser would read only in part.

    Parameters
    ----------
    text : str
        CQL2 JSON.
    refusals : Refusals
        Where problems are noted.

    Returns
    -------
    object
        The JSON tree. It is what filters are read from: the parser rounds numbers of JSON in their last digit, so that
        a geometry would no longer equal itself.

    Raises
    ------
    InputError
        It is no JSON, is nested too deeply, or has members that mean nothing in CQL2.
    """
    try:
        found: object = json.loads(text, object_pairs_hook=_pairs, parse_constant=_no_constant)
    except RecursionError:
        refuse_more(refusals, "JSON 嵌套层数", "levels of JSON", MAX_JSON_DEPTH + 1, MAX_JSON_DEPTH)
        refusals.finish()
    except ValueError as error:
        refusals.stop(
            "filter_syntax",
            f"过滤条件不是有效的 JSON（{error}）；应为 CQL2 JSON。",
            f"the filter is no valid JSON ({error}); it must be CQL2 JSON.",
        )
    level, depth = [found], 0
    while level:
        depth += 1
        if depth > MAX_JSON_DEPTH:
            refuse_more(refusals, "JSON 嵌套层数", "levels of JSON", depth, MAX_JSON_DEPTH)
            break
        below: list[object] = []
        for value in level:
            if isinstance(value, dict):
                _check_members(value, refusals)
                below.extend(value.values())
            elif isinstance(value, list):
                below.extend(value)
        level = below
    refusals.finish()
    return found


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Build an object whose members have different names."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError(f"repeated member in {sorted(name for name, _ in pairs)}")
    return made


def _no_constant(name: str) -> float:
    """Refuse what Python reads beyond JSON."""
    raise ValueError(f"{name} is no JSON number")


def _check_members(value: dict[str, object], refusals: Refusals) -> None:
    """Note an object that is none of CQL2's."""
    if frozenset(value) not in _MEMBERS:
        names = shorten(", ".join(sorted(value)))
        refusals.add(
            "filter_syntax",
            f"JSON 对象的成员“{names}”不成其为 CQL2；允许的组合是 op 与 args、property、date、timestamp、type 与 "
            "coordinates、type 与 geometries、bbox。",
            f"a JSON object with members '{names}' is none of CQL2; allowed are op and args, property, date, "
            "timestamp, type and coordinates, type and geometries, bbox.",
            value=names,
        )
