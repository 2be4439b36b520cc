"""The order of the measurements, and what a reader must know about the machine."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

import goals_search
import peers
import results
import towns


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run measures.

    Parameters
    ----------
    only : frozenset of str
        Goals.
    extract : Path or None
        A real OSM extract.
    demo_nodes : int
        Size asked for of the demo city.
    label : str
        Title of the section.
    append : bool
        Keep the earlier sections.
    out : Path
        File to write.
    command : str
        The command as it stands in the file.
    """

    only: frozenset[str]
    extract: Path | None
    demo_nodes: int
    label: str
    append: bool
    out: Path
    command: str


def command_line(words: Sequence[str]) -> str:
    """Return the command without the folders of this machine."""
    shown = [Path(word).name if "/" in word or "\\" in word else word for word in words]
    shown = [f"'{word}'" if " " in word else word for word in shown]
    return " ".join(["python3 scripts/bench/run.py", *shown])


def machine() -> str:
    """Return the class of the machine."""
    cores = os.cpu_count() or 1
    try:
        memory = f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    except (AttributeError, ValueError, OSError):
        memory = "unknown memory"
    return f"{cores} cores ({_processor()}), {memory}, {platform.system()}, Python {platform.python_version()}"


def _processor() -> str:
    """Return the processor's name."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return " ".join(line.split(":", 1)[1].split())
    return platform.processor() or platform.machine()


def _load() -> str:
    """Return how busy the machine is with everything."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def run(plan: Plan) -> None:
    """Measure everything asked for and write the section."""
    notes: list[str] = []
    rows: list[results.Row] = []
    before = _load()
    python, said = peers.prepare()
    notes += said
    with tempfile.TemporaryDirectory(prefix="fangyu-bench-") as name:
        for step in _steps(plan, Path(name), python, notes):
            rows += step()
    shown = {name: version(name) for name in ("fangyu", "numpy", "scipy", "numba", "networkx", "shapely", "contourpy")}
    theirs = {} if python is None else peers.versions(python)
    facts = [
        ("Command", f"`{plan.command}`"),
        ("Machine", machine()),
        ("Load average before and after", f"{before}, {_load()} (1 minute; other work on the machine slows both sides)"),
        ("Versions", ", ".join(f"{name} {value}" for name, value in shown.items())),
        ("Peers' environment", ", ".join(f"{name} {value}" for name, value in theirs.items()) or "none"),
    ]
    title = f"{date.today().isoformat()} {plan.label}".strip()
    results.write(plan.out, results.section(title, facts, rows, notes), append=plan.append)
    peers.say(f"written: {plan.out.name}")
    for row in rows:
        peers.say(f"  {row.goal:8} {row.ours:>24}  {row.peer:34} {row.target:10} {row.is_met}  {row.what[:70]}")


def _steps(
    plan: Plan, folder: Path, python: Path | None, notes: list[str]
) -> list[Callable[[], list[results.Row]]]:
    """Return the measurements in their order."""
    only = set(plan.only)
    steps: list[Callable[[], list[results.Row]]] = []

    def add(goals: set[str], text: str, work: Callable[[], list[results.Row]]) -> None:
        if goals & only:
            steps.append(lambda: (peers.say(f"{text} …"), work())[1])

    add({"P1", "P2", "P4"}, "nearest facilities and sums", lambda: goals_search.nearest_and_sums(
        folder, python, side=towns.SIDE_169K, n_sites=goals_search.N_SITES, only=only, notes=notes))
    add({"P3"}, "pairs", lambda: goals_search.pairs(notes))
    add({"P17"}, "memory", lambda: goals_search.memory(folder))
    return steps
