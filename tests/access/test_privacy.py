"""What is told never tells of a few: every number that can be worked out is zero, enough people, or left open."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.access.privacy import is_guarded, told_gap, told_shares

LEAST = 4
"""Small, so that every possibility can be tried; the rule is the same."""
Cells = list[tuple[int, int]]
CELLS = st.lists(
    st.integers(LEAST, 13).flatmap(lambda whole: st.tuples(st.integers(0, whole), st.just(whole))),
    min_size=1, max_size=4,
)  # fmt: skip


def shares(part: list[int], whole: list[int], least: int = LEAST) -> list[float]:
    return told_shares(np.array(part, np.int64), np.array(whole, np.int64), least).tolist()


@pytest.mark.parametrize(
    ("part", "whole", "share"),
    [
        (0, 10, 0.0), (4, 10, 0.0), (5, 10, 1.0), (10, 10, 1.0), (9, 19, 0.0), (10, 19, 1.0), (19, 19, 1.0),
        (4, 20, 0.0), (5, 20, 0.5), (14, 20, 0.5), (15, 20, 1.0), (33, 100, 0.3), (35, 100, 0.4), (9, 9, np.nan),
    ],
)  # fmt: skip
def test_shares_have_as_many_steps_as_the_people_are_times_the_minimum(part: int, whole: int, share: float) -> None:
    assert shares([part], [whole], 10) == pytest.approx([share], nan_ok=True)


@settings(deadline=None)
@given(st.integers(10, 800), st.data())
def test_no_number_worked_out_of_a_share_is_of_a_few(whole: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, whole))
    share = told_shares(np.array([part]), np.array([whole]), 10)[0]
    covered = round(share * whole)
    for number in (covered, whole - covered):
        assert number == 0 or number >= 10
    same = [other for other in range(whole + 1) if shares([other], [whole], 10) == [share]]
    assert part in same
    assert len(same) >= 5
    assert abs(covered - part) <= 10


@settings(max_examples=300, deadline=None)
@given(CELLS)
def test_where_a_zone_is_told_of_its_exact_total_leaves_every_cell_open(cells: Cells) -> None:
    part, whole = (np.array(column, np.int64) for column in zip(*cells, strict=True))
    guarded = is_guarded(part, whole, np.zeros(len(cells), np.int64), LEAST)
    assert len(set(guarded.tolist())) == 1
    told = shares(part.tolist(), whole.tolist())
    total, rest = int(part.sum()), int((whole - part).sum())
    # Everything an attacker would hold possible who knows the people, the told shares and the exact total.
    choices = [[n for n in range(w + 1) if shares([n], [w]) == [share]] for share, w in zip(told, whole, strict=True)]
    possible = [vector for vector in product(*choices) if sum(vector) == total]
    numbers = [len({vector[position] for vector in possible}) for position in range(len(cells))]
    wanted = min(LEAST // 2, total + 1, rest + 1)
    assert guarded[0] == (len(cells) == 1 or min(numbers) >= wanted)


def test_zones_are_judged_apart_and_one_of_few_numbers_says_nothing() -> None:
    whole = np.full(5, 10, np.int64)
    # The first zone's total is the sum of the greatest numbers that its shares allow: each is given away.
    part = np.array([4, 4, 2, 3, 7], np.int64)
    zone = np.array([0, 0, 1, 1, 1])
    assert is_guarded(part, whole, zone, 10).tolist() == [False, False, True, True, True]


def test_where_nobody_or_everybody_is_covered_there_is_nothing_to_hide() -> None:
    whole = np.array([12, 30], np.int64)
    zone = np.zeros(2, np.int64)
    assert is_guarded(np.zeros(2, np.int64), whole, zone, 10).all()
    assert is_guarded(whole, whole, zone, 10).all()
    assert is_guarded(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64), 10).size == 0


@settings(deadline=None)
@given(st.integers(10, 400), st.integers(0, 400))
def test_a_gap_is_told_in_tens_and_by_reason_only_where_none_is_of_a_few(far: int, closed: int) -> None:
    persons, reasons = told_gap(far + closed, {"too_far": far, "gate_closed": closed})
    assert persons % 10 == 0
    assert persons >= 10
    assert abs(persons - far - closed) <= 5
    if 0 < closed < 10:
        assert reasons == {"too_far": None, "gate_closed": None}
    else:
        assert all(count is not None and count % 10 == 0 for count in reasons.values())
    # Whoever knows how many live around it still cannot tell how many of them are not in the gap.
    same = [n for n in range(10, 900) if told_gap(n, {})[0] == persons]
    assert len(same) >= 5
