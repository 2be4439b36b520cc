"""Cases: opening one, taking steps, naming who is to take the next one, and saying something about it.

Everything a step does stands in one transaction: the step, the clocks, the notices and the audit. The database holds
each step against the case by itself (`geo.store.case_triggers`); what is judged here is said in better words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from geo.errors import ConflictError, DeniedError, InputError
from geo.services.case_clock import legal_day, start_clock, turn_clocks
from geo.services.case_common import new_id, note, problem, reach_of, refuse_stale, standing_of, too_long
from geo.services.notification import SYSTEM, tell_assignee, tell_next
from geo.store import Session, accounts, case_papers, cases
from geo.store.case_records import CaseRecord, CommentRecord, StepDocument
from geo.store.columns import utc_now, utc_text
from geo.workflow.district import contains_district, significant_code
from geo.workflow.judge import Standing, check_papers, find_step, role_for, why_not
from geo.workflow.person import Person, login_key
from geo.workflow.registry import WorkflowKit, standard_kit
from geo.workflow.table import Workflow

LONGEST_TITLE: Final = 200
LONGEST_WORDS: Final = 4000


@dataclass(frozen=True, slots=True)
class Subject:
    """What a case is about.

    Parameters
    ----------
    kind : str
        What sort of thing, such as a layer.
    id : str
        Which one.
    """

    kind: str
    id: str


def open_case(
    session: Session,
    *,
    workflow: str,
    subject: Subject,
    title: str | None = None,
    district: str | None = None,
    opener: Person | None = None,
    kit: WorkflowKit | None = None,
    now: datetime | None = None,
) -> CaseRecord:
    """Open a case.

    Parameters
    ----------
    session : Session
        Writing session.
    workflow : str
        Name of the procedure.
    subject : Subject
        What it is about.
    title : str, optional
        Title for people; by default the procedure's and the subject.
    district : str, optional
        Division code it belongs to; without one it is the whole bureau's.
    opener : Person, optional
        Who opens it; by default the system itself.
    kit : WorkflowKit, optional
        Workflows and holidays; by default `standard_kit`.
    now : datetime, optional
        The present moment.

    Returns
    -------
    CaseRecord
        The case.

    Raises
    ------
    NotFoundError
        There is no such procedure.
    InputError
        Title, subject or district are not allowed; all problems at once.
    DeniedError
        Who opens it may not, or not in that district.
    ConflictError
        A case of this procedure is open on the subject.
    """
    kit, at = kit or standard_kit(), now or utc_now()
    table = kit.get(workflow)
    shown = f"{table.title_zh}：{subject.kind}/{subject.id}" if title is None else title.strip()
    _check_opening(shown, subject, district)
    if opener is not None:
        _may_open(table, opener, district)
    about = subject.kind, subject.id
    there = cases.open_on(session, workflow, about)
    if there is not None:
        raise ConflictError(
            f"该对象已有未办结的“{table.title_zh}”办件 {there.uid}；请先办结",
            f"there is an open case {there.uid} of this workflow on the subject; finish it first",
            case=there.uid,
        )
    actor = SYSTEM if opener is None else opener.login
    on_behalf_of = None if opener is None else opener.on_behalf_of
    case = cases.add(
        session, uid=new_id("cs"), workflow=workflow, table_hash=table.fingerprint, subject=about, title=shown,
        district=district, state=table.initial, four_eyes=table.four_eyes, opened_by=actor, opened_for=on_behalf_of,
        opened_utc=at,
    )  # fmt: skip
    for name in table.starts:
        start_clock(session, case, table.clocks[name], seq=0, day=legal_day(at), calendar=kit.calendar)
    note(
        session, "case opened", case, actor, on_behalf_of, subject=f"{subject.kind}/{subject.id}", state=case.state,
        district=district, table=case.table_hash, at=utc_text(at),
    )  # fmt: skip
    tell_next(session, case, table, action_zh="立案", action_en="Opened", actor=actor, at=at)
    return case


def take_step(
    session: Session,
    uid: str,
    action: str,
    *,
    person: Person,
    version: int | None,
    reason: str = "",
    documents: Mapping[str, str] | None = None,
    kit: WorkflowKit | None = None,
    now: datetime | None = None,
) -> CaseRecord:
    """Take a step on a case.

    Parameters
    ----------
    session : Session
        Writing session.
    uid : str
        The case.
    action : str
        What is done.
    person : Person
        Who does it.
    version : int or None
        Version of the case the step is meant for; None takes whatever is there.
    reason : str
        Why.
    documents : Mapping of str to str, optional
        Id of an attachment of the case by kind of document.
    kit : WorkflowKit, optional
        Workflows and holidays; by default `standard_kit`.
    now : datetime, optional
        The present moment.

    Returns
    -------
    CaseRecord
        The case as it stands now.

    Raises
    ------
    NotFoundError
        There is no such case within the person's reach.
    StaleError
        It was changed since; says what was done.
    ConflictError
        It is over, its state does not allow the action, or it is assigned to somebody else.
    DeniedError
        The person holds none of the roles, or the four-eyes rule asks for somebody else.
    InputError
        There is no such action, or a reason or document is missing; all problems at once.
    """
    kit, at = kit or standard_kit(), now or utc_now()
    case = cases.get(session, uid, reach_of(person, kit))
    table = kit.get(case.workflow)
    refuse_stale(session, case, version, table, {"action": action})
    standing = standing_of(session, case)
    item = find_step(table, standing, action)
    refusal = why_not(table, item, standing, person)
    if refusal is not None:
        raise refusal
    given = dict(documents or {})
    if len(reason) > LONGEST_WORDS:
        wrong = too_long("reason", reason, LONGEST_WORDS)
        raise InputError(f"不能办理：{wrong.line('zh')}", f"the step is refused: {wrong.line('en')}", [wrong])
    missing = check_papers(item, reason=reason, kinds=given)
    _check_attachments(session, case, given)
    papers = [StepDocument(kind, attachment) for kind, attachment in given.items()]
    papers += [StepDocument(kind, None) for kind in missing]
    role = role_for(item, person)
    state = table.state(item.to_state)
    moved = cases.add_step(
        session, case, item, outcome=state.outcome, actor=person.login, on_behalf_of=person.on_behalf_of, role=role,
        reason=reason.strip(), documents=papers, table_hash=table.fingerprint, happened_utc=at,
    )  # fmt: skip
    seq = cases.last_seq(session, moved)
    turn_clocks(
        session, moved, item, tuple(table.clocks[name] for name in item.starts), seq=seq, day=legal_day(at),
        calendar=kit.calendar,
    )  # fmt: skip
    note(
        session, "case step taken", case, person.login, person.on_behalf_of, seq=seq, step=item.action,
        from_state=item.from_state, to_state=item.to_state, outcome=state.outcome, role=role, reason=reason.strip(),
        documents={one.kind: one.attachment for one in papers}, table=table.fingerprint, at=utc_text(at),
    )  # fmt: skip
    tell_next(
        session, moved, table, action_zh=item.title_zh, action_en=item.title_en, actor=person.login, at=at,
        eyes=person.eyes,
    )  # fmt: skip
    return moved


def assign(
    session: Session,
    uid: str,
    assignee: str | None,
    *,
    person: Person,
    version: int | None,
    kit: WorkflowKit | None = None,
    now: datetime | None = None,
) -> CaseRecord:
    """Say who is to take the next step.

    Parameters
    ----------
    session : Session
        Writing session.
    uid : str
        The case.
    assignee : str or None
        Login of somebody who may take one; None for whoever may.
    person : Person
        Who says so: somebody with a role that can act now.
    version : int or None
        Version of the case it is meant for; None takes whatever is there.
    kit : WorkflowKit, optional
        Workflows and holidays; by default `standard_kit`.
    now : datetime, optional
        The present moment.

    Returns
    -------
    CaseRecord
        The case as it stands now.

    Raises
    ------
    NotFoundError
        There is no such case within the person's reach.
    StaleError
        It was changed since; says what was done.
    ConflictError
        It is over.
    DeniedError
        The person has no role that can act now.
    InputError
        There is no such account, or it could take no step now.
    """
    kit, at = kit or standard_kit(), now or utc_now()
    case = cases.get(session, uid, reach_of(person, kit))
    table = kit.get(case.workflow)
    refuse_stale(session, case, version, table, {"assignee": assignee})
    if case.outcome is not None:
        raise ConflictError("办件已办结，不能指派", "the case is over; nobody is to take a step", state=case.state)
    leaving = table.leaving(case.state)
    if not person.roles & {role for item in leaving for role in item.roles}:
        raise DeniedError(
            "只有可办理当前环节的人员可以指派", "only those who can take a step now say who is to", state=case.state
        )
    if assignee is not None:
        _check_assignee(session, case, table, assignee, person)
    moved = cases.assign(session, case, None if assignee is None else login_key(assignee))
    note(
        session, "case assigned", case, person.login, person.on_behalf_of, assignee=moved.assignee,
        before=case.assignee, at=utc_text(at),
    )  # fmt: skip
    if moved.assignee is not None and moved.assignee not in person.eyes:
        tell_assignee(session, moved, actor=person.login, at=at)
    return moved


def comment(
    session: Session,
    uid: str,
    words: str,
    *,
    person: Person,
    kit: WorkflowKit | None = None,
    now: datetime | None = None,
) -> CommentRecord:
    """Say something about a case; it stays as it was said.

    Parameters
    ----------
    session : Session
        Writing session.
    uid : str
        The case.
    words : str
        What, up to `LONGEST_WORDS` characters.
    person : Person
        Who says it.
    kit : WorkflowKit, optional
        Workflows; by default `standard_kit`.
    now : datetime, optional
        The present moment.

    Returns
    -------
    CommentRecord
        The comment.

    Raises
    ------
    NotFoundError
        There is no such case within the person's reach.
    InputError
        Nothing is said, or too much.
    """
    at = now or utc_now()
    case = cases.get(session, uid, reach_of(person, kit or standard_kit()))
    said = words.strip()
    if not said or len(said) > LONGEST_WORDS:
        raise InputError(
            f"意见应为 1 到 {LONGEST_WORDS} 个字符", f"a comment has 1 to {LONGEST_WORDS} characters", field="words"
        )
    made = case_papers.add_comment(
        session, case, uid=new_id("cc"), author=person.login, on_behalf_of=person.on_behalf_of, words=said,
        created_utc=at,
    )  # fmt: skip
    note(session, "case comment added", case, person.login, person.on_behalf_of, id=made.uid, at=utc_text(at))
    return made


def _check_opening(title: str, subject: Subject, district: str | None) -> None:
    """Refuse a title, subject or district that cannot be, everything at once."""
    problems = []
    for field, value in (("title", title), ("subject.kind", subject.kind), ("subject.id", subject.id)):
        if not value.strip():
            problems.append(problem(field, value, "不能为空", "must not be empty"))
        elif len(value) > LONGEST_TITLE:
            problems.append(too_long(field, value, LONGEST_TITLE))
    if district is not None:
        try:
            significant_code(district)
        except InputError as error:
            problems.append(problem("district", district, error.message_zh, error.message_en))
    if problems:
        raise InputError(
            "办件信息有误：" + "；".join(one.line("zh") for one in problems),
            "the case is refused: " + "; ".join(one.line("en") for one in problems),
            problems,
        )


def _may_open(table: Workflow, opener: Person, district: str | None) -> None:
    """Refuse somebody whose roles or district do not allow it."""
    if not opener.roles & set(table.opened_by):
        raise DeniedError(
            f"无权发起“{table.title_zh}”；需要的角色：{'、'.join(table.opened_by)}",
            f"not allowed: opening a case of {table.title_en}; roles that may: {', '.join(table.opened_by)}",
            roles=list(table.opened_by),
        )
    is_own = opener.district is None or (district is not None and contains_district(opener.district, district))
    if not is_own:
        raise DeniedError(
            f"只能在本人辖区 {opener.district} 内发起；给出的是 {district or '全域'}",
            f"cases are opened within one's own district {opener.district}, not {district or 'for the whole bureau'}",
            district=district,
        )


def _check_attachments(session: Session, case: CaseRecord, given: Mapping[str, str]) -> None:
    """Refuse documents that are no attachments of the case, or are said to be of another kind."""
    there = {one.uid: one for one in case_papers.attachments(session, case)}
    problems = []
    for kind, uid in given.items():
        found = there.get(uid)
        if found is None:
            problems.append(
                problem(f"documents.{kind}", uid, "应为本办件的附件编号", "must be the id of an attachment of the case")
            )
        elif found.document not in (None, kind):
            problems.append(
                problem(
                    f"documents.{kind}", uid, f"该附件登记为“{found.document}”", f"the attachment is a {found.document}"
                )
            )
    if problems:
        raise InputError(
            "材料有误：" + "；".join(one.line("zh") for one in problems),
            "the documents are refused: " + "; ".join(one.line("en") for one in problems),
            problems,
        )


def _check_assignee(session: Session, case: CaseRecord, table: Workflow, assignee: str, person: Person) -> None:
    """Refuse to assign a case to somebody who could take no step."""
    if login_key(assignee) == login_key(person.login):
        candidate = person
    else:
        record = accounts.find(session, assignee)
        if record is None or not record.is_active:
            raise InputError(
                f"没有在用的账户“{assignee}”", f"there is no active account '{assignee}'", assignee=assignee
            )
        candidate = Person(record.login, record.roles, record.district)
    standing = standing_of(session, case)
    free = Standing(standing.state, standing.is_over, None, standing.four_eyes, standing.taken)
    leaving = table.leaving(case.state)
    is_there = candidate.district is None or (
        case.district is not None and contains_district(candidate.district, case.district)
    )
    if not is_there or all(why_not(table, item, free, candidate) is not None for item in leaving):
        roles = sorted({role for item in leaving for role in item.roles})
        raise InputError(
            f"“{assignee}”不能办理当前环节；可指派给持有 {'、'.join(roles)} 角色、辖区相符且不受回避限制的人员",
            f"'{assignee}' could take no step now; allowed is somebody with one of the roles {', '.join(roles)}, of "
            "the district, whom no four-eyes rule bars",
            assignee=assignee,
        )
