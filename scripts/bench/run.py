"""Measure Fangyu against its peers in one run and keep RESULTS.md.

    python3 scripts/bench/run.py [--pbf FILE] [--demo-nodes N] [--label TEXT] [--only P1,P4] [--append]
                                    [--postgis URL]

``--pbf`` gives a real extract for isochrones and walking times, ``--demo-nodes`` the size of the fictional city that
is made for everything else. ``--only`` takes goals out of P1 P2 P3 P4 P7 P8 P9 P10 P11 P17 G1 G2 G3 G4 G5 G6 G7 G8
G16 import coverage; G1 … G6 need ``wrk`` and ``ogr2ogr``, and PostgreSQL for the peers. ``--postgis`` gives an empty
database in which exports and the audit are measured, too. Without ``--append`` RESULTS.md is begun anew.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
GOALS = (
    *("P1", "P2", "P3", "P4", "P7", "P8", "P9", "P10", "P11", "P17"),
    *("G1", "G2", "G3", "G4", "G5", "G6", "G7", "G8", "G16"),
    *("import", "coverage"),
)


def _enter_environment() -> None:
    """Go on in the project's own environment."""
    venv = ROOT / ".venv"
    python = venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"
    if Path(sys.prefix).resolve() == venv.resolve():
        return
    if not python.exists():
        sys.exit("set the project up first: python3 scripts/start.py --setup-only")
    os.execv(python, [str(python), *sys.argv])


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, measure, write."""
    import argparse

    parser = argparse.ArgumentParser(description="Measure Fangyu against its peers.")
    parser.add_argument("--pbf", type=Path, help="a real OSM extract")
    parser.add_argument("--demo-nodes", type=int, default=368_000, help="size asked for of the demo city")
    parser.add_argument("--label", default="", help="title of the section")
    parser.add_argument("--only", default=",".join(GOALS), help="goals, comma-separated")
    parser.add_argument("--postgis", help="URL of an empty PostGIS database, for exports and the audit")
    parser.add_argument("--append", action="store_true", help="keep the earlier sections")
    parser.add_argument("--out", type=Path, default=HERE / "RESULTS.md", help="file to write")
    asked = parser.parse_args(arguments)
    only = {name.strip() for name in asked.only.split(",") if name.strip()}
    if not only or not only <= set(GOALS):
        parser.error(f"--only knows {', '.join(GOALS)}")
    if asked.pbf is not None and not asked.pbf.is_file():
        parser.error(f"no such file: {asked.pbf}")
    import suite

    words = sys.argv[1:] if arguments is None else arguments
    suite.run(
        suite.Plan(
            only=frozenset(only), extract=asked.pbf, demo_nodes=asked.demo_nodes, label=asked.label,
            append=asked.append, out=asked.out, command=suite.command_line(words), postgis=asked.postgis,
        )
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    _enter_environment()
    sys.exit(main())
