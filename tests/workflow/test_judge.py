"""Whether somebody may take a step, and why not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from geo.errors import ConflictError, DeniedError, InputError
from geo.workflow import Person, load_workflow
from geo.workflow.judge import Standing, Taken, check_papers, find_step, role_for, why_not
from geo.workflow.table import OPENING

TABLE = load_workflow(Path(__file__).parent / "sample.toml")
OPENED = Taken(OPENING, "wang", None)
APPLIED = Standing("applied", False, None, TABLE.four_eyes, (OPENED, Taken("submit", "wang", None)))
ACCEPT = find_step(TABLE, APPLIED, "accept")
APPROVE = find_step(TABLE, replace(APPLIED, state="accepted"), "approve")
LI = Person("li", frozenset({"reviewer"}))


def test_an_action_belongs_to_its_state() -> None:
    with pytest.raises(InputError, match="no action 'fly'; there are submit"):
        find_step(TABLE, APPLIED, "fly")
    with pytest.raises(ConflictError, match="allowed: request_correction, accept, refuse"):
        find_step(TABLE, APPLIED, "approve")
    with pytest.raises(ConflictError, match="over"):
        find_step(TABLE, replace(APPLIED, is_over=True), "accept")


@pytest.mark.parametrize(
    ("person", "told"),
    [
        (LI, None),
        (Person("li", frozenset({"approver"})), "roles that may: Reviewer"),
        (Person("wang", frozenset({"reviewer"})), "somebody else"),
        (Person("Wang", frozenset({"reviewer"})), "somebody else"),
        (Person("li", frozenset({"reviewer"}), None, "wang"), "somebody else"),
        (Person("wang", frozenset({"reviewer"}), None, "li"), "somebody else"),
    ],
)
def test_roles_and_eyes_decide(person: Person, told: str | None) -> None:
    refusal = why_not(TABLE, ACCEPT, APPLIED, person)
    assert (refusal is None) if told is None else told in str(refusal)
    assert refusal is None or isinstance(refusal, DeniedError)


def test_the_rule_a_case_was_opened_with_holds_beside_that_of_today() -> None:
    item = replace(ACCEPT, distinct_from=())
    assert why_not(TABLE, item, APPLIED, Person("wang", frozenset({"reviewer"}))) is not None
    assert why_not(TABLE, item, replace(APPLIED, four_eyes={}), Person("wang", frozenset({"reviewer"}))) is None
    barred = replace(ACCEPT, distinct_from=(OPENING,))
    unsubmitted = replace(APPLIED, taken=(OPENED,), four_eyes={})
    assert "立案" in getattr(
        why_not(TABLE, barred, unsubmitted, Person("wang", frozenset({"reviewer"}))), "message_zh", ""
    )


def test_what_comes_before_must_have_been_done() -> None:
    zhao = Person("zhao", frozenset({"approver"}))
    refusal = why_not(TABLE, APPROVE, APPLIED, zhao)
    assert isinstance(refusal, ConflictError)
    assert "应先完成：受理" in refusal.message_zh
    done = replace(APPLIED, taken=(*APPLIED.taken, Taken("accept", "li", None)))
    assert why_not(TABLE, APPROVE, done, zhao) is None
    assert why_not(TABLE, APPROVE, done, Person("li", frozenset({"approver"}))) is not None


def test_an_assigned_case_is_for_who_it_is_assigned_to() -> None:
    assigned = replace(APPLIED, assignee="wu")
    assert isinstance(why_not(TABLE, ACCEPT, assigned, LI), ConflictError)
    assert why_not(TABLE, ACCEPT, assigned, Person("Wu", frozenset({"reviewer"}))) is None
    assert why_not(TABLE, ACCEPT, assigned, Person("li", frozenset({"reviewer"}), None, "wu")) is None


def test_documents_and_reasons_are_asked_for_all_at_once() -> None:
    submit = replace(find_step(TABLE, replace(APPLIED, state="draft"), "submit"), needs_reason=True)
    with pytest.raises(InputError) as caught:
        check_papers(submit, reason="  ", kinds={"map": "x"})
    assert [one.field for one in caught.value.problems] == ["reason", "documents", "documents.application_form"]
    assert check_papers(submit, reason="好", kinds={"application_form": "x"}) == ()


def test_a_document_of_an_unsure_rule_is_only_noted() -> None:
    submit = replace(find_step(TABLE, replace(APPLIED, state="draft"), "submit"), certainty="U")
    assert check_papers(submit, reason="", kinds={}) == ("application_form",)


def test_the_first_role_of_the_step_is_the_one_acted_in() -> None:
    both = replace(ACCEPT, roles=("approver", "reviewer"))
    assert role_for(both, Person("li", frozenset({"reviewer", "approver"}))) == "approver"
    assert role_for(both, LI) == "reviewer"
