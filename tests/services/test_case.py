"""Cases: what a step needs, what it does, and how everybody else is told no."""

from __future__ import annotations

import json
import threading
from datetime import UTC, date, datetime, timedelta

import pytest

from geo.account.profile import password_profile
from geo.errors import ConflictError, DeniedError, FangyuError, InputError, NotFoundError, StaleError
from geo.services.account import NewAccount, add_account
from geo.services.case_clock import refresh_clocks
from geo.services.case_list import CaseQuery, case_history, due_clocks, inbox
from geo.services.notification import mark_read, notice_text, notifications
from geo.services.workflow import Subject, assign, comment, open_case
from geo.store import Session, Store, audit, cases
from geo.store.audit_check import verify
from geo.store.case_records import CaseRecord
from geo.workflow import Calendar, Person
from tests.accounts import GOOD, fast_hashes
from tests.cases_kit import (
    APPROVER,
    CLERK,
    HERE,
    KIT,
    MONDAY,
    REVIEWER,
    STEWARD,
    THERE,
    give,
    open_sample,
    person,
    submit,
    take,
)

__all__ = ["fast_hashes"]


def decisions(session: Session) -> list[tuple[str, str, str]]:
    """Return what the audit says of cases, oldest first."""
    assert verify(session).findings == ()
    found = list(reversed(audit.entries(session, kind="decision")))
    return [(one.actor, one.action, str(json.loads(one.detail).get("step"))) for one in found]


def waiting(session: Session, who: Person, **more: object) -> list[str]:
    """Return the titles of what waits for somebody."""
    listed, _ = inbox(session, who, kit=KIT, now=MONDAY, **more)  # type: ignore[arg-type]
    return [one.case.title for one in listed]


def test_a_case_goes_its_way_by_the_table(store: Store) -> None:
    with store.session() as session:
        case = open_sample(session)
        assert (case.state, case.row_version, case.outcome, case.opened_by) == ("draft", 1, None, "wang")
        case = submit(session, case)
        case = take(session, case, "request_correction", REVIEWER)
        case = take(session, case, "correct", CLERK)
        case = take(session, case, "accept", REVIEWER, reason=" 材料齐全 ")
        assert (case.state, case.outcome) == ("accepted", None)
        case = take(session, case, "approve", APPROVER)
        assert (case.state, case.outcome, case.closed_utc) == ("approved", "completed", MONDAY)
        steps = cases.steps(session, case)
        assert [(one.seq, one.action, one.actor, one.role) for one in steps] == [
            (1, "submit", "wang", "place_name_clerk"),
            (2, "request_correction", "li", "reviewer"),
            (3, "correct", "wang", "place_name_clerk"),
            (4, "accept", "li", "reviewer"),
            (5, "approve", "zhao", "approver"),
        ]
        assert steps[3].reason == "材料齐全"
        assert {one.table_hash for one in steps} == {KIT.get("sample").fingerprint}
        assert steps[0].documents[0].kind == "application_form"
        assert [one[2] for one in decisions(session)] == [
            "None", "submit", "request_correction", "correct", "accept", "approve",
        ]  # fmt: skip


def test_the_system_itself_opens_a_case_of_any_subject(store: Store) -> None:
    with store.session() as session:
        case = open_case(session, workflow="outside_edit", subject=Subject("admin_divisions", "d1"))
        assert (case.opened_by, case.state, case.district) == ("system:fangyu", "held", None)
        with pytest.raises(ConflictError, match=case.uid):
            open_case(session, workflow="outside_edit", subject=Subject("admin_divisions", "d1"))
        everywhere = person("sun", "data_steward")
        assert waiting(session, everywhere) == [case.title]
        assert waiting(session, STEWARD) == []
        with pytest.raises(InputError, match="must say why"):
            take(session, case, "restore", everywhere)
        closed = take(session, case, "restore", everywhere, reason="未经批准")
        assert (closed.state, closed.outcome) == ("restored", "completed")
        again = open_case(session, workflow="outside_edit", subject=Subject("admin_divisions", "d1"))
        assert again.uid != case.uid


WAYS = {
    "draft": (),
    "applied": ("submit",),
    "correcting": ("submit", "request_correction"),
    "accepted": ("submit", "accept"),
    "approved": ("submit", "accept", "approve"),
    "refused": ("submit", "refuse"),
}
"""How each state of the sample is reached."""
WHO = {"place_name_clerk": CLERK, "reviewer": REVIEWER, "approver": APPROVER}


def brought_to(session: Session, state: str) -> CaseRecord:
    """Return a case in a state."""
    case = open_sample(session)
    for action in WAYS[state]:
        item = KIT.get("sample").find(case.state, action)
        assert item is not None
        case = submit(session, case) if action == "submit" else take(session, case, action, WHO[item.roles[0]])
    assert case.state == state
    return case


@pytest.mark.parametrize("state", WAYS)
def test_in_each_state_the_table_s_actions_go_and_no_other(store: Store, state: str) -> None:
    table = KIT.get("sample")
    assert set(WAYS) == set(table.states)
    with store.session() as session:
        case = brought_to(session, state)
        everybody = person("wu", *WHO, district=HERE)
        given = {"application_form": give(session, case)}
        for action in dict.fromkeys(item.action for item in table.transitions):
            item = table.find(state, action)
            documents = given if action == "submit" else {}
            if item is None:
                with pytest.raises(ConflictError):
                    take(session, case, action, everybody, documents=documents)
                continue
            # Nobody without one of the roles, whatever other roles they hold.
            others = person("wu", *(set(WHO) - set(item.roles)), district=HERE)
            with pytest.raises(DeniedError):
                take(session, case, action, others, documents=documents)
            with session.begin_nested() as undone:
                assert take(session, case, action, everybody, documents=documents).state == item.to_state
                undone.rollback()
        assert cases.get(session, case.uid) == case


@pytest.mark.parametrize(
    ("who", "district", "kind", "told"),
    [
        (REVIEWER, HERE, DeniedError, "roles that may: place_name_clerk"),
        (CLERK, THERE, DeniedError, "one's own district"),
        (CLERK, None, DeniedError, "one's own district"),
        (CLERK, "32x", InputError, "no division code"),
    ],
)
def test_who_may_not_open_a_case_is_told(
    store: Store, who: Person, district: str | None, kind: type[FangyuError], told: str
) -> None:
    with store.session() as session, pytest.raises(kind, match=told):
        open_case(session, workflow="sample", subject=Subject("a", "b"), district=district, opener=who, kit=KIT)


def test_everything_wrong_with_an_opening_is_told_at_once(store: Store) -> None:
    with store.session() as session, pytest.raises(InputError) as caught:
        open_case(
            session, workflow="sample", subject=Subject(" ", "x" * 300), title="  ", district="1", opener=CLERK, kit=KIT
        )
    assert [one.field for one in caught.value.problems] == ["title", "subject.kind", "subject.id", "district"]


@pytest.mark.parametrize(
    ("who", "action", "kind", "told"),
    [
        (APPROVER, "accept", DeniedError, "roles that may: Reviewer"),
        (person("wang", "reviewer", district=HERE), "accept", DeniedError, "somebody else"),
        (person("WANG", "reviewer", district=HERE), "accept", DeniedError, "somebody else"),
        (person("li", "reviewer", district=HERE, on_behalf_of="wang"), "accept", DeniedError, "somebody else"),
        (person("li", "reviewer", district=THERE), "accept", NotFoundError, "there is no case"),
        (person("li", "reviewer", district="320505002"), "accept", NotFoundError, "there is no case"),
        (person("li", "planner", district=HERE), "accept", NotFoundError, "there is no case"),
        (REVIEWER, "approve", ConflictError, "allowed: request_correction, accept, refuse"),
        (REVIEWER, "submit", ConflictError, "cannot be done"),
        (REVIEWER, "fly", InputError, "no action 'fly'"),
    ],
)
def test_the_wrong_person_or_action_is_refused_with_words(
    store: Store, who: Person, action: str, kind: type[FangyuError], told: str
) -> None:
    with store.session() as session:
        case = submit(session, open_sample(session))
    with store.session() as session, pytest.raises(kind, match=told) as caught:
        take(session, case, action, who)
    assert any("\u4e00" <= sign <= "\u9fff" for sign in caught.value.message_zh)
    with store.session() as session:
        assert cases.get(session, case.uid) == case
        assert len(cases.steps(session, case)) == 1


def test_documents_are_attachments_of_the_case_and_of_their_kind(store: Store) -> None:
    with store.session() as session:
        case, other = open_sample(session), open_sample(session, 2)
        foreign = give(session, other)
        for documents, told in (
            ({}, "this document is missing"),
            ({"application_form": "ca-none"}, "must be the id of an attachment"),
            ({"application_form": foreign}, "must be the id of an attachment"),
            ({"application_form": give(session, case), "map": "x"}, "allowed: application_form"),
        ):
            with pytest.raises(InputError) as caught:
                take(session, case, "submit", CLERK, documents=documents)
            assert told in caught.value.message_en
        unnamed = give(session, case, None)
        moved = take(session, case, "submit", CLERK, documents={"application_form": unnamed})
        assert moved.state == "applied"


def test_a_stale_version_says_what_was_done_since(store: Store) -> None:
    with store.session() as session:
        first = open_sample(session)
        second = submit(session, first)
        take(session, second, "request_correction", REVIEWER)
        with pytest.raises(StaleError) as caught:
            take(session, first, "submit", CLERK)
        error = caught.value
        assert "wang 已办理“提交”，进入“已申请”" in error.message_zh
        assert "li did Request a correction, to Correction requested" in error.message_en
        assert [one["seq"] for one in error.detail["theirs"]["steps"]] == [1, 2]  # type: ignore[index]
        assert error.detail["tag"] == f"{first.uid}.3"
        with pytest.raises(StaleError, match="did Request a correction") as caught:
            take(session, second, "accept", REVIEWER)
        assert len(caught.value.detail["theirs"]["steps"]) == 1  # type: ignore[index]


def test_four_eyes_count_for_the_colleague_somebody_stands_in_for(store: Store) -> None:
    stand_in = person("qian", "place_name_clerk", district=HERE, on_behalf_of="li")
    with store.session() as session:
        case = submit(session, open_sample(session, opener=stand_in), stand_in)
        for who in (REVIEWER, person("qian", "reviewer", district=HERE)):
            with pytest.raises(DeniedError, match="somebody else"):
                take(session, case, "accept", who)
        assert take(session, case, "accept", person("wu", "reviewer")).state == "accepted"
        told = [one for one in audit.entries(session, kind="decision") if one.actor == "qian"]
        assert {one.on_behalf_of for one in told} == {"li"}


def test_of_eight_who_decide_at_once_exactly_one_does(store: Store) -> None:
    with store.session() as session:
        case = submit(session, open_sample(session))
    ready, results = threading.Barrier(8), []

    def decide(number: int) -> None:
        who = person(f"reviewer{number}", "reviewer", district=HERE)
        ready.wait()
        try:
            with store.session() as session:
                take(session, case, "accept" if number % 2 else "refuse", who)
            results.append("done")
        except ConflictError as error:
            results.append(error.code)

    threads = [threading.Thread(target=decide, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(results) == ["done"] + ["stale"] * 7
    with store.session() as session:
        assert len(cases.steps(session, case)) == 2
        assert len(decisions(session)) == 3


def test_clocks_are_paused_resumed_and_stopped_by_steps_over_the_spring_festival(store: Store) -> None:
    # 2026: offices rest from 15 to 23 February and work on Saturday the 14th and Saturday the 28th.
    at = datetime(2026, 2, 11, 3, 0, tzinfo=UTC)
    with store.session() as session:
        case = submit(session, open_sample(session), now=at)
        view = case_history(session, case.uid, REVIEWER, kit=KIT, now=at)
        assert [(one.rule.name, one.state, one.due) for one in view.clocks] == [
            ("acceptance", "running", date(2026, 2, 25))
        ]
        assert [one.due for one in inbox(session, REVIEWER, kit=KIT, now=at)[0]] == [date(2026, 2, 25)]
        case = take(session, case, "request_correction", REVIEWER, now=at + timedelta(days=1))
        clock = case_history(session, case.uid, CLERK, kit=KIT, now=at + timedelta(days=30)).clocks[0]
        assert (clock.state, clock.due, clock.used_days) == ("paused", None, 1)
        case = take(session, case, "correct", CLERK, now=datetime(2026, 2, 26, 3, 0, tzinfo=UTC))
        clock = case_history(session, case.uid, CLERK, kit=KIT, now=datetime(2026, 3, 2, 3, tzinfo=UTC)).clocks[0]
        # 12 February; 27, 28 (a working Saturday), 2 and 3 March.
        assert (clock.state, clock.due, clock.used_days) == ("running", date(2026, 3, 3), 4)
        late = datetime(2026, 3, 5, 1, 0, tzinfo=UTC)
        listed = inbox(session, REVIEWER, kit=KIT, now=late)[0]
        assert [(one.due, one.is_overdue) for one in listed] == [(date(2026, 3, 3), True)]
        assert [uid for uid, _ in due_clocks(session, kit=KIT, now=late)] == [case.uid]
        assert due_clocks(session, kit=KIT, now=datetime(2026, 3, 1, tzinfo=UTC)) == []
        assert len(due_clocks(session, REVIEWER, within_days=3, kit=KIT, now=datetime(2026, 3, 1, tzinfo=UTC))) == 1
        assert due_clocks(session, person("x", "reviewer", district=THERE), kit=KIT, now=late) == []
        case = take(session, case, "accept", REVIEWER, now=late)
        clock = case_history(session, case.uid, CLERK, kit=KIT, now=late).clocks[0]
        assert (clock.state, clock.used_days, clock.over_days) == ("stopped", 7, 2)
        assert due_clocks(session, kit=KIT, now=late + timedelta(days=90)) == []


def test_days_are_counted_in_beijing(store: Store) -> None:
    with store.session() as session:
        # Half past eleven at night on Sunday in London is Monday morning here.
        case = open_case(
            session, workflow="outside_edit", subject=Subject("a", "b"), now=datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
        )
        view = case_history(session, case.uid, person("sun", "data_steward"), now=MONDAY)
        assert [(one.due, one.rule.limit_days) for one in view.clocks] == [(date(2026, 3, 16), 10)]


def test_a_clock_keeps_the_limit_it_was_started_with(store: Store) -> None:
    from dataclasses import replace

    with store.session() as session:
        case = submit(session, open_sample(session))
        table = KIT.get("sample")
        rule = replace(table.clocks["acceptance"], limit_days=50)
        later = replace(KIT, workflows={"sample": replace(table, clocks={"acceptance": rule})})
        view = case_history(session, case.uid, REVIEWER, kit=later, now=MONDAY)
        assert view.clocks[0].rule.limit_days == 5


def test_holidays_that_become_known_move_what_is_due(store: Store) -> None:
    with store.session() as session:
        case = submit(session, open_sample(session), now=datetime(2030, 1, 1, 4, tzinfo=UTC))
        view = case_history(session, case.uid, REVIEWER, kit=KIT, now=datetime(2030, 1, 2, tzinfo=UTC))
        assert [(one.due, one.is_provisional) for one in view.clocks] == [(date(2030, 1, 8), True)]
        paused = take(session, submit(session, open_sample(session, 2)), "request_correction", REVIEWER)
    assert refresh_clocks(store, KIT.calendar) == 0
    known = Calendar({date(2030, 1, 2): False, date(2030, 1, 5): True}, frozenset({2030}))
    assert refresh_clocks(store, known) == 0  # a Saturday is worked for the day
    known = Calendar({date(2030, 1, 2): False}, frozenset({2030}))
    assert refresh_clocks(store, known) == 1
    with store.session() as session:
        listed = {one.case.uid: one.due for one in inbox(session, REVIEWER, kit=KIT)[0]}
        assert listed == {case.uid: date(2030, 1, 9)}
        assert case_history(session, paused.uid, REVIEWER, kit=KIT).clocks[0].state == "paused"
        newest = audit.entries(session, limit=1)[0]
        assert (newest.action, json.loads(newest.detail)["after"]) == ("case clock moved", "2030-01-09")


def test_the_inbox_holds_what_one_can_do_now(store: Store) -> None:
    with store.session() as session:
        first, second = open_sample(session), open_sample(session, 2)
        foreign = open_sample(session, 3, district=THERE, opener=person("sun", "place_name_clerk"))
        assert waiting(session, CLERK) == [first.title, second.title]
        assert waiting(session, REVIEWER) == []
        submit(session, foreign, person("sun", "place_name_clerk"))
        case = submit(session, second)
        assert waiting(session, REVIEWER) == [second.title]
        assert waiting(session, APPROVER) == []
        assert waiting(session, person("deng", "reviewer")) == [second.title, foreign.title]
        # Who is barred by the four-eyes rule from accepting may still ask for a correction.
        assert waiting(session, person("wang", "reviewer", district=HERE)) == [second.title]
        case = take(session, case, "accept", REVIEWER)
        assert waiting(session, APPROVER) == [second.title]
        for barred in ("li", "wang"):
            assert waiting(session, person(barred, "approver", district=HERE)) == []
        everything = CaseQuery(is_waiting=False)
        assert waiting(session, REVIEWER, query=everything) == [first.title, second.title]
        assert waiting(session, REVIEWER, query=CaseQuery(False, state="accepted")) == [second.title]
        assert waiting(session, REVIEWER, query=CaseQuery(False, workflow="outside_edit")) == []
        assert waiting(session, person("x", "planner"), query=everything) == []
        with pytest.raises(NotFoundError, match="sample"):
            waiting(session, REVIEWER, query=CaseQuery(workflow="none"))


def test_the_inbox_is_read_page_by_page_with_what_is_due_first(store: Store) -> None:
    chief = person("zong", "place_name_clerk", "reviewer")
    with store.session() as session:
        for number in range(7):
            made = open_sample(session, number)
            if number % 2:
                submit(session, made, now=MONDAY - timedelta(days=number))
        seen, key = [], None
        for _ in range(9):
            listed, key = inbox(session, chief, after=key, limit=2, kit=KIT, now=MONDAY)
            seen += [(one.case.subject_id, one.due is None) for one in listed]
            if key is None:
                break
        assert [name for name, _ in seen] == ["r5", "r3", "r1", "r0", "r2", "r4", "r6"]
        assert [without for _, without in seen] == [False] * 3 + [True] * 4


@pytest.mark.usefixtures("fast_hashes")
def test_a_case_is_assigned_to_somebody_who_can_take_the_step(store: Store) -> None:
    with store.session() as session:
        for login, roles, district in (
            ("li", {"reviewer"}, HERE), ("wu", {"reviewer"}, "320500"), ("far", {"reviewer"}, THERE),
            ("zhao", {"approver"}, None),
        ):  # fmt: skip
            new = NewAccount(login, login, frozenset(roles), district)
            add_account(session, new, profile=password_profile("mlps3"), actor="x", password=GOOD)
        case = submit(session, open_sample(session))

        def give_to(login: str | None, who: Person = REVIEWER) -> None:
            nonlocal case
            case = assign(session, case.uid, login, person=who, version=case.row_version, kit=KIT, now=MONDAY)

        for login in ("far", "zhao", "nobody"):
            with pytest.raises(InputError):
                give_to(login)
        with pytest.raises(DeniedError, match="only those who can take a step"):
            give_to("wu", CLERK)
        give_to("Wu")
        assert (case.assignee, case.row_version) == ("wu", 3)
        wu = person("wu", "reviewer", district="320500")
        assert waiting(session, REVIEWER) == []
        assert waiting(session, wu, query=CaseQuery(is_mine=True)) == [case.title]
        with pytest.raises(ConflictError, match="assigned to wu"):
            take(session, case, "accept", REVIEWER)
        with pytest.raises(StaleError, match="assigned"):
            assign(session, case.uid, None, person=wu, version=2, kit=KIT)
        zh = [notice_text(one)[0] for one in notifications(session, wu, kit=KIT).notices]
        assert zh[0] == f"li 将“{case.title}”指派给您"
        done = take(session, case, "accept", wu)
        assert done.assignee is None
        closed = take(session, done, "approve", person("zhao", "approver"))
        with pytest.raises(ConflictError, match="over"):
            assign(session, closed.uid, None, person=person("zhao", "approver"), version=None, kit=KIT)


def test_notices_reach_those_who_act_next_and_who_opened_and_each_reads_for_themselves(store: Store) -> None:
    other = person("wu", "reviewer", district=HERE)
    foreign = person("far", "reviewer", district=THERE)
    with store.session() as session:
        case = submit(session, open_sample(session))

        def unread(who: Person) -> list[str]:
            page = notifications(session, who, unread=True, kit=KIT)
            assert page.unread == len(page.notices)
            return [one.kind for one in page.notices]

        assert unread(REVIEWER) == ["case_waiting"]
        assert unread(foreign) == unread(APPROVER) == []
        # The clerk was told that the draft waits; what they did themselves they know.
        assert unread(CLERK) == ["case_waiting"]
        assert mark_read(session, REVIEWER, kit=KIT, now=MONDAY) == 1
        assert mark_read(session, REVIEWER, kit=KIT, now=MONDAY) == 0
        assert (unread(REVIEWER), unread(other)) == ([], ["case_waiting"])
        uid = notifications(session, other, kit=KIT).notices[0].uid
        assert mark_read(session, foreign, [uid], kit=KIT) == 0
        case = take(session, case, "accept", REVIEWER)
        assert unread(CLERK) == ["case_moved", "case_waiting"]
        take(session, case, "approve", APPROVER)
        assert unread(CLERK) == ["case_closed", "case_moved", "case_waiting"]
        newest = notifications(session, CLERK, kit=KIT).notices[0]
        assert notice_text(newest) == (
            f"“{case.title}”已办结：zhao 已批复，结果“已批复”",
            f"'{case.title}' is over: zhao did Approve, it ended as Approved",
        )
        stand_in = person("qian", "reviewer", district=HERE, on_behalf_of="wang")
        assert unread(stand_in)[:2] == ["case_closed", "case_moved"]
        page = notifications(session, CLERK, limit=2, kit=KIT)
        assert len(page.notices) == 2
        assert len(notifications(session, CLERK, before=page.following, kit=KIT).notices) == 1


def test_a_comment_stays_with_its_case(store: Store) -> None:
    with store.session() as session:
        case = open_sample(session)
        made = comment(session, case.uid, " 请补充图件 ", person=REVIEWER, kit=KIT, now=MONDAY)
        assert case_history(session, case.uid, CLERK, kit=KIT).comments == (made,)
        assert made.words == "请补充图件"
        for words in ("  ", "x" * 4001):
            with pytest.raises(InputError):
                comment(session, case.uid, words, person=REVIEWER, kit=KIT)
        with pytest.raises(NotFoundError):
            comment(session, case.uid, "x", person=person("far", "reviewer", district=THERE), kit=KIT)
        assert ("li", "case comment added", "None") in decisions(session)


def test_the_history_says_what_who_asks_could_do_and_why_not(store: Store) -> None:
    with store.session() as session:
        case = submit(session, open_sample(session))
        both = person("wang", "place_name_clerk", "reviewer", district=HERE)
        choices = {one.transition.action: one.refusal for one in case_history(session, case.uid, both, kit=KIT).choices}
        assert set(choices) == {"request_correction", "accept", "refuse"}
        assert isinstance(choices["accept"], DeniedError)
        assert choices["refuse"] is None
        assert case_history(session, case.uid, CLERK, kit=KIT).choices == ()
        with pytest.raises(NotFoundError):
            case_history(session, case.uid, person("far", "reviewer", district=THERE), kit=KIT)
