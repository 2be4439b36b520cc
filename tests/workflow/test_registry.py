"""Which workflows a server knows, and that each can be told from a changed one."""

from __future__ import annotations

from pathlib import Path

import pytest

from geo.errors import InputError, NotFoundError
from geo.workflow import WorkflowKit, load_workflow, load_workflows, standard_kit
from geo.workflow.registry import PRODUCT_FOLDER

SAMPLE = Path(__file__).parent / "sample.toml"


def test_the_product_knows_the_review_of_edits_made_outside() -> None:
    table = standard_kit().get("outside_edit")
    assert table.opened_by == ("data_steward",)
    assert {item.action for item in table.leaving("held")} == {"accept", "restore"}
    assert all(item.needs_reason and item.stops == ("review",) for item in table.transitions)
    assert (table.starts, table.clocks["review"].limit_days, table.clocks["review"].unit) == (
        ("review",),
        10,
        "working_day",
    )


def test_every_workflow_of_the_product_is_sound() -> None:
    found = load_workflows([PRODUCT_FOLDER])
    assert set(found) == {path.stem for path in PRODUCT_FOLDER.glob("*.toml")}


def test_a_bureau_adds_its_own_and_may_not_take_a_name_twice(tmp_path: Path) -> None:
    (tmp_path / "sample.toml").write_text(SAMPLE.read_text("utf-8"), "utf-8")
    assert set(load_workflows([PRODUCT_FOLDER, tmp_path, tmp_path / "none"])) == {"outside_edit", "sample"}
    with pytest.raises(InputError, match="that of another file"):
        load_workflows([tmp_path, tmp_path])
    (tmp_path / "sample.toml").rename(tmp_path / "other.toml")
    with pytest.raises(InputError, match="must be 'other'"):
        load_workflows([tmp_path])


def test_an_unknown_workflow_is_answered_with_the_known_ones() -> None:
    with pytest.raises(NotFoundError, match="outside_edit"):
        standard_kit().get("nonsense")


def test_roles_lead_to_workflows_and_steps() -> None:
    kit = WorkflowKit(load_workflows([SAMPLE.parent]))
    assert kit.of_roles(frozenset({"approver"})) == {"sample"}
    assert kit.of_roles(frozenset({"planner"})) == frozenset()
    assert {item.action for item in kit.steps_of(frozenset({"approver"}))} == {"approve"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('roles = ["approver"]', 'roles = ["approver", "reviewer"]'),
        ("limit_days = 5", "limit_days = 6"),
        ('distinct_from = ["submit"]', 'distinct_from = ["submit", "opening"]'),
        ('title_zh = "已受理"', 'title_zh = "受理"'),
        ('to = "refused"', 'to = "refused"\nreason = "required"'),
        ('opened_by = ["place_name_clerk"]', 'opened_by = ["place_name_clerk", "reviewer"]'),
    ],
)
def test_a_changed_table_has_another_fingerprint(old: str, new: str, tmp_path: Path) -> None:
    before = load_workflow(SAMPLE)
    text = SAMPLE.read_text("utf-8")
    path = tmp_path / "sample.toml"
    path.write_text("# another comment\n" + text, "utf-8")
    assert load_workflow(path).fingerprint == before.fingerprint
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1), "utf-8")
    assert load_workflow(path).fingerprint != before.fingerprint


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('initial = "draft"', 'initial = "draft"\nstarts = ["nothing"]', "must be one of acceptance"),
        ('initial = "draft"', 'initial = "draft"\nstarts = ["acceptance"]', "starts a clock that may still run"),
        ('to = "refused"', 'to = "refused"\nreason = "always"', "must be one of required, optional"),
        ('action = "submit"', 'action = "opening"', "stands for opening a case"),
    ],
)
def test_clocks_reasons_and_openers_are_held_against_the_rest(old: str, new: str, told: str, tmp_path: Path) -> None:
    text = SAMPLE.read_text("utf-8")
    path = tmp_path / "sample.toml"
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(InputError) as caught:
        load_workflow(path)
    assert told in caught.value.message_en
