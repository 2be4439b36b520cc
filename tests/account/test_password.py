"""Passwords: what a profile refuses, and hashes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.account.password import hash_password, is_outdated, is_password, judge_password
from geo.account.profile import password_profile, password_profiles
from geo.errors import NotFoundError

MLPS3, ASVS = password_profile("mlps3"), password_profile("asvs")


def test_the_two_profiles_ask_what_their_standards_ask() -> None:
    assert set(password_profiles()) == {"mlps3", "asvs"}
    assert (MLPS3.min_length, MLPS3.min_classes, MLPS3.change_days, MLPS3.remembered) == (12, 3, 90, 5)
    assert (ASVS.min_classes, ASVS.change_days) == (0, 0)
    with pytest.raises(NotFoundError, match="mlps3"):
        password_profile("none")


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("Ab1-", ["4 个字符"]),
        ("abcdefghijkl", ["1 类字符", "容易猜到"]),
        ("kestrelmarmaladeviolin", ["1 类字符"]),
        ("Password1234", ["容易猜到"]),
        ("Fangyu2026!!", ["容易猜到"]),
        ("Wangfang1990!", ["含有账号或姓名", "容易猜到"]),
        ("WangFang-password-2026", ["含有账号或姓名"]),
        ("Qwertyuiop12", ["容易猜到"]),
        ("Kestrel-marmalade-7", []),
        ("x" * 200, ["200 个字符", "1 类字符"]),
    ],
)
def test_mlps3_says_everything_that_is_wrong_with_a_password(password: str, words: list[str]) -> None:
    found = judge_password(password, MLPS3, "wangfang", "王芳")
    assert len(found) == len(words), found
    for one, word in zip(found, words, strict=True):
        assert word in one.message_zh
        assert password not in one.message_zh + one.message_en


def test_asvs_asks_for_length_and_no_kinds_of_characters() -> None:
    assert judge_password("kestrel marmalade violin", ASVS) == []
    assert judge_password("Kestrel-marm-7", ASVS)
    assert judge_password("passwordpassword", ASVS)


def test_width_and_composition_of_characters_make_no_other_password() -> None:
    hashed = hash_password("Ａｂｃ－１２３")
    assert is_password(hashed, "Abc-123")


@given(st.text(max_size=40), st.text(max_size=40))
def test_only_the_same_text_is_the_same_password_whatever_is_sent(one: str, other: str) -> None:
    # Judging is total: no text makes it fail.
    judge_password(one, MLPS3, other)


def test_a_hash_holds_for_its_password_only_and_is_salted() -> None:
    hashed = hash_password("Kestrel-marmalade-7")
    assert hashed.startswith("$argon2id$")
    assert hashed != hash_password("Kestrel-marmalade-7")
    assert is_password(hashed, "Kestrel-marmalade-7")
    assert not is_password(hashed, "kestrel-marmalade-7")
    assert not is_outdated(hashed)
    assert is_outdated("$argon2id$v=19$m=1024,t=1,p=1$c29tZXNhbHRzb21l$XBUoYWBPqiXJxLfHvVdvAl0dXHKkGh2WsTZxvjhWKMs")


def test_nobody_has_the_password_of_nobody() -> None:
    assert not is_password("", "nobody")
    assert not is_password("no hash at all", "nobody")
