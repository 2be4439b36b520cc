"""People are counted exactly, whatever the columns say."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.access.population import BANDS, MICRO, build_population, persons_number
from geo.errors import InputError

NAN = np.nan


def row(**columns: float) -> dict[str, int]:
    """Return the bands of a single demand row."""
    table = build_population({name: np.array([value], float) for name, value in columns.items()}, 1)
    assert table.unit == 1
    return {band: int(n) for band, n in zip(BANDS, table.counts[0], strict=True) if n}


def test_ages_become_bands() -> None:
    assert row(persons_60_69=5, persons_70_79=3, persons_80_plus=1) == {"60_69": 5, "70_79": 3, "80_plus": 1}


def test_a_row_with_only_persons_is_unspecified() -> None:
    assert row(persons=12) == {"unspecified": 12}


def test_ages_win_over_persons() -> None:
    assert row(persons=100, persons_60_69=5, persons_70_79=0, persons_80_plus=1) == {"60_69": 5, "80_plus": 1}


def test_people_beyond_the_known_ages_are_unspecified() -> None:
    assert row(persons=10, persons_80_plus=4) == {"80_plus": 4, "unspecified": 6}


def test_known_ages_are_kept_when_persons_says_less() -> None:
    assert row(persons=2, persons_80_plus=4) == {"80_plus": 4}


def test_the_unable_are_taken_from_every_age() -> None:
    assert row(persons_60_69=50, persons_70_79=30, persons_80_plus=20, persons_unable=10) == {
        "60_69": 45,
        "70_79": 27,
        "80_plus": 18,
        "unable": 10,
    }


def test_of_equal_remainders_the_older_band_gives_first() -> None:
    assert row(persons_60_69=1, persons_70_79=1, persons_80_plus=1, persons_unable=1) == {
        "60_69": 1,
        "70_79": 1,
        "unable": 1,
    }


def test_more_unable_than_people_are_everybody() -> None:
    assert row(persons=3, persons_unable=7) == {"unable": 3}


def test_only_ability_columns_count_as_the_population() -> None:
    assert row(persons_able=6, persons_partly=3, persons_unable=2) == {"unspecified": 9, "unable": 2}


def test_ability_does_not_add_people_to_a_stated_zero() -> None:
    assert row(persons=0, persons_able=6) == {}


def test_a_row_without_any_number_holds_nobody() -> None:
    assert row(persons=NAN, persons_60_69=NAN) == {}


def test_one_fraction_makes_every_count_micro_persons() -> None:
    table = build_population({"persons": np.array([1.5, 2.0, 1 / 3])}, 3)
    assert table.unit == MICRO
    assert table.of_band("all").tolist() == [1_500_000, 2_000_000, 333_333]


def test_a_big_fractional_row_is_split_without_overflow() -> None:
    table = build_population(
        {
            "persons_60_69": np.array([4e6]),
            "persons_70_79": np.array([2e6 + 0.5]),
            "persons_unable": np.array([3e6]),
        },
        1,
    )
    assert table.total == 6_000_000_500_000
    exact = Fraction(3_000_000_000_000 * 4_000_000_000_000, 6_000_000_500_000)
    assert abs(4_000_000_000_000 - int(table.of_band("60_69")[0]) - exact) < 1


def test_counts_print_as_whole_numbers_where_they_are_whole() -> None:
    assert persons_number(7, 1) == 7
    assert isinstance(persons_number(7_000_000, MICRO), int)
    assert persons_number(7_500_000, MICRO) == 7.5


@pytest.mark.parametrize("bad", [-1.0, np.inf])
def test_negative_and_infinite_numbers_are_refused(bad: float) -> None:
    with pytest.raises(InputError, match="finite, at least 0"):
        build_population({"persons": np.array([1.0, bad])}, 2)


def test_unknown_columns_and_bands_are_refused() -> None:
    with pytest.raises(InputError, match="persons_90"):
        build_population({"persons_90": np.array([1.0])}, 1)
    with pytest.raises(InputError, match="unknown band"):
        build_population({"persons": np.array([1.0])}, 1).of_band("young")


def test_columns_of_another_length_are_refused() -> None:
    with pytest.raises(InputError, match="shape"):
        build_population({"persons": np.array([1.0])}, 2)


def largest_remainder(parts: list[int], take: int) -> list[int]:
    """Split plainly: floors, then one each to the largest remainders, the later part first among equals."""
    total = sum(parts)
    exact = [Fraction(part * take, total) for part in parts]
    taken = [int(share) for share in exact]
    order = sorted(range(len(parts)), key=lambda i: (exact[i] - taken[i], i), reverse=True)
    for i in order[: take - sum(taken)]:
        taken[i] += 1
    return taken


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(*[st.integers(0, 40)] * 3, st.integers(0, 60)),
        min_size=1,
        max_size=8,
    )
)
def test_rows_are_conserved_and_split_like_the_plain_oracle(rows: list[tuple[int, int, int, int]]) -> None:
    ages = np.array([one[:3] for one in rows], float)
    unable = np.array([one[3] for one in rows], float)
    columns = {"persons_60_69": ages[:, 0], "persons_70_79": ages[:, 1], "persons_80_plus": ages[:, 2]}
    table = build_population({**columns, "persons_unable": unable}, len(rows))
    assert (table.counts >= 0).all()
    assert table.counts.sum(axis=1).tolist() == ages.sum(axis=1).tolist()
    for counts, (*parts, stated) in zip(table.counts.tolist(), rows, strict=True):
        take = min(stated, sum(parts))
        taken = largest_remainder(parts, take) if take else [0, 0, 0]
        assert counts == [*(part - gone for part, gone in zip(parts, taken, strict=True)), take, 0]
