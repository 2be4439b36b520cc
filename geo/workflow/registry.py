"""The workflows a server knows: those of the product, and those a bureau adds in its own folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

import geo.catalog
from geo.catalog.load import data_folder
from geo.catalog.reader import ProblemLog, read_toml
from geo.errors import NotFoundError
from geo.workflow.holiday import Calendar, load_calendar
from geo.workflow.parse import parse_workflow
from geo.workflow.table import Transition, Workflow

PRODUCT_FOLDER: Final = Path(geo.catalog.__file__).parent / "workflows"


@dataclass(frozen=True, slots=True)
class WorkflowKit:
    """What cases are handled by.

    Parameters
    ----------
    workflows : Mapping of str to Workflow
        By name.
    calendar : Calendar
        Which days offices work.
    """

    workflows: Mapping[str, Workflow]
    calendar: Calendar = field(default_factory=Calendar)

    def get(self, name: str) -> Workflow:
        """Return a workflow.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        Workflow
            The workflow.

        Raises
        ------
        NotFoundError
            There is none.
        """
        found = self.workflows.get(name)
        if found is None:
            raise NotFoundError(
                f"没有流程“{name}”；可用：{'、'.join(self.workflows) or '无'}",
                f"there is no workflow '{name}'; there are {', '.join(self.workflows) or 'none'}",
                workflow=name,
            )
        return found

    def of_roles(self, roles: frozenset[str]) -> frozenset[str]:
        """Return what somebody has to do with.

        Parameters
        ----------
        roles : frozenset of str
            Roles they hold.

        Returns
        -------
        frozenset of str
            Names of the workflows in which one of them may open a case or take a step.
        """
        return frozenset(name for name, one in self.workflows.items() if one.roles & roles)

    def steps_of(self, roles: frozenset[str]) -> tuple[Transition, ...]:
        """Return the steps that somebody may take.

        Parameters
        ----------
        roles : frozenset of str
            Roles they hold.

        Returns
        -------
        tuple of Transition
            Of every workflow.
        """
        return tuple(
            item for one in self.workflows.values() for item in one.transitions if not roles.isdisjoint(item.roles)
        )


def load_workflows(folders: Sequence[Path]) -> Mapping[str, Workflow]:
    """Read every workflow of some folders.

    Parameters
    ----------
    folders : sequence of Path
        Folders with TOML files; one that is not there is as good as empty.

    Returns
    -------
    Mapping of str to Workflow
        By name, in order.

    Raises
    ------
    InputError
        One is wrong, two have one name, or a file is not called like its workflow; every problem is listed.
    DataSourceError
        A file cannot be read.
    """
    log = ProblemLog()
    found: dict[str, Workflow] = {}
    for path in (path for folder in folders for path in sorted(folder.glob("*.toml"))):
        file = read_toml(path, log)
        workflow = parse_workflow(file)
        if workflow.name in found:
            file.report(
                "name", workflow.name, "流程名称已被另一文件使用", "the name is that of another file's workflow"
            )
        elif workflow.name and workflow.name != path.stem:
            file.report("name", workflow.name, f"应与文件名“{path.stem}”相同", f"must be '{path.stem}', like the file")
        found[workflow.name] = workflow
    log.raise_if_any()
    return MappingProxyType(dict(sorted(found.items())))


@cache
def standard_kit() -> WorkflowKit:
    """Return the workflows and holidays that come with the product, and those a bureau has put beside them.

    Returns
    -------
    WorkflowKit
        Read once.

    Raises
    ------
    InputError
        A file is wrong; every problem is listed.
    """
    holidays = data_folder() / "holidays.toml"
    return WorkflowKit(
        load_workflows((PRODUCT_FOLDER, data_folder() / "workflows")),
        load_calendar(holidays if holidays.is_file() else None),
    )
