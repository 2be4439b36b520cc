"""What an intake hands on, and the report a person reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import geopandas as gpd

from geo.datum import HelmertParameters
from geo.errors import Lang, Problem

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class IntakeOptions:
    """How a file is to be read.

    Parameters
    ----------
    datum : str or None
        ``cgcs2000``, ``wgs84``, ``gcj02``, ``bd09`` or ``EPSG:n``; None = what the file declares.
    mapping : mapping of str to str
        Column of the file to field, over what is recognised; the field ``-`` leaves a column out.
    layer : str or None
        Layer of a GeoPackage, member of an archive or sheet of a workbook.
    encoding : str or None
        Text encoding; None = detected.
    near : tuple of float or None
        West, south, east, north of the store's other layers in degrees; a row over 200 km away is refused.
    helmert : HelmertParameters or None
        Parameters for coordinates of 1954 or 1980.
    """

    datum: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    layer: str | None = None
    encoding: str | None = None
    near: Bounds | None = None
    helmert: HelmertParameters | None = None


@dataclass(frozen=True, slots=True)
class IntakeResult:
    """Rows read and judged.

    Parameters
    ----------
    layer : str
        Layer the rows belong to.
    file : str
        File name without its folder.
    frame : geopandas.GeoDataFrame
        Good rows in EPSG:4490 with the layer's columns and ``import_line``; plain RangeIndex.
    problems : tuple of Problem
        Every refusal, repair and note, file-level ones first, then in file order.
    rows_read, rows_refused, rows_repaired : int
        Counts of data rows; total rows that were set aside are in none of them.
    datum : str
        Datum the file was read with.
    datum_zh, datum_en : str
        Datum, steps and accuracy class for people.
    mapping : mapping of str to str
        Column of the file to field, as used.
    footprints : geopandas.GeoDataFrame or None
        Outlines of facilities that were given as polygons (id, kind, import_line).
    refused_ids : frozenset of str
        Ids of refused rows: the file speaks of them, so they are not gone.
    """

    layer: str
    file: str
    frame: gpd.GeoDataFrame
    problems: tuple[Problem, ...]
    rows_read: int
    rows_refused: int
    rows_repaired: int
    datum: str
    datum_zh: str
    datum_en: str
    mapping: Mapping[str, str]
    footprints: gpd.GeoDataFrame | None = None
    refused_ids: frozenset[str] = frozenset()

    @property
    def has_refusals(self) -> bool:
        """Whether anything was refused."""
        return any(problem.severity == "refused" for problem in self.problems)

    @property
    def rows_good(self) -> int:
        """Rows that may be stored."""
        return self.rows_read - self.rows_refused


def report_text(result: IntakeResult, lang: Lang = "zh", *, limit: int = 50) -> str:
    """Write the report of an intake.

    Parameters
    ----------
    result : IntakeResult
        The intake.
    lang : {"zh", "en"}
        Language.
    limit : int
        Problems listed per severity before the rest is only counted.

    Returns
    -------
    str
        Lines with counts, datum, mapping and problems, refusals first.
    """
    zh = lang == "zh"
    counts = (result.rows_read, result.rows_good, result.rows_repaired, result.rows_refused)
    template = (
        "{}：读取 {:,} 行，可入库 {:,} 行，修正 {:,} 行，拒绝 {:,} 行"
        if zh
        else "{}: {:,} rows read, {:,} good, {:,} repaired, {:,} refused"
    )
    lines = [template.format(result.file, *counts), result.datum_zh if zh else result.datum_en]
    if result.mapping:
        pairs = ", ".join(f"{column} → {name}" for column, name in result.mapping.items())
        lines.append(f"列对应：{pairs}" if zh else f"columns: {pairs}")
    titles = {"refused": ("拒绝", "refused"), "repaired": ("修正", "repaired"), "note": ("提示", "note")}
    for severity, (title_zh, title_en) in titles.items():
        found = [problem for problem in result.problems if problem.severity == severity]
        lines.extend(f"[{title_zh if zh else title_en}] {problem.line(lang)}" for problem in found[:limit])
        if len(found) > limit:
            rest = len(found) - limit
            lines.append(f"[{title_zh}] 另有 {rest:,} 条" if zh else f"[{title_en}] {rest:,} more")
    return "\n".join(lines)


def report_json(result: IntakeResult) -> dict[str, object]:
    """Return the report as JSON values, with every problem.

    Parameters
    ----------
    result : IntakeResult
        The intake.

    Returns
    -------
    dict
        Counts, datum, mapping and problems.
    """
    return {
        "file": result.file,
        "layer": result.layer,
        "rows_read": result.rows_read,
        "rows_good": result.rows_good,
        "rows_repaired": result.rows_repaired,
        "rows_refused": result.rows_refused,
        "datum": result.datum,
        "mapping": dict(result.mapping),
        "problems": [asdict(problem) for problem in result.problems],
    }
