"""Text that a spreadsheet would take for a formula: how it is known, and how it is kept text."""

from __future__ import annotations

import re
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

# Blanks before it do not help, and East Asian editions of the programs take the full-width signs, too.
_PATTERN: Final = "^[ \u3000\u00a0]*[=+\\-@\t\r\n＝＋－＠]"
_FORMULA = re.compile(_PATTERN)
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def is_formula(text: str) -> bool:
    """Tell whether a spreadsheet could take a text for a formula.

    Parameters
    ----------
    text : str
        What a cell holds.

    Returns
    -------
    bool
        True where it begins, blanks aside, with ``= + - @``, their full-width forms, a tab or a new line.
    """
    return _FORMULA.match(text) is not None


def defused(column: pa.Array) -> pa.Array:
    """Put an apostrophe before every text that a spreadsheet could take for a formula, as a CSV file needs it.

    Parameters
    ----------
    column : pyarrow.Array
        Texts.

    Returns
    -------
    pyarrow.Array
        The same where nothing had to be done.
    """
    found = pc.match_substring_regex(column, _PATTERN)
    if not pc.any(found).as_py():
        return column
    return pc.if_else(found, pc.binary_join_element_wise("'", column, ""), column)


def printable(text: str) -> str:
    """Leave out the characters that a workbook cannot hold.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        Without control characters other than tab and new line.
    """
    return _ILLEGAL.sub("", text)
