"""What facilities offer: beds, seats, areas, dates and operators, drawn at random around plausible values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from geo.arrays import Float, Int
from geo.demo.names import words
from geo.demo.recipe import FacilityRecipe

Column = list[object]


def describe_facilities(kind: FacilityRecipe, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """Draw the attributes of one file's facilities.

    Parameters
    ----------
    kind : FacilityRecipe
        The file.
    service : array, shape (n,)
        How well served the district of each facility is, 0 to 1.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    dict of str to list
        Header to values; some values lie below what the standards ask.
    """
    return {**_common(kind, rng), **_DETAILS.get(kind.type, _nothing)(kind.count, service, rng)}


def _common(kind: FacilityRecipe, rng: np.random.Generator) -> dict[str, Column]:
    """Return operator, ownership, status and dates."""
    count = kind.count
    operators = words()["operators"]["names"]
    status = rng.choice(["运营", "在建", "规划", "暂停", "关闭"], count, p=[0.945, 0.015, 0.015, 0.015, 0.01])
    year = rng.integers(2012, 2025, count)
    month, day = rng.integers(1, 13, count), rng.integers(1, 29, count)
    opened: Column = [
        f"{y}-{m:02d}-{d:02d}" if s in ("运营", "暂停", "关闭") else None
        for y, m, d, s in zip(year, month, day, status, strict=True)
    ]
    closed: Column = [
        f"2025-{m:02d}-{d:02d}" if s == "关闭" else None for m, d, s in zip(month, day, status, strict=True)
    ]
    return {
        "运营单位": list(rng.choice(operators, count)),
        "所有制": list(rng.choice(["公办", "公建民营", "民办"], count, p=[0.34, 0.38, 0.28])),
        "状态": list(status),
        "启用日期": opened,
        "停用日期": closed,
    }


def _ints(values: Float | Int) -> Column:
    """Return whole numbers as Python ints."""
    return [int(value) for value in np.round(values)]


def _canteen(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """Seats, meals, delivery and opening hours of canteens."""
    seats = np.clip(rng.lognormal(np.log(34 + 16 * service.mean()), 0.5, count), 8, 220)
    meals = seats * rng.uniform(0.25, 1.6, count)
    return {
        "座位": _ints(seats),
        "日供餐量": _ints(meals),
        "送餐半径": _ints(rng.choice([0, 500, 1000, 1500], count)),
        "补贴类别": list(rng.choice(["一类", "二类", "三类"], count)),
        "建筑面积": _ints(seats * rng.uniform(1.6, 3.4, count)),
        "楼层": _ints(rng.choice([1, 1, 1, 2, 3, -1], count)),
        "开放时间": list(
            rng.choice(["Mo-Su 11:00-13:00", "Mo-Fr 11:00-13:00", "Mo-Su 11:00-13:00,17:00-18:30"], count)
        ),
    }


def _home(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """Beds, staff and area of care homes; a few below what the standards ask."""
    beds = np.clip(np.round(rng.lognormal(np.log(110), 0.75, count)), 12, 620)
    nursing = np.round(beds * rng.uniform(0.3, 0.85, count))
    residents = np.round(beds * rng.uniform(0.35, 0.95, count))
    return {
        "床位": _ints(beds),
        "护理型床位": _ints(nursing),
        "认知障碍床位": _ints(nursing * rng.choice([0, 0, 0.1, 0.2], count)),
        "入住人数": _ints(residents),
        "护理员人数": _ints(np.maximum(residents / rng.uniform(4, 9, count), 2)),
        "建筑面积": _ints(beds * rng.uniform(27, 52, count)),
        "占地面积": _ints(beds * rng.uniform(15, 46, count)),
        "等级": list(rng.choice(["一级", "二级", "三级", "四级", "未评定"], count, p=[0.2, 0.3, 0.2, 0.08, 0.22])),
        "医疗服务": list(rng.choice(["内设", "签约", "无"], count, p=[0.24, 0.57, 0.19])),
    }


def _center(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """Area and beds of township centres; about one in eight below 1,000 m²."""
    area = np.clip(rng.lognormal(np.log(1550), 0.36, count), 520, 5200)
    return {
        "建筑面积": _ints(area),
        "床位": _ints(area / rng.uniform(38, 75, count)),
        "服务内容": _services(count, rng),
    }


def _station(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """Area of stations; about one in ten below 300 m²."""
    area = np.clip(rng.lognormal(np.log(430), 0.3, count), 120, 1600)
    return {
        "建筑面积": _ints(area),
        "楼层": _ints(rng.choice([1, 1, 1, 2, 4], count)),
        "服务内容": _services(count, rng),
    }


def _day_care(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """Area and places of day-care centres."""
    area = np.clip(rng.lognormal(np.log(520), 0.35, count), 150, 1700)
    return {
        "建筑面积": _ints(area),
        "照料位": _ints(area / rng.uniform(16, 30, count)),
        "服务内容": _services(count, rng),
    }


def _services(count: int, rng: np.random.Generator) -> Column:
    """Draw lists of services."""
    kinds = np.array(["助餐", "助浴", "助洁", "康复", "日间照料", "短期托养", "文娱", "精神慰藉"])
    return ["、".join(kinds[np.sort(rng.choice(8, size, replace=False))]) for size in rng.integers(2, 6, count)]


def _social_work(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """Staff and the five haves."""
    haves = ("有场所", "有设备", "有人员", "有服务功能", "有工作流程")
    five: dict[str, Column] = {head: ["是" if ok else "否" for ok in rng.random(count) < 0.93] for head in haves}
    return {
        "社工人数": _ints(rng.integers(1, 8, count)),
        "建筑面积": _ints(rng.uniform(24, 140, count)),
        **five,
    }


def _cemetery(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """Plots, burials and area."""
    plots = np.round(rng.lognormal(np.log(2400), 0.8, count))
    buried = np.round(plots * rng.uniform(0.1, 0.93, count))
    return {
        "占地面积": _ints(plots * rng.uniform(2.4, 4.2, count)),
        "墓穴数": _ints(plots),
        "已安葬墓穴": _ints(buried),
        "剩余墓穴": _ints(plots - buried),
        "单穴面积": [float(x) for x in rng.choice([0.4, 0.5, 0.5, 0.6, 0.9], count)],
        "双穴面积": [float(x) for x in rng.choice([0.7, 0.8, 0.8, 1.0, 1.4], count)],
    }


def _commercial(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """A cemetery's figures with sales and the licence."""
    columns = _cemetery(count, service, rng)
    plots, buried = (
        np.array(columns["墓穴数"], dtype=np.float64),
        np.array(columns["已安葬墓穴"], dtype=np.float64),
    )
    sold = buried + (plots - buried) * rng.uniform(0.05, 0.6, count)
    dates: Column = [f"{year}-12-31" for year in rng.integers(2024, 2046, count)]
    return {**columns, "已售墓穴": _ints(sold), "许可期限": dates}


def _columbarium(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """Niches."""
    niches = np.round(rng.lognormal(np.log(4200), 0.7, count))
    return {"格位数": _ints(niches), "已用格位": _ints(niches * rng.uniform(0.05, 0.8, count))}


def _eco(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """Form and yearly burials."""
    return {
        "安葬形式": list(rng.choice(["树葬", "草坪葬", "花葬", "壁葬"], count)),
        "安葬位": _ints(rng.lognormal(np.log(900), 0.6, count)),
        "年安葬量": _ints(rng.uniform(3, 120, count)),
    }


def _traditional(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """Graves and the measure taken."""
    return {
        "坟墓数": _ints(rng.lognormal(np.log(38), 1.0, count) + 1),
        "整治措施": list(rng.choice(["绿化遮挡", "迁入公墓", "登记保留", "待定"], count)),
    }


def _funeral(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """Furnaces, halls, cremations."""
    furnaces = rng.integers(3, 11, count)
    return {
        "火化炉": _ints(furnaces),
        "告别厅": _ints(rng.integers(2, 9, count)),
        "年火化量": _ints(furnaces * rng.uniform(700, 1500, count)),
        "等级": list(rng.choice(["二级", "三级"], count)),
    }


def _one(head: str, low: int, high: int) -> Callable[[int, Float, np.random.Generator], dict[str, Column]]:
    """Make a builder of one whole-number column."""

    def build(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
        return {head: _ints(rng.integers(low, high, count))}

    return build


def _marriage(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """Windows, staff, cases and the people served."""
    cases = rng.integers(1800, 5200, count)
    return {
        "登记窗口数": _ints(rng.integers(2, 7, count)),
        "等级": list(rng.choice(["3A", "4A", "5A"], count)),
        "登记员人数": _ints(rng.integers(3, 11, count)),
        "年办理量": _ints(cases),
        "辖区户籍人口": _ints(rng.integers(380000, 1050000, count)),
        "开放时间": ["Mo-Fr 09:00-17:00"] * count,
    }


def _nothing(count: int, service: Float, rng: np.random.Generator) -> dict[str, Column]:
    """No columns of its own."""
    return {}


_Builder = Callable[[int, Float, np.random.Generator], dict[str, Column]]
_DETAILS: dict[str, _Builder] = {
    "senior_canteen": _canteen,
    "care_home": _home,
    "township_eldercare_center": _center,
    "community_care_station": _station,
    "day_care_center": _day_care,
    "social_work_station": _social_work,
    "public_cemetery": _cemetery,
    "commercial_cemetery": _commercial,
    "columbarium": _columbarium,
    "eco_burial_site": _eco,
    "traditional_burial_site": _traditional,
    "funeral_home": _funeral,
    "marriage_registry": _marriage,
    "rural_mutual_aid_home": _one("照料位", 4, 40),
    "charity_point": _one("志愿者人数", 2, 40),
    "child_protection_station": _one("工作人员数", 1, 5),
    "relief_window": _one("窗口数", 1, 4),
    "relief_station": _one("床位", 20, 120),
}
