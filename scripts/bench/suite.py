"""The order of the measurements, and what a reader must know about the machine."""

from __future__ import annotations

import os
import platform
import tempfile
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

import goals_audit
import goals_exact
import goals_export
import goals_map
import goals_product
import goals_scenario
import goals_search
import goals_shape
import goals_tiles
import peers
import results
import towns

from geo.access.warm import warm
from geo.network.build import compile_network
from geo.network.osm import read_osm
from geo.scenario.warm import warm as warm_scenarios

GOALS = (
    "P1", "P2", "P3", "P4", "P7", "P8", "P9", "P10", "P11", "P17", "G7", "G8", "G16", *goals_map.GOALS, "import",
    "coverage",
)  # fmt: skip
_WITH_PEERS = frozenset({"P1", "P2", "P4", "P9", *goals_map.GOALS})


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
    postgis : str or None
        URL of an empty PostGIS database.
    """

    only: frozenset[str]
    extract: Path | None
    demo_nodes: int
    label: str
    append: bool
    out: Path
    command: str
    postgis: str | None = None


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
    # The others have no peer in that environment.
    python, said = peers.prepare() if plan.only & _WITH_PEERS else (None, [])
    # Compiling is not measured: set-up has warmed the kernels, a changed kernel is compiled here.
    warm()
    warm_scenarios()
    notes += said
    with tempfile.TemporaryDirectory(prefix="fangyu-bench-") as name:
        for step in _steps(plan, Path(name), python, notes):
            rows += step()
    shown = {name: version(name) for name in ("fangyu", "numpy", "scipy", "numba", "networkx", "shapely")}
    theirs = {} if python is None else peers.versions(python)
    facts = [
        ("Command", f"`{plan.command}`"),
        ("Machine", machine()),
        ("Load average", f"{before} before, {_load()} after (1 minute; other work on the machine slows both sides)"),
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
    cities = _Cities(folder)

    def add(goals: set[str], text: str, work: Callable[[], list[results.Row]]) -> None:
        def step() -> list[results.Row]:
            peers.say(f"{text} …")
            try:
                return work()
            except Exception as error:
                # What could not be measured is shown as missed; the other goals are still measured.
                traceback.print_exc()
                notes.append(f"FAILED: {text}: {type(error).__name__}: {str(error).splitlines()[0][:200]}")
                wanted = [goal for goal in GOALS if goal in goals & only]
                return [results.Row(", ".join(wanted), f"{text}: could not be measured", "failed", is_met=False)]

        if goals & only:
            steps.append(step)

    add({"P1", "P2", "P4"}, "nearest facilities and sums", lambda: goals_search.nearest_and_sums(
        folder, python, side=towns.SIDE_169K, n_sites=goals_search.N_SITES, only=only, notes=notes))
    add({"P3"}, "pairs", lambda: goals_search.pairs(notes))
    add({"P17"}, "memory", lambda: goals_search.memory(folder))
    add({"P11"}, "walking times against brute force", goals_exact.grid_rows)
    add({"G7"}, "exports", lambda: goals_export.rows(folder, notes, postgis=plan.postgis))
    add({"G16"}, "audit", lambda: goals_audit.rows(folder, notes, postgis=plan.postgis))
    add({"G8"}, "vector tiles", goals_tiles.rows)
    add(set(goals_map.GOALS), "map API", lambda: goals_map.rows(only, folder, python, notes))
    if plan.extract is not None:
        extract = plan.extract
        add({"P9", "P10", "P11"}, extract.name, lambda: _on_extract(extract, folder, python, only, notes))
    add({"import"}, "demo city and import", lambda: goals_product.import_rows(cities.get(plan.demo_nodes)))
    add({"P9", "P10"}, "isochrones in the demo city", lambda: _shapes(
        _demo_town(cities.get(plan.demo_nodes)), folder, python, only, notes))
    add({"coverage"}, "coverage run", lambda: _coverage(cities, plan))
    add({"P7", "P8"}, "what-if edits", lambda: _what_if(cities, plan))
    return steps


class _Cities:
    """Demo cities, each made once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[int, goals_product.City] = {}

    def get(self, nodes: int) -> goals_product.City:
        """Return a city of about so many nodes."""
        if nodes not in self._made:
            self._made[nodes] = goals_product.make_city(self._folder, nodes)
        return self._made[nodes]


def _demo_town(city: goals_product.City) -> goals_shape.Town:
    """Return the demo city's network with its extract."""
    return goals_shape.Town("demo city (synthetic)", city.network(), city.extract)


def _shapes(
    town: goals_shape.Town, folder: Path, python: Path | None, only: set[str], notes: list[str]
) -> list[results.Row]:
    """Measure isochrones of one town."""
    rows: list[results.Row] = []
    if "P9" in only:
        rows += goals_shape.speed(town, folder, python, notes)
    if "P10" in only:
        rows += goals_shape.fidelity(town)
    return rows


def _on_extract(
    extract: Path, folder: Path, python: Path | None, only: set[str], notes: list[str]
) -> list[results.Row]:
    """Measure isochrones and walking times on a real extract."""
    data = read_osm(extract)
    network = compile_network(data.segments, data.gates, data.barriers)
    name = extract.name.split(".")[0]
    rows = []
    if "P11" in only:
        rows += goals_exact.extract_rows(name, data, network)
    return rows + _shapes(goals_shape.Town(name, network, extract), folder, python, only, notes)


def _coverage(cities: _Cities, plan: Plan) -> list[results.Row]:
    """Measure a coverage run on a demo city of its own size."""
    city = cities.get(min(goals_product.COVERAGE_NODES, plan.demo_nodes))
    return goals_product.coverage_rows(
        city.network(), goals_product.read_divisions(city.extract.parent), goals_product.read_land(city)
    )


def _what_if(cities: _Cities, plan: Plan) -> list[results.Row]:
    """Measure what-if edits on the coverage run's city."""
    city = cities.get(min(goals_product.COVERAGE_NODES, plan.demo_nodes))
    return goals_scenario.rows(city.network(), goals_product.read_divisions(city.extract.parent), set(plan.only))
