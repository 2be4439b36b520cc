"""Opening hours of gates."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from geo.network.gates import all_open, gate_state
from geo.network.hours import is_open
from geo.network.model import Gates

TUESDAY = (2024, 5, 14)
CASES = [
    ("24/7", (*TUESDAY, 3, 0), True),
    ("Mo-Su 06:00-22:00", (*TUESDAY, 10, 0), True),
    ("Mo-Su 06:00-22:00", (*TUESDAY, 5, 59), False),
    ("Mo-Su 06:00-22:00", (*TUESDAY, 22, 0), False),
    ("06:00-22:00", (*TUESDAY, 6, 0), True),
    ("Mo-Fr 06:00-22:00; Sa,Su 08:00-20:00", (2024, 5, 18, 7, 0), False),
    ("Mo-Fr 06:00-22:00; Sa,Su 08:00-20:00", (2024, 5, 18, 9, 0), True),
    ("Mo-Su 06:00-22:00; Tu off", (*TUESDAY, 10, 0), False),
    ("Mo-Su 06:00-22:00; PH off", (*TUESDAY, 10, 0), True),
    ("Mo-Fr,PH 06:00-22:00", (*TUESDAY, 10, 0), True),
    ("22:00-06:00", (*TUESDAY, 5, 0), True),
    ("22:00-06:00", (*TUESDAY, 12, 0), False),
    ("Mo 22:00-06:00", (*TUESDAY, 5, 0), True),
    ("Mo 22:00-06:00", (2024, 5, 13, 5, 0), False),
    ("Fr-Mo 08:00-12:00,14:00-18:00", (2024, 5, 19, 13, 0), False),
    ("Fr-Mo 08:00-12:00,14:00-18:00", (2024, 5, 19, 14, 0), True),
    ("Apr-Oct 06:00-22:00; Nov-Mar 07:00-20:00", (2024, 12, 3, 6, 30), False),
    ("Apr-Oct 06:00-22:00; Nov-Mar 07:00-20:00", (*TUESDAY, 6, 30), True),
    ("Apr-Oct: Mo-Fr 06:00-22:00", (*TUESDAY, 6, 30), True),
    ("Mo-Fr", (*TUESDAY, 3, 0), True),
    ("off", (*TUESDAY, 10, 0), False),
    ("sunrise-sunset", (*TUESDAY, 10, 0), None),
    ("Mo-Fr 6-22", (*TUESDAY, 10, 0), None),
    ("全天", (*TUESDAY, 10, 0), None),
    ("", (*TUESDAY, 10, 0), None),
    ("PH off", (*TUESDAY, 10, 0), None),
]


@pytest.mark.parametrize(("text", "moment", "expected"), CASES)
def test_opening_hours_are_judged_at_one_moment(
    text: str, moment: tuple[int, int, int, int, int], expected: bool | None
) -> None:
    assert is_open(text, datetime(*moment)) is expected


def test_gates_with_hours_nobody_understands_count_as_open_and_are_named() -> None:
    gates = Gates(
        ids=("n1", "n2", "n3", "n4", "n5"),
        names=("",) * 5,
        access=("open", "residents", "closed", "hours", "hours"),
        opening_hours=("", "", "", "Mo-Su 06:00-22:00", "when the guard is there"),
        node=np.arange(5, dtype=np.int32),
    )
    night = gate_state(gates, datetime(2024, 5, 14, 23, 0))
    assert night.everyone.tolist() == [True, False, False, False, True]
    assert night.residents.tolist() == [True, True, False, False, True]
    assert night.unparsable_ids == ("n5",)
    assert night.is_any_shut
    assert not all_open(gates).is_any_shut
