"""People, papers and the sample workflow, for tests of cases."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from geo.services.case_common import new_id
from geo.services.workflow import Subject, open_case, take_step
from geo.store import Session, case_papers
from geo.store.case_records import CaseRecord
from geo.workflow import Calendar, Person, WorkflowKit, load_workflows, standard_kit

KIT = WorkflowKit({**standard_kit().workflows, **load_workflows([Path(__file__).parent / "workflow"])}, Calendar())
"""The product's workflows, and the sample."""
HERE, THERE = "320505000000", "320506000000"
MONDAY = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
"""A Monday morning at ten in Beijing, with no holiday about."""


def person(login: str, *roles: str, district: str | None = None, on_behalf_of: str | None = None) -> Person:
    """Return somebody."""
    return Person(login, frozenset(roles), district, on_behalf_of)


CLERK = person("wang", "place_name_clerk", district=HERE)
REVIEWER = person("li", "reviewer", district=HERE)
APPROVER = person("zhao", "approver", district="320500")
STEWARD = person("sun", "data_steward", district=HERE)


def open_sample(session: Session, number: int = 1, *, district: str = HERE, opener: Person = CLERK) -> CaseRecord:
    """Open a case of the sample workflow."""
    return open_case(
        session, workflow="sample", subject=Subject("road", f"r{number}"), title=f"第{number}号路命名",
        district=district, opener=opener, kit=KIT, now=MONDAY,
    )  # fmt: skip


def give(session: Session, case: CaseRecord, kind: str | None = "application_form", who: Person = CLERK) -> str:
    """Note an attachment, of which only the row is looked at."""
    made = case_papers.add_attachment(
        session, case, uid=new_id("ca"), document=kind, name="申请书.pdf", media_type="application/pdf", size_bytes=9,
        sha256="0" * 64, added_by=who.login, on_behalf_of=None, added_utc=MONDAY,
    )  # fmt: skip
    return made.uid


def submit(session: Session, case: CaseRecord, who: Person = CLERK, **more: object) -> CaseRecord:
    """Submit a case with what belongs to it."""
    return take(session, case, "submit", who, documents={"application_form": give(session, case)}, **more)


def take(session: Session, case: CaseRecord, action: str, who: Person, **more: object) -> CaseRecord:
    """Take a step on a case as it was read, on the same Monday unless something else is said."""
    given = {"version": case.row_version, "kit": KIT, "now": MONDAY, **more}
    return take_step(session, case.uid, action, person=who, **given)  # type: ignore[arg-type]
