"""Reading workflows, and what the validator finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from geo.errors import InputError
from geo.workflow import load_workflow

SAMPLE = Path(__file__).parent / "sample.toml"


def test_the_sample_is_sound() -> None:
    workflow = load_workflow(SAMPLE)
    assert workflow.four_eyes == {"accept": ("submit",), "approve": ("accept", "submit")}
    assert {item.action for item in workflow.leaving("applied")} == {"request_correction", "accept", "refuse"}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('stops = ["acceptance"]', "", "no step stops it"),
        ('resumes = ["acceptance"]', "", "no step resumes it"),
        ('roles = ["approver"]', "roles = []", "at least one"),
        ('roles = ["approver"]', 'roles = ["public"]', "must be one of"),
        ('from = ["draft"]', 'from = ["accepted"]', "cannot be reached"),
        ('title_en = "Refused", outcome = "ended"', 'title_en = "Refused"', "dead state"),
        ('to = "accepted"', 'to = "approved"', "can be passed by"),
        ('certainty = "D"', 'certainty = "U"', "may not be required"),
        ('distinct_from = ["submit"]', 'distinct_from = ["sign"]', "must be one of"),
    ],
)
def test_what_makes_no_sense_is_told(tmp_path: Path, old: str, new: str, told: str) -> None:
    text = SAMPLE.read_text("utf-8")
    assert old in text
    path = tmp_path / "wrong.toml"
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(InputError, match=told):
        load_workflow(path)
