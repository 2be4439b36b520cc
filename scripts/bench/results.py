"""RESULTS.md: one section a run, the newest first, missed targets shown as missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HEAD = """# Measurements

Written by `scripts/bench/run.py`, never by hand. Every section is one run on one machine: Fangyu and its peers, one
after another in the same run. Times are the best of five in a warm process unless the row says otherwise; the ratio is
the peer's time divided by ours. Goals P1 … P17 are the engine's, G1 … G8 the map API's, G16
the audit's; a missed target is shown as
**no**.

pandana itself does not build on current Pythons with numpy 2, so its successor pandarm stands in for it. Peers are
measured as separate processes in an environment of their own and are no part of Fangyu.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Parameters
    ----------
    goal : str
        Number of the goal.
    what : str
        What is measured, with its size.
    ours, peer, ratio, target : str
        Figures as text; "–" where there is none.
    is_met : bool or None
        Whether the target is met; None where the row has no target.
    """

    goal: str
    what: str
    ours: str
    peer: str = "–"
    ratio: str = "–"
    target: str = "–"
    is_met: bool | None = None


def section(title: str, facts: Sequence[tuple[str, str]], rows: Sequence[Row], notes: Sequence[str]) -> str:
    """Return one run as Markdown."""
    lines = [f"## {title}", ""]
    lines += [f"- {name}: {value}" for name, value in facts]
    lines += ["", "| Goal | Measured | Fangyu | Peer | Ratio | Target | Met |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        met = "–" if row.is_met is None else "yes" if row.is_met else "**no**"
        cells = (row.goal, row.what, row.ours, row.peer, row.ratio, row.target, met)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    judged = [row.is_met for row in rows if row.is_met is not None]
    lines += ["", f"{sum(judged)} of {len(judged)} targets met.", ""]
    lines += [f"- {note}" for note in notes]
    return "\n".join(lines).rstrip() + "\n"


def write(path: Path, text: str, *, append: bool) -> None:
    """Write a section: beside the earlier ones, above them, or alone."""
    earlier = ""
    if append and path.exists():
        old = path.read_text(encoding="utf-8")
        begin = old.find("\n## ")
        earlier = old[begin:] if begin >= 0 else ""
    path.write_text(f"{HEAD}\n{text}{earlier}", encoding="utf-8")
