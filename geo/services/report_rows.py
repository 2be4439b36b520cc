"""The rows of a coverage report: stored numbers turned into the report's plain values, words in Chinese."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

import geopandas as gpd
import numpy as np
from shapely.geometry.base import BaseGeometry

from geo.access.privacy import MINIMUM_PERSONS, told_gap
from geo.access.tally import STATUTORY_M
from geo.catalog.load import facility_type, units
from geo.catalog.load import indicators as indicator_titles
from geo.report import model
from geo.report.cells import CellValues
from geo.report.payload import date_zh
from geo.services.demand import is_open
from geo.store import Session, layers
from geo.store.imports import ImportRecord
from geo.store.layer import layer

BAND_TITLES: Final = {
    "60_69": "60–69 岁",
    "70_79": "70–79 岁",
    "80_plus": "80 岁及以上",
    "unable": "失能",
    "unspecified": "未分年龄",
    model.ALL_PEOPLE: "全部",
}
QUARTER_HOUR_MIN: Final = 15
POPULATION_TITLES: Final = {"resident": "常住人口", "registered": "户籍人口", "unstated": "人口口径未说明"}
DISCLAIMER: Final = "行政界线与位置仅供规划参考，不作为划界依据。"


def title_text(parameters: Mapping[str, Any]) -> str:
    """Return the report's title: fifteen minutes have a name of their own.

    Parameters
    ----------
    parameters : mapping
        The run's parameters.

    Returns
    -------
    str
        Title.
    """
    if parameters["minutes"] == QUARTER_HOUR_MIN:
        return "一刻钟养老服务圈覆盖分析"
    return "养老服务步行覆盖分析"


def standard_text(parameters: Mapping[str, Any]) -> str:
    """Return the limit in words.

    Parameters
    ----------
    parameters : mapping
        The run's parameters.

    Returns
    -------
    str
        Such as ``15 分钟 · 按年龄步速``.
    """
    if parameters["metres"] is not None:
        return f"{parameters['metres']:g} 米 · 步行距离"
    if parameters["band_speeds_mps"] is not None:
        return f"{parameters['minutes']:g} 分钟 · 按年龄步速"
    return f"{parameters['minutes']:g} 分钟 · {parameters['speed_mps']:g} 米/秒"


def population_text(kinds: Sequence[str]) -> str:
    """Return the kind of population in words.

    Parameters
    ----------
    kinds : sequence of str
        Kinds of the imports.

    Returns
    -------
    str
        Such as ``常住人口``.
    """
    return "、".join(POPULATION_TITLES.get(kind, kind) for kind in kinds) or POPULATION_TITLES["unstated"]


def parameter_lines(parameters: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the parameters as the report prints them.

    Parameters
    ----------
    parameters : mapping
        The run's parameters.

    Returns
    -------
    tuple of (str, str)
        Names and values in reading order.
    """
    lines = [("标准", standard_text(parameters))]
    speeds = parameters["band_speeds_mps"]
    if speeds is not None:
        text = "、".join(f"{BAND_TITLES[band]} {speed:.1f}" for band, speed in speeds.items())
        lines.append(("步速（米/秒）", text))
    elif parameters["speed_mps"] is not None:
        lines.append(("步速（米/秒）", f"{parameters['speed_mps']:g}"))
    lines += [
        ("设施状态日期", date_zh(date.fromisoformat(parameters["date"]))),
        ("出入口判断时刻", _moment_zh(parameters["at"])),
        ("最远搜索", f"{parameters['cutoff_min']:g} 分钟"),
        ("接入道路最远距离", f"{parameters['link_cap_m']:g} 米"),
        ("台阶系数", f"{parameters['stairs_factor']:g}"),
        ("信号灯过街等候", f"{parameters['signal_delay_s']:g} 秒"),
    ]
    return tuple(lines)


def _moment_zh(text: str) -> str:
    """Write a moment's weekday in Chinese."""
    days = {"Mo": "周一", "Tu": "周二", "We": "周三", "Th": "周四", "Fr": "周五", "Sa": "周六", "Su": "周日"}
    return " ".join(days.get(word, word) for word in text.split())


def group(sums: Mapping[str, Any], cells: CellValues | None) -> model.GroupResult:
    """Return one group's result.

    Parameters
    ----------
    sums : mapping
        JSON values of a band, or of everybody.
    cells : CellValues or None
        Values by cell.

    Returns
    -------
    GroupResult
        With its divisions.
    """
    slug = sums["band"]
    audit = None
    if sums["straight_line_persons"] is not None:
        radius = sums.get("radius_m")
        audit = model.CircleAudit(
            radius_m=radius or 0.0,
            basis_zh="与步行标准同等距离的直线圆圈" if radius else "各年龄段按各自步速折算的直线圆圈",
            persons=sums["straight_line_persons"],
            overstated_persons=sums["overstated_persons"],
            total_persons=sums["persons"]["total"],
        )
    return model.GroupResult(
        slug=slug,
        title_zh=BAND_TITLES.get(slug, slug),
        speed_mps=sums.get("speed_mps"),
        persons=model.PersonCounts(**sums["persons"]),
        nearest=_nearest(sums),
        straight_line=audit,
        divisions=tuple(_division(row) for row in sums.get("divisions", ())),
        cells=cells,
    )


def _nearest(sums: Mapping[str, Any]) -> model.NearestFigures:
    """Return the walk to the nearest facility, to the second and the metre.

    A quantile is one person's walk: to the microsecond it would tell where on the street that person lives.
    """
    seconds, metres = sums["nearest_s"], sums["nearest_m"]
    return model.NearestFigures(
        p50_s=_whole(seconds["p50"]),
        p90_s=_whole(seconds["p90"]),
        max_s=_whole(seconds["max"]),
        p50_m=_whole(metres["p50"]),
        p90_m=_whole(metres["p90"]),
        max_m=_whole(metres["max"]),
    )


def _whole(value: float | None) -> float | None:
    """Round to a whole number; None stays."""
    return None if value is None else float(round(value))


def _division(row: Mapping[str, Any]) -> model.DivisionRow:
    """Return one division's result."""
    names = ("total", "covered", "too_far", "gate_closed", "disconnected", "not_linked")
    return model.DivisionRow(
        code=row["code"],
        name=row["name"],
        level=row["level"],
        parent_code=row["parent_code"],
        persons=model.PersonCounts(**{name: row[name] for name in names}),
        nearest=_nearest(row),
        straight_line_persons=row["straight_line_persons"],
        overstated_persons=row["overstated_persons"],
    )


def circles(result: Mapping[str, Any]) -> tuple[model.CircleAudit, ...]:
    """Return the statutory circle of one type's result.

    Parameters
    ----------
    result : mapping
        JSON values of the type.

    Returns
    -------
    tuple of CircleAudit
        Empty where it was not measured.
    """
    if result["circle_1000_m_persons"] is None:
        return ()
    return (
        model.CircleAudit(
            radius_m=STATUTORY_M,
            basis_zh="通行做法：1000 米直线圆圈当作十五分钟",
            persons=result["circle_1000_m_persons"],
            overstated_persons=result["circle_1000_m_overstated_persons"],
            total_persons=result["persons"]["total"],
        ),
    )


def gaps(
    rows: Sequence[Mapping[str, Any]], polygons: Sequence[BaseGeometry], divisions: gpd.GeoDataFrame
) -> tuple[model.GapRow, ...]:
    """Return the gaps with the names of their places.

    Parameters
    ----------
    rows : sequence of mapping
        JSON values of the gaps.
    polygons : sequence of BaseGeometry
        Their polygons, in the same order.
    divisions : GeoDataFrame
        Divisions with code, name, level and parent_code.

    Returns
    -------
    tuple of GapRow
        In the order of their ranks, their people as they may be told (NaN for reasons that may not); the writer
        leaves out those with too few people.
    """
    by_code = {row.code: row for row in divisions.itertuples()}
    result = []
    for row, polygon in zip(rows, polygons, strict=True):
        place, township = _place(row["division_code"], by_code)
        total = row["persons"]
        counts = {name: row[name] for name in ("too_far", "gate_closed", "disconnected", "not_linked")}
        if total >= MINIMUM_PERSONS:
            total, told = told_gap(total, counts)
            counts = {name: np.nan if count is None else count for name, count in told.items()}
        result.append(
            model.GapRow(
                rank=row["rank"],
                place_zh=place or f"盲区 {row['rank']}",
                division_code=township,
                persons=model.PersonCounts(total=total, covered=0, **counts),
                polygon=polygon,
                nearest_facility=row["nearest_facility_name"],
                nearest_m=_whole(row["nearest_p50_m"]),
            )
        )
    return tuple(result)


def _place(code: str | None, by_code: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return ``township · community`` and the township's code."""
    names: list[str] = []
    township = None
    while code is not None and code in by_code and len(names) < 6:
        row = by_code[code]
        if row.level in ("township", "village"):
            names.append(str(row.name))
        if row.level == "township":
            township = str(code)
        code = row.parent_code
    return " · ".join(reversed(names)), township


def facility_marks(session: Session, slug: str, on: date) -> tuple[model.FacilityMark, ...]:
    """Return the facilities of one type as the map draws them.

    Parameters
    ----------
    session : Session
        Any session.
    slug : str
        Catalogue slug.
    on : datetime.date
        The date of their status.

    Returns
    -------
    tuple of FacilityMark
        Open or not.
    """
    columns = ("id", "name", "status", "open_date", "close_date", "capacity", "capacity_unit")
    frame = layers.read_layer(session, "facilities", columns=columns, on=on, where={"type": slug})
    frame = frame[frame.geometry.notna()]
    opened = is_open(frame, on)
    marks = []
    for row, open_now in zip(frame.itertuples(), opened, strict=True):
        status = "open" if open_now else str(row.status or "open")
        if not open_now and status == "open":
            status = "planned" if isinstance(row.open_date, date) and on < row.open_date else "closed"
        marks.append(
            model.FacilityMark(
                name=str(row.name or row.id),
                lon=float(row.geometry.x),
                lat=float(row.geometry.y),
                status=status,
                capacity_zh=_capacity(row.capacity, row.capacity_unit),
            )
        )
    return tuple(marks)


def _capacity(value: float | None, unit: str | None) -> str:
    """Write a capacity with its unit."""
    if value is None or not np.isfinite(value):
        return ""
    return f"{value:,.0f} {_unit_title(unit)}".strip()


def _unit_title(code: str | None) -> str:
    """Return a unit's Chinese word."""
    found = units().get(code or "")
    return "" if found is None else found.title_zh


def indicators(result: Mapping[str, Any], parameters: Mapping[str, Any]) -> tuple[model.IndicatorRow, ...]:
    """Return the indicators of one type.

    Parameters
    ----------
    result : mapping
        JSON values of the type.
    parameters : mapping
        The run's parameters.

    Returns
    -------
    tuple of IndicatorRow
        In the order of the catalogue.
    """
    titles = indicator_titles()
    rows = []
    for found in result.get("indicators", ()):
        title = titles[found["slug"]]
        method = "、".join(
            f"{PARAMETER_TITLES.get(name, name)} {_value(value)}"
            for name, value in found["parameters"].items()
            if name != "unit_set"
        )
        above, below = INDICATOR_PARTS.get(found["slug"], ("", ""))
        rows.append(
            model.IndicatorRow(
                id=found["id"],
                title_zh=title.title_zh,
                value=found["value"],
                unit_zh=_unit_title(title.unit) or title.unit,
                numerator=found["numerator"],
                denominator=found["denominator"],
                numerator_zh=above if found["numerator"] is not None else "",
                denominator_zh=below if found["denominator"] is not None else "",
                method_zh=f"{title.formula}；{method}" if method else title.formula,
                unit_set_zh=_unit_set(str(found["parameters"].get("unit_set", ""))),
                source_zh=population_text(parameters["population_kinds"]),
                quality_zh="" if found["quality"] == "ok" else "无数据",
                note_zh=NO_DATA_REASONS.get(found["reason"], found["reason"]),
            )
        )
    return tuple(rows)


def _value(value: object) -> str:
    """Write a parameter's value without needless decimals."""
    return f"{value:g}" if isinstance(value, float | int) else str(value)


def _unit_set(text: str) -> str:
    """Write a set of units in Chinese: ``village 2026-01-01`` as its level and date."""
    level, _, day = text.partition(" ")
    if level not in LEVEL_TITLES:
        return text
    return f"{LEVEL_TITLES[level]}，{date_zh(date.fromisoformat(day))}" if day else LEVEL_TITLES[level]


LEVEL_TITLES: Final = {
    "province": "省级", "prefecture": "地级", "county": "县级", "township": "乡级", "village": "村级",
}  # fmt: skip
PARAMETER_TITLES: Final = {
    "limit_m": "距离标准（米）",
    "limit_min": "时间标准（分钟）",
    "speed_mps": "步速（米/秒）",
    "detour": "绕行系数",
    "k": "可选设施数",
}
INDICATOR_PARTS: Final = {
    "population_coverage": ("距离标准内的人数（人）", "总人数（人）"),
    "area_coverage": ("等时圈内的居住用地（平方米）", "居住用地（平方米）"),
    "unit_coverage": ("有运营设施的单元（个）", "全部单元（个）"),
    "time_coverage": ("时间标准内的人数（人）", "总人数（人）"),
    "buffer_overstatement": ("直线圆圈多算的人数（人）", "总人数（人）"),
    "choice_share": ("有两处以上可选设施的人数（人）", "总人数（人）"),
    "overlap": ("被覆盖人次（人·处）", "被覆盖人数（人）"),
    "nearest_distance": ("步行距离合计（人·米）", "可到达的人数（人）"),
}
NO_DATA_REASONS: Final = {
    "": "",
    "nobody": "没有人口",
    "nobody_covered": "没有人被覆盖",
    "nobody_reached": "没有人可到达任何设施",
    "no_residential_land": "没有居住用地数据",
    "no_divisions": "没有该级行政区划数据",
    "no_straight_line": "未计算直线圆圈",
    "choices_not_counted": "未统计可选设施数",
    "limit_in_metres": "本次按距离判断，没有时间标准",
    "several_speeds": "各年龄段步速不同，没有单一的折算距离",
}


def import_notes(records: Iterable[ImportRecord]) -> tuple[model.ImportNote, ...]:
    """Return the imports behind a report.

    Parameters
    ----------
    records : iterable of ImportRecord
        Imports of the store.

    Returns
    -------
    tuple of ImportNote
        Those not undone, oldest first.
    """
    notes = []
    for record in records:
        if record.undone_at is not None:
            continue
        counts = record.counts
        notes.append(
            model.ImportNote(
                layer_zh=layer(record.layer).title_zh,
                source=record.source,
                file_name=record.file_name,
                imported_on=record.started_at.date(),
                read=record.rows_read or 0,
                stored=counts.added + counts.changed + counts.unchanged,
                repaired=record.rows_repaired or 0,
                refused=record.rows_refused or 0,
            )
        )
    return tuple(reversed(notes))


def quality_notes(
    results: Sequence[Mapping[str, Any]],
    network: Mapping[str, Any],
    divisions: gpd.GeoDataFrame,
    *,
    is_synthetic: bool,
) -> tuple[model.QualityNote, ...]:
    """Return what a reader should know about the data before believing the numbers.

    Parameters
    ----------
    results : sequence of mapping
        JSON values of the types.
    network : mapping
        JSON values of the street network; empty for runs stored before they were kept.
    divisions : GeoDataFrame
        Divisions of the store.
    is_synthetic : bool
        Whether the data are made up.

    Returns
    -------
    tuple of QualityNote
        Observations.
    """
    first = results[0]["persons"]
    notes = [
        model.QualityNote("未接入路网的人口", first["not_linked"], "人", "150 米内没有可步行道路，计入分母，不算覆盖"),
        model.QualityNote(
            "与设施不连通的人口", first["disconnected"], "人", "所在路网片区内没有该类设施，计入分母，不算覆盖"
        ),
    ]
    notes.extend(_network_notes(network))
    for result in results:
        counts = result["facilities"]
        away = counts["open"] - counts["linked"]
        if away:
            notes.append(
                model.QualityNote(
                    f"未接入路网的设施（{facility_type(result['type']).title_zh}）",
                    away,
                    "处",
                    "150 米内没有可步行道路，不计入供给" + _named(counts.get("not_linked", ())),
                )
            )
    if divisions.empty:
        notes.append(model.QualityNote("行政区划", None, "", "没有导入区划，全部人口列为“区划范围以外”"))
    if is_synthetic:
        notes.append(model.QualityNote("示例数据", None, "", "全部为虚构数据，不对应任何真实地方"))
    return tuple(notes)


def _named(facilities: Sequence[Mapping[str, Any]]) -> str:
    """Name some facilities; runs of earlier versions name none."""
    names = [str(one["name"] or one["id"]) for one in facilities[:10]]
    more = f" 等，另有 {len(facilities) - len(names):,} 处" if len(facilities) > len(names) else ""
    return f"：{'、'.join(names)}{more}" if names else ""


def _network_notes(network: Mapping[str, Any]) -> list[model.QualityNote]:
    """Return what is odd about the streets; nothing where it was not kept."""
    found = (
        ("路网连通片区", network.get("components", 0), "个", "片区之间走不通，小片区多为数据残缺"),
        ("不在道路上的出入口", network.get("gates_off_street", 0), "处", "没有采用，请核对位置"),
        (
            "开放时间无法识别的出入口",
            len(network.get("gates_with_unreadable_hours", ())),
            "处",
            "按开放计算，请补正开放时间",
        ),
    )
    return [model.QualityNote(title, count, unit, note) for title, count, unit, note in found if count]


def source_notes(parameters: Mapping[str, Any]) -> tuple[model.SourceNote, ...]:
    """Return sources of data and rules.

    Parameters
    ----------
    parameters : mapping
        The run's parameters.

    Returns
    -------
    tuple of SourceNote
        Sources.
    """
    years = "、".join(f"{year} 年" for year in parameters["population_years"]) or "年份未说明"
    return (
        model.SourceNote("人口数据", years, population_text(parameters["population_kinds"])),
        model.SourceNote("步行速度", "情景值", "按年龄段设定，依据见参考文档"),
        model.SourceNote("方法", "路网步行", "逐点最近设施（双精度秒），含两端接入距离；等时圈只作显示"),
        model.SourceNote("图件", "示意", DISCLAIMER),
    )
