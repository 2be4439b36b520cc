"""Moments as people write them."""

from __future__ import annotations

from datetime import datetime

import pytest

from geo.errors import InputError
from geo.services.moment import DEFAULT_MOMENT, moment_text, parse_moment


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (None, "Tu 10:00"),
        ("  ", "Tu 10:00"),
        ("10:00", "Tu 10:00"),
        ("Tue 23:00", "Tu 23:00"),
        ("sunday 7:05", "Su 07:05"),
        ("周二 10:00", "Tu 10:00"),
        ("星期天 8:30", "Su 08:30"),
        ("周六 8\uff1a30", "Sa 08:30"),
        ("2027-01-02T09:15", "2027-01-02 Sa 09:15"),
    ],
)
def test_a_moment_is_read_in_each_form(text: str | None, shown: str) -> None:
    assert moment_text(parse_moment(text)) == shown


@pytest.mark.parametrize("text", ["noon", "25:00", "Tue 10:70", "周八 10:00"])
def test_what_is_no_moment_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(InputError, match="write"):
        parse_moment(text)


def test_the_default_is_a_tuesday_at_ten() -> None:
    assert DEFAULT_MOMENT.weekday() == 1
    assert datetime(2026, 3, 3, 10, 0) == DEFAULT_MOMENT
