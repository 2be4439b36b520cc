"""Passwords: judged by a profile, kept as Argon2 hashes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from geo.account.profile import PasswordProfile
from geo.errors import Problem

_HASHER: Final = PasswordHasher()
"""RFC 9106's low-memory parameters: 64 MiB, 3 passes, 4 lanes."""
_OURS: Final = ("fangyu", "方舆", "minzheng", "民政")
_SHORTEST_WORD: Final = 3
"""Letters of a login or name that a password may not hold."""
_LEAST_GUESSES: Final = 10**9
"""Fewer tries than this, in the order in which guesses are made, and a password counts as common."""


def hash_password(password: str) -> str:
    """Hash a password with a fresh salt; takes a tenth of a second and 64 MiB on purpose.

    Parameters
    ----------
    password : str
        The password.

    Returns
    -------
    str
        Argon2id in its usual text form.
    """
    return _HASHER.hash(_normal(password))


def is_password(hashed: str, password: str) -> bool:
    """Tell whether a password is the one that was hashed.

    Parameters
    ----------
    hashed : str
        What `hash_password` returned; empty for somebody who does not exist, which takes as long.
    password : str
        What was typed.

    Returns
    -------
    bool
        True when it is.
    """
    try:
        return _HASHER.verify(hashed or _nobody(), _normal(password)) and bool(hashed)
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(hashed: str) -> bool:
    """Tell whether a hash was made with weaker parameters than today's.

    Parameters
    ----------
    hashed : str
        What `hash_password` returned.

    Returns
    -------
    bool
        True when it should be made anew at the next login.
    """
    return _HASHER.check_needs_rehash(hashed)


def judge_password(password: str, profile: PasswordProfile, *about: str) -> list[Problem]:
    """Hold a password against a profile.

    Parameters
    ----------
    password : str
        The password.
    profile : PasswordProfile
        What is asked.
    *about : str
        Words a stranger would try first, such as the login and the name.

    Returns
    -------
    list of Problem
        Everything that is wrong with it; the password itself stands in none.
    """
    text = _normal(password)
    faults = _faults(text, profile, about)
    return [Problem("password", "refused", "", None, "password", None, zh, en) for zh, en in faults]


def _faults(password: str, profile: PasswordProfile, about: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong, in Chinese and English."""
    low, high = profile.min_length, profile.max_length
    if not low <= len(password) <= high:
        yield (
            f"口令长 {len(password)} 个字符；应为 {low} 到 {high} 个",
            f"the password has {len(password)} characters; allowed are {low} to {high}",
        )
    classes = len({_kind(sign) for sign in password})
    if classes < profile.min_classes:
        yield (
            f"口令只含 {classes} 类字符；大写字母、小写字母、数字、其他符号中至少要有 {profile.min_classes} 类",
            f"the password holds {classes} kind(s) of characters; at least {profile.min_classes} of capital letters, "
            "small letters, digits and other signs are asked for",
        )
    small = password.casefold()
    held = next((word for word in about if len(word) >= _SHORTEST_WORD and word.casefold() in small), None)
    if held is not None:
        yield f"口令含有账号或姓名“{held}”，请避开", f"the password holds the login or name '{held}': leave it out"
    if low <= len(password) <= high and _guesses(password, about) < _LEAST_GUESSES:
        yield (
            "口令太容易猜到：请避开常用口令、姓名、账号、日期和键盘上相邻的字符",
            "the password is too easy to guess: avoid common passwords, names, the login, dates and neighbouring keys",
        )


def _kind(sign: str) -> str:
    """Tell which kind of character a sign is."""
    if sign.isdigit():
        return "digit"
    return "capital" if sign.isupper() else "small" if sign.islower() else "other"


def _guesses(password: str, about: tuple[str, ...]) -> float:
    """Estimate how many tries finding a password takes."""
    # Its dictionaries take a quarter of a second to load.
    from zxcvbn import zxcvbn

    # It looks at the first 72 characters only; what is longer is no easier.
    words = [part for word in (*about, *_OURS) for part in (word, *word.split())]
    return float(zxcvbn(password[:72], user_inputs=words)["guesses"])


def _normal(password: str) -> str:
    """Write a password as every keyboard does: one text has one form."""
    return unicodedata.normalize("NFKC", password)


@cache
def _nobody() -> str:
    """Return a hash that no password has, so that a login that does not exist takes as long as one that does."""
    return _HASHER.hash("nobody")
