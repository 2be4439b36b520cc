"""Cells as people type them: text, numbers and dates."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.arrays import Bool, Float
from geo.intake.findings import Findings

Objects = NDArray[np.object_]

# What tables write into a cell that has no value.
BLANK_WORDS = frozenset(
    {
        "-",
        "--",
        "—",
        "——",
        "/",
        "\\",
        "无",
        "暂无",
        "不详",
        "未知",
        "空",
        "n/a",
        "na",
        "nan",
        "null",
        "none",
        "#n/a",
    }
)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?")
_UNITS = re.compile(r"(张床位|张床|张|个床位|个座位|床|人|名|位|个|座|间|户|岁|平方米|平米|㎡|m2|m²|米|m|份|穴|格|台)$")
# The characters themselves, not escapes: so the test runs in Arrow without a Python call per cell.
_ODD_BLANKS = "[\t\r\n\u00a0\u3000\u200b\ufeff]|  "
_EXCEL_EPOCH = dt.date(1899, 12, 30)
_DATE_FORMS = (
    re.compile(
        r"(?P<y>\d{4})[-/.年](?P<m>\d{1,2})[-/.月](?P<d>\d{1,2})[日号]?"
        r"(?:[T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}(:?\d{2})?)?)?"
    ),
    re.compile(r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})"),
    re.compile(r"(?P<y>\d{4})[-/.年](?P<m>\d{1,2})月?"),
    re.compile(r"(?P<y>\d{4})年?"),
)


def text_of(cell: object) -> str | None:
    """Write one cell as text, without the ``.0`` a spreadsheet adds to whole numbers.

    Parameters
    ----------
    cell : object
        A cell as a reader delivers it.

    Returns
    -------
    str or None
        Trimmed text; None for a blank cell.
    """
    if cell is None or cell is pd.NaT or cell is pd.NA:
        return None
    if isinstance(cell, bool | np.bool_):
        return "true" if cell else "false"
    if isinstance(cell, float | np.floating):
        if np.isnan(cell):
            return None
        number = float(cell)
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(sep=" ")
    if isinstance(cell, dt.date):
        return cell.isoformat()
    return str(cell)


def as_objects(clean: pd.Series) -> Objects:
    """Turn text into an object array with None where missing.

    Parameters
    ----------
    clean : pandas.Series
        Text.

    Returns
    -------
    numpy.ndarray
        Text or None.
    """
    out = np.array(clean.to_numpy(dtype=object), object)
    out[clean.isna().to_numpy(np.bool_)] = None
    return out


def texts(column: pd.Series) -> pd.Series:
    """Turn a column into trimmed text.

    Parameters
    ----------
    column : pandas.Series
        Any cells.

    Returns
    -------
    pandas.Series
        Arrow-backed text, missing where blank; line breaks and invisible characters are spaces.
    """
    if isinstance(column.dtype, pd.StringDtype):
        raw = column
    elif pd.api.types.is_integer_dtype(column.dtype):
        raw = column.astype("str")
    else:
        raw = pd.Series([text_of(cell) for cell in column], index=column.index, dtype="str")
    flat = raw.str.strip()
    odd = flat.str.contains(_ODD_BLANKS, regex=True).fillna(False).astype(bool)
    if odd.any():
        flat = flat.mask(odd, flat[odd].str.replace(r"[\s\u200b\ufeff]+", " ", regex=True).str.strip())
    return flat.mask(flat == "")


def read_text(column: pd.Series, name: str, found: Findings, *, is_code: bool = False) -> Objects:
    """Read a text column and report what had to be trimmed.

    Parameters
    ----------
    column : pandas.Series
        The cells.
    name : str
        Column as the file spells it.
    found : Findings
        Receives repairs.
    is_code : bool
        Whether full-width letters and digits are to be narrowed.

    Returns
    -------
    numpy.ndarray
        Text or None.
    """
    clean = texts(column)
    if is_code:
        clean = _whole_codes(clean, column, name, found)
        wide = clean.str.contains("[\uff01-\uff5e]", regex=True, na=False)
        if wide.any():
            clean = clean.mask(wide, clean[wide].map(narrow))
            where = wide.to_numpy(np.bool_)
            found.rows(
                where,
                "full_width",
                "repaired",
                "全角字符已改为半角。",
                "Full-width signs narrowed.",
                field=name,
                values=column.to_numpy(object),
            )
    if isinstance(column.dtype, pd.StringDtype) or column.dtype == object:
        before = column if isinstance(column.dtype, pd.StringDtype) else column.map(text_of).astype("str")
        edges = before.str.strip(" ")
        trimmed = (before != edges) | ((texts(column) != edges) & clean.notna())
        where = (trimmed & clean.notna()).fillna(False).to_numpy(np.bool_)
        found.rows(
            where,
            "trimmed_text",
            "repaired",
            "首尾或中间的空白、换行已清理。",
            "Blanks and line breaks cleaned.",
            field=name,
            values=column.to_numpy(object),
        )
    return as_objects(clean)


def _whole_codes(clean: pd.Series, column: pd.Series, name: str, found: Findings) -> pd.Series:
    """Refuse long numbers that a spreadsheet cut short, and take the decimals off those it only decorated."""
    cut = clean.str.fullmatch(r"\d(\.\d+)?[eE]\+\d+").fillna(False).astype(bool)
    found.rows(
        cut.to_numpy(np.bool_),
        "cut_number",
        "refused",
        "编号被表格软件改成了科学计数法，末尾数字已丢失；请把该列设为文本格式并重新填写，如 370303001001。",
        "A spreadsheet turned this long number into scientific notation and lost its last digits; make the column "
        "text and write it out, such as 370303001001.",
        field=name,
        values=column.to_numpy(object),
    )
    decorated = clean.str.fullmatch(r"\d{6,}\.0+").fillna(False).astype(bool)
    if not decorated.any():
        return clean
    found.rows(
        decorated.to_numpy(np.bool_),
        "number_text",
        "repaired",
        "编号末尾多余的小数“.0”已去除。",
        "The decimals after a code were taken off.",
        field=name,
        values=column.to_numpy(object),
    )
    return clean.mask(decorated, clean.str.replace(r"\.0+$", "", regex=True))


def narrow(text: str) -> str:
    """Turn full-width letters, digits and signs into half-width ones.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        Compatibility-normalised text.
    """
    return unicodedata.normalize("NFKC", text)


def read_number(
    column: pd.Series,
    name: str,
    found: Findings,
    *,
    scale: float = 1.0,
    extra: Callable[[str], float | None] | None = None,
    severity_refused: bool = True,
) -> tuple[Float, Bool]:
    """Read a number column.

    Parameters
    ----------
    column : pandas.Series
        The cells.
    name : str
        Column as the file spells it.
    found : Findings
        Receives refusals of what is no number, and repairs.
    scale : float
        Factor of the header's unit.
    extra : callable or None
        Another way to read a text (degrees, minutes, seconds); None where it does not apply.
    severity_refused : bool
        Whether a text that is no number refuses the row; otherwise it is noted and left out.

    Returns
    -------
    tuple of numpy.ndarray
        Numbers (NaN where blank or refused), and whether a cell was blank.
    """
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
        plain = column.to_numpy(np.float64, na_value=np.nan)
        blank = np.isnan(plain)
        endless = np.isinf(plain)
        found.rows(
            endless,
            "not_a_number",
            "refused" if severity_refused else "note",
            "不是有限的数；应填写数字，如 120 或 36.5。",
            "Not a finite number; write a number such as 120 or 36.5.",
            field=name,
            values=column.to_numpy(object),
        )
        return np.where(endless, np.nan, plain) * scale, blank
    clean = texts(column)
    blank = np.array(clean.isna(), np.bool_)
    numbers = pd.to_numeric(clean, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    numbers = np.where(np.isfinite(numbers), numbers, np.nan)
    odd = np.flatnonzero(np.isnan(numbers) & ~blank)
    repaired, refused = np.zeros(len(clean), np.bool_), np.zeros(len(clean), np.bool_)
    for i in odd.tolist():
        text = str(clean.iloc[i])
        if text.lower() in BLANK_WORDS:
            blank[i] = True
            continue
        value = loose_number(text)
        if value is None and extra is not None:
            value = extra(text)
        if value is None:
            refused[i] = True
        else:
            numbers[i], repaired[i] = value, True
    raw = column.to_numpy(object)
    found.rows(
        repaired,
        "number_text",
        "repaired",
        "已按数字读取（去除全角、千分位或单位）。",
        "Read as a number (full-width digits, separators or unit removed).",
        field=name,
        values=raw,
    )
    found.rows(
        refused,
        "not_a_number",
        "refused" if severity_refused else "note",
        "不是数字；应填写数字，如 120 或 36.5。",
        "Not a number; write a number such as 120 or 36.5.",
        field=name,
        values=raw,
    )
    return numbers * scale, blank


def loose_number(text: str) -> float | None:
    """Read a number written with full-width digits, thousands separators or a unit.

    Parameters
    ----------
    text : str
        Trimmed text.

    Returns
    -------
    float or None
        The number; None if it is none.
    """
    plain = narrow(text).strip().lower().replace(" ", "")
    plain = _UNITS.sub("", plain)
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", plain):
        plain = plain.replace(",", "")
    return float(plain) if _NUMBER.fullmatch(plain) and np.isfinite(float(plain)) else None


def read_date(column: pd.Series, name: str, found: Findings) -> Objects:
    """Read a date column.

    Parameters
    ----------
    column : pandas.Series
        Dates, text in Chinese or ISO form, or spreadsheet serial numbers.
    name : str
        Column as the file spells it.
    found : Findings
        Receives refusals of what is no date, and repairs.

    Returns
    -------
    numpy.ndarray
        ``datetime.date`` or None.
    """
    values = column.to_numpy(object)
    out = np.full(len(values), None, object)
    repaired, refused = np.zeros(len(values), np.bool_), np.zeros(len(values), np.bool_)
    for i, cell in enumerate(values.tolist()):
        text = text_of(cell)
        if text is None or text.strip().lower() in BLANK_WORDS or not text.strip():
            continue
        day = loose_date(text.strip())
        if day is None:
            refused[i] = True
            continue
        out[i] = day
        repaired[i] = not text.strip().startswith(day.isoformat())
    found.rows(
        repaired,
        "date_form",
        "repaired",
        "日期已改写为 年-月-日（缺月日时取 1 日）。",
        "Date rewritten as year-month-day (missing parts taken as 1).",
        field=name,
        values=values,
    )
    found.rows(
        refused,
        "bad_date",
        "refused",
        "不是有效日期；可写 2022-03-01、2022年3月1日、2022-03。",
        "Not a date; write 2022-03-01, 2022年3月1日 or 2022-03.",
        field=name,
        values=values,
    )
    return out


def loose_date(text: str) -> dt.date | None:
    """Read a date in ISO, Chinese, slashed, compact or serial form.

    Parameters
    ----------
    text : str
        Trimmed text.

    Returns
    -------
    datetime.date or None
        The date; the first of the month or year where only these are given; None if it is none.
    """
    plain = narrow(text).replace(" 00:00:00", "").strip()
    compact = re.sub(r"\s+(?=\D)|(?<=[年月])\s+", "", plain)
    serial = re.fullmatch(r"(\d{5})(\.\d+)?", compact)
    if serial and 15_000 <= int(serial.group(1)) < 80_000:
        return _EXCEL_EPOCH + dt.timedelta(days=int(serial.group(1)))
    for form in _DATE_FORMS:
        match = form.fullmatch(compact) or form.fullmatch(plain)
        if match is None:
            continue
        parts = match.groupdict()
        try:
            day = dt.date(int(parts["y"]), int(parts.get("m") or 1), int(parts.get("d") or 1))
        except ValueError:
            return None
        return day if 1800 <= day.year <= 2200 else None
    return None
