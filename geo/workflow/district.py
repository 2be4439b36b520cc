"""Whether one division lies in another, told from their codes."""

from __future__ import annotations

from typing import Final

from geo.errors import InputError

_LENGTHS: Final = (2, 4, 6, 9, 12)
"""Digits down to province, prefecture, county, township and village."""


def significant_code(code: str) -> str:
    """Return a division code without the zeros that only fill it up.

    Parameters
    ----------
    code : str
        Code of 2, 4, 6, 9 or 12 digits.

    Returns
    -------
    str
        Its first 2, 4, 6, 9 or 12 digits; ``320500`` is ``3205``.

    Raises
    ------
    InputError
        It is no such code.
    """
    if len(code) not in _LENGTHS or not (code.isascii() and code.isdigit()) or code.startswith("00"):
        raise InputError(
            f"“{code}”不是区划代码；应为 2、4、6、9 或 12 位数字",
            f"'{code}' is no division code; it must be 2, 4, 6, 9 or 12 digits",
            district=code,
        )
    return next(code[:length] for length in _LENGTHS if not code[length:].strip("0"))


def contains_district(outer: str | None, inner: str) -> bool:
    """Tell whether a division lies in another one.

    Parameters
    ----------
    outer : str or None
        Code of the larger one; None contains everything.
    inner : str
        Code of the smaller one; a division contains itself.

    Returns
    -------
    bool
        Whether it does.

    Raises
    ------
    InputError
        One of them is no division code.
    """
    found = significant_code(inner)
    return outer is None or found.startswith(significant_code(outer))
