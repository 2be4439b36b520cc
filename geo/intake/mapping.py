"""Which column is which: Chinese and English headers, and what the user says instead."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from geo.intake.findings import Findings

_PAREN = re.compile(r"[(\[【](.*?)[)\]】]")
_NOISE = re.compile(r"[\s_\-~—–*::.、/]+")
_SCALES = {
    "万平方米": 1e4,
    "万m2": 1e4,
    "万平米": 1e4,
    "公顷": 1e4,
    "ha": 1e4,
    "hm2": 1e4,
    "亩": 2000.0 / 3.0,
    "km2": 1e6,
    "平方公里": 1e6,
    "万人": 1e4,
    "千人": 1e3,
    "万张": 1e4,
}


@dataclass(frozen=True, slots=True)
class Field:
    """A field and the headers it is known by.

    Parameters
    ----------
    name : str
        Canonical snake_case name.
    aliases : tuple of str
        Headers that mean this field.
    weak : tuple of str
        Headers that mean it only when no better column is there.
    """

    name: str
    aliases: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Columns by field.

    Parameters
    ----------
    by_field : mapping of str to str
        Field to column of the file.
    scale : mapping of str to float
        Field to the factor that its header's unit asks for; absent = 1.
    unused : tuple of str
        Columns that belong to no field.
    """

    by_field: Mapping[str, str]
    scale: Mapping[str, float]
    unused: tuple[str, ...]

    def get(self, name: str) -> str | None:
        """Return the column of a field.

        Parameters
        ----------
        name : str
            Field.

        Returns
        -------
        str or None
            The column as the file spells it.
        """
        return self.by_field.get(name)

    @property
    def by_column(self) -> dict[str, str]:
        """Column of the file to field."""
        return {column: name for name, column in self.by_field.items()}


def plain_header(header: str) -> str:
    """Reduce a header to what is compared: narrow, lower case, without blanks, signs and brackets.

    Parameters
    ----------
    header : str
        Header as the file spells it.

    Returns
    -------
    str
        Reduced header with the words in brackets kept.
    """
    narrow = unicodedata.normalize("NFKC", header).lower()
    return _NOISE.sub("", re.sub(r"[()\[\]【】]", "", narrow))


def bare_header(header: str) -> tuple[str, str]:
    """Split a header into its words and the unit in brackets.

    Parameters
    ----------
    header : str
        Header as the file spells it.

    Returns
    -------
    tuple of str
        Reduced header without the bracket, and the bracket's content (empty if none).
    """
    narrow = unicodedata.normalize("NFKC", header).lower()
    match = _PAREN.search(narrow)
    unit = _NOISE.sub("", match.group(1)) if match else ""
    return _NOISE.sub("", _PAREN.sub("", narrow)), unit


class Vocabulary:
    """The headers of a set of fields.

    Parameters
    ----------
    fields : iterable of Field
        Fields in the order in which they may claim a column.
    """

    def __init__(self, fields: Iterable[Field]) -> None:
        self.fields = tuple(fields)
        self._strong: dict[str, str] = {}
        self._weak: dict[str, str] = {}
        for item in self.fields:
            for word in (item.name, *item.aliases):
                self._strong.setdefault(plain_header(word), item.name)
            for word in item.weak:
                self._weak.setdefault(plain_header(word), item.name)

    def knows(self, header: str) -> bool:
        """Tell whether a cell looks like one of the headers.

        Parameters
        ----------
        header : str
            A cell.

        Returns
        -------
        bool
            True if some field is known by it.
        """
        return self.match(header) is not None

    def match(self, header: str) -> tuple[str, int] | None:
        """Find the field of a header.

        Parameters
        ----------
        header : str
            Header as the file spells it.

        Returns
        -------
        tuple or None
            Field and rank: 0 its own name, 1 an alias, 2 an alias but for the bracket, 3 a weak alias.
        """
        plain, (bare, _) = plain_header(header), bare_header(header)
        if plain in self._strong:
            name = self._strong[plain]
            return name, 0 if plain == plain_header(name) else 1
        if bare in self._strong:
            return self._strong[bare], 2
        for word in (plain, bare):
            if word in self._weak:
                return self._weak[word], 3
        return None


def map_columns(
    columns: Sequence[str], vocabulary: Vocabulary, overrides: Mapping[str, str], found: Findings
) -> ColumnMap:
    """Decide which column is which.

    Parameters
    ----------
    columns : sequence of str
        Headers as the file spells them.
    vocabulary : Vocabulary
        Fields to look for.
    overrides : mapping of str to str
        Column to field as the user says; the field ``-`` leaves a column out.
    found : Findings
        Receives ambiguities and unknown overrides.

    Returns
    -------
    ColumnMap
        The columns.
    """
    by_field: dict[str, str] = {}
    taken = _apply_overrides(columns, vocabulary, overrides, found, by_field)
    candidates: dict[str, list[tuple[int, str]]] = {}
    for column in columns:
        match = None if column in taken else vocabulary.match(column)
        if match is not None and match[0] not in by_field:
            candidates.setdefault(match[0], []).append((match[1], column))
    for name, options in candidates.items():
        best = min(rank for rank, _ in options)
        chosen = [column for rank, column in options if rank == best]
        if len(chosen) > 1:
            listed = "、".join(chosen)
            found.whole(
                "ambiguous_columns",
                "refused",
                f"列 {listed} 都像字段“{name}”。请用 --map 列名={name} 指定一列，其余用 --map 列名=- 忽略。",
                f'Columns {", ".join(chosen)} all look like "{name}". Choose one with --map COLUMN={name}; '
                "leave others out with --map COLUMN=-.",
                field=name,
                value=", ".join(chosen),
            )
        by_field[name] = chosen[0]
    used = set(by_field.values()) | taken
    unused = tuple(column for column in columns if column not in used)
    return ColumnMap(by_field, _scales(by_field), unused)


def note_unused(unused: Sequence[str], found: Findings) -> None:
    """Note the columns that nothing was read from.

    Parameters
    ----------
    unused : sequence of str
        Columns as the file spells them.
    found : Findings
        Receives the note.
    """
    if unused:
        found.whole(
            "unused_columns",
            "note",
            f"未使用的列：{'、'.join(unused)}。需要时用 --map 列名=字段 指定。",
            f"Columns not used: {', '.join(unused)}. Assign them with --map COLUMN=FIELD where needed.",
        )


def require(columns: Sequence[str], mapping: ColumnMap, needed: Sequence[str], found: Findings) -> None:
    """Refuse a file that lacks needed columns.

    Parameters
    ----------
    columns : sequence of str
        Headers as the file spells them.
    mapping : ColumnMap
        What was recognised.
    needed : sequence of str
        Fields; ``a|b`` asks for one of several.
    found : Findings
        Receives one refusal per missing field.
    """
    seen = "、".join(columns) or "（无）"
    for name in needed:
        if any(mapping.get(option) for option in name.split("|")):
            continue
        words = name.replace("|", " / ")
        found.whole(
            "missing_column",
            "refused",
            f"缺少必需的列：{words}。文件中的列：{seen}。列名不同时用 --map 列名={name.split('|')[0]} 指定。",
            f"Missing column: {words}. Columns seen: {', '.join(columns) or '(none)'}. If it has "
            "another name, "
            f"use --map COLUMN={name.split('|')[0]}.",
            field=name,
        )


def _apply_overrides(
    columns: Sequence[str],
    vocabulary: Vocabulary,
    overrides: Mapping[str, str],
    found: Findings,
    by_field: dict[str, str],
) -> set[str]:
    """Take the user's choices; returns the columns they settle."""
    allowed = {item.name for item in vocabulary.fields}
    exact = {column.strip(): column for column in columns}
    taken: set[str] = set()
    for wanted, name in overrides.items():
        column = exact.get(wanted.strip())
        if column is None:
            found.whole(
                "unknown_column",
                "refused",
                f"--map 指定的列“{wanted}”不存在。文件中的列：{'、'.join(columns)}。",
                f'--map names a column "{wanted}" that is not there. Columns seen: {", ".join(columns)}.',
                value=wanted,
            )
            continue
        taken.add(column)
        if name == "-":
            continue
        if name not in allowed:
            found.whole(
                "unknown_field",
                "refused",
                f"--map 指定的字段“{name}”不存在。可用字段：{'、'.join(sorted(allowed))}。",
                f'--map names a field "{name}" that does not exist. Allowed: {", ".join(sorted(allowed))}.',
                field=wanted,
                value=name,
            )
            continue
        by_field[name] = column
    return taken


def _scales(by_field: Mapping[str, str]) -> dict[str, float]:
    """Factors that units in brackets ask for, such as 万平方米."""
    out: dict[str, float] = {}
    for name, column in by_field.items():
        factor = _SCALES.get(bare_header(column)[1])
        if factor is not None:
            out[name] = factor
    return out


def words(text: str) -> tuple[str, ...]:
    """Split a list of headers written with blanks between them.

    Parameters
    ----------
    text : str
        Headers.

    Returns
    -------
    tuple of str
        The headers.
    """
    return tuple(text.split())
