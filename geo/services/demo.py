"""The fictional city: writing its input files, and importing them as a bureau would import its own."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from geo.demo.city import make_demo_city
from geo.demo.recipe import load_recipe
from geo.errors import DataSourceError
from geo.services.import_plan import plan_demand, plan_divisions, plan_facilities, plan_streets
from geo.services.import_report import ImportOptions
from geo.services.importing import ImportPlan
from geo.store import Session, state

MANIFEST = "manifest.toml"
IS_SYNTHETIC = "is_synthetic"
BUREAU = "bureau"


def make_demo(
    folder: Path, *, nodes: int | None = None, progress: Callable[[str, str], None] | None = None
) -> dict[str, object]:
    """Write the input files of the fictional city.

    Parameters
    ----------
    folder : pathlib.Path
        Output folder; made when missing.
    nodes : int or None
        Walkable nodes to aim at, or None for the recipe's number.
    progress : callable or None
        Takes a Chinese and an English line.

    Returns
    -------
    dict
        Folder, number of files, and what the manifest says about the city.
    """

    def tell(step: str, share: float) -> None:
        if progress is not None:
            progress(f"  {step}（{share:.0%}）", f"  {step} ({share:.0%})")

    make_demo_city(folder, recipe=load_recipe(), nodes=nodes, progress=tell)
    manifest = _manifest(folder)
    facts = {key: value for key, value in manifest.items() if not isinstance(value, list | dict)}
    return {"folder": str(folder), "imports": len(manifest["import"]), **facts}


def demo_imports(folder: Path) -> list[tuple[str, ImportPlan]]:
    """Return the imports of a demo folder in their order.

    Parameters
    ----------
    folder : pathlib.Path
        Folder that `make_demo` wrote.

    Returns
    -------
    list of (str, ImportPlan)
        File name and its import.

    Raises
    ------
    DataSourceError
        The folder holds no manifest.
    """
    manifest = _manifest(folder)
    return [(str(entry["path"]), _plan(folder, entry)) for entry in manifest["import"]]


def mark_synthetic(session: Session, folder: Path) -> None:
    """Note in the store that its data are made up; every report prints it.

    Parameters
    ----------
    session : Session
        A writing session.
    folder : pathlib.Path
        Folder that `make_demo` wrote.
    """
    state.write_fact(session, IS_SYNTHETIC, "true")
    state.write_fact(session, BUREAU, f"{_manifest(folder)['name']}民政局")


def is_synthetic(session: Session) -> bool:
    """Tell whether a store's data are made up.

    Parameters
    ----------
    session : Session
        Any session.

    Returns
    -------
    bool
        As `mark_synthetic` noted.
    """
    return state.read_fact(session, IS_SYNTHETIC) == "true"


def _plan(folder: Path, entry: dict[str, Any]) -> ImportPlan:
    """Return the import of one manifest entry."""
    kind = entry["kind"]
    options = ImportOptions(
        path=folder / entry["path"],
        source=entry["source"],
        datum=entry.get("datum"),
        skip_bad=bool(entry["skip_bad"]),
        actor="start",
    )

    if kind == "streets":
        return plan_streets(options)
    if kind == "divisions":
        return plan_divisions(options, level=entry.get("level"))
    if kind == "facilities":
        return plan_facilities(options, facility_type=entry.get("type"))
    areas = entry.get("areas")
    return plan_demand(
        options,
        population=entry.get("population", "unstated"),
        year=entry.get("year"),
        areas=None if areas is None else str(folder / areas),
    )


def _manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a demo folder."""
    try:
        return tomllib.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except OSError as error:
        raise DataSourceError(
            f"{folder} 不是示例城市文件夹：缺少 {MANIFEST}", f"{folder} is no demo folder: {MANIFEST} is missing"
        ) from error
