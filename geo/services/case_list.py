"""Reading cases: what waits for somebody, and everything about one case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from geo.errors import FangyuError
from geo.services.case_clock import due_clocks as clocks_due
from geo.services.case_clock import legal_day, show_clock
from geo.services.case_common import reach_of, standing_of
from geo.store import Session, case_clocks, case_papers, cases
from geo.store.case_records import AttachmentRecord, CaseKey, CaseRecord, CommentRecord, StepRecord
from geo.store.columns import utc_now
from geo.workflow.clock import Clock
from geo.workflow.judge import why_not
from geo.workflow.person import Person
from geo.workflow.registry import WorkflowKit, standard_kit
from geo.workflow.table import Transition, Workflow


@dataclass(frozen=True, slots=True)
class Choice:
    """A step somebody could take with their roles.

    Parameters
    ----------
    transition : Transition
        The step, with what it needs.
    refusal : FangyuError or None
        Why they may not take it all the same.
    """

    transition: Transition
    refusal: FangyuError | None


@dataclass(frozen=True, slots=True)
class CaseView:
    """Everything about one case, for somebody.

    Parameters
    ----------
    case : CaseRecord
        The case.
    workflow : Workflow
        Its procedure, as it is now.
    choices : tuple of Choice
        What who asks could do.
    clocks : tuple of Clock
        What its clocks show.
    steps : tuple of StepRecord
        What was done.
    comments : tuple of CommentRecord
        What was said.
    attachments : tuple of AttachmentRecord
        What was attached.
    """

    case: CaseRecord
    workflow: Workflow
    choices: tuple[Choice, ...]
    clocks: tuple[Clock, ...]
    steps: tuple[StepRecord, ...]
    comments: tuple[CommentRecord, ...]
    attachments: tuple[AttachmentRecord, ...]


@dataclass(frozen=True, slots=True)
class ListedCase:
    """A case in a list.

    Parameters
    ----------
    case : CaseRecord
        The case.
    workflow : Workflow or None
        Its procedure; None where its table is gone.
    due : date or None
        First due date of its clocks.
    is_overdue : bool
        Whether that is over.
    """

    case: CaseRecord
    workflow: Workflow | None
    due: date | None
    is_overdue: bool


@dataclass(frozen=True, slots=True)
class CaseQuery:
    """Which cases are listed.

    Parameters
    ----------
    is_waiting : bool
        Only those in which who asks can take a step now, unless somebody else is to.
    is_mine : bool
        Only those assigned to who asks.
    workflow, state : str or None
        Only of this procedure, only in this state.
    """

    is_waiting: bool = True
    is_mine: bool = False
    workflow: str | None = None
    state: str | None = None


def inbox(
    session: Session,
    person: Person,
    query: CaseQuery | None = None,
    *,
    after: CaseKey | None = None,
    limit: int = 100,
    kit: WorkflowKit | None = None,
    now: datetime | None = None,
) -> tuple[tuple[ListedCase, ...], CaseKey | None]:
    """List what waits for somebody, what is due first at the top.

    Parameters
    ----------
    session : Session
        Any session.
    person : Person
        Who asks.
    query : CaseQuery, optional
        Which cases; by default those in which they can take a step now.
    after : CaseKey, optional
        Where the page begins.
    limit : int
        Most cases on it.
    kit : WorkflowKit, optional
        Workflows and holidays; by default `standard_kit`.
    now : datetime, optional
        The present moment.

    Returns
    -------
    tuple of ListedCase
        The page.
    CaseKey or None
        Where the next one begins.

    Raises
    ------
    NotFoundError
        There is no such procedure.
    """
    kit, asked = kit or standard_kit(), query or CaseQuery()
    today = legal_day(now or utc_now())
    if asked.workflow is not None:
        kit.get(asked.workflow)
    found = cases.page(
        session,
        reach=reach_of(person, kit),
        waiting=kit.steps_of(person.roles) if asked.is_waiting else None,
        assignee=person.eyes if asked.is_mine else None,
        workflow=asked.workflow,
        state=asked.state,
        after=after,
        limit=limit,
    )
    listed = tuple(
        ListedCase(case, kit.workflows.get(case.workflow), due, due is not None and due < today)
        for case, due in found.cases
    )
    return listed, found.following


def case_history(
    session: Session, uid: str, person: Person, *, kit: WorkflowKit | None = None, now: datetime | None = None
) -> CaseView:
    """Return everything about one case.

    Parameters
    ----------
    session : Session
        Any session.
    uid : str
        The case.
    person : Person
        Who asks.
    kit : WorkflowKit, optional
        Workflows and holidays; by default `standard_kit`.
    now : datetime, optional
        The present moment.

    Returns
    -------
    CaseView
        The case.

    Raises
    ------
    NotFoundError
        There is no such case within the person's reach.
    """
    kit = kit or standard_kit()
    today = legal_day(now or utc_now())
    case = cases.get(session, uid, reach_of(person, kit))
    table = kit.get(case.workflow)
    standing = standing_of(session, case)
    leaving = () if case.outcome is not None else table.leaving(case.state)
    return CaseView(
        case,
        table,
        tuple(
            Choice(item, why_not(table, item, standing, person)) for item in leaving if person.roles & set(item.roles)
        ),
        tuple(show_clock(record, today=today, calendar=kit.calendar) for record in case_clocks.of_case(session, case)),
        cases.steps(session, case),
        case_papers.comments(session, case),
        case_papers.attachments(session, case),
    )


def due_clocks(
    session: Session,
    person: Person | None = None,
    *,
    within_days: int = 0,
    kit: WorkflowKit | None = None,
    now: datetime | None = None,
) -> list[tuple[str, Clock]]:
    """List the clocks that run out, first due first.

    Parameters
    ----------
    session : Session
        Any session.
    person : Person, optional
        Whose cases; by default all.
    within_days : int
        Clocks that are due in so many calendar days or before; those that are overdue always.
    kit : WorkflowKit, optional
        Workflows and holidays; by default `standard_kit`.
    now : datetime, optional
        The present moment.

    Returns
    -------
    list of (str, Clock)
        Id of the case, and what the clock shows.
    """
    kit = kit or standard_kit()
    reach = None if person is None else reach_of(person, kit)
    return clocks_due(
        session, today=legal_day(now or utc_now()), calendar=kit.calendar, reach=reach, within_days=within_days
    )
