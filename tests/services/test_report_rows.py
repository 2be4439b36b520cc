"""What a report says about stored runs."""

from __future__ import annotations

import geopandas as gpd

from geo.services.report_rows import quality_notes

RESULT = {
    "type": "senior_canteen",
    "persons": {"not_linked": 3, "disconnected": 7},
    "facilities": {"recorded": 1, "open": 1, "linked": 1},
}


def titles(network: dict[str, object]) -> list[str]:
    notes = quality_notes([RESULT], network, gpd.GeoDataFrame(geometry=[]), is_synthetic=False)
    return [note.title_zh for note in notes]


def test_the_network_s_oddities_are_told() -> None:
    network = {"components": 4, "gates_off_street": 2, "gates_with_unreadable_hours": ["n1"]}
    told = {"路网连通片区", "不在道路上的出入口", "开放时间无法识别的出入口"}
    assert told <= set(titles(network))


def test_a_run_stored_before_the_network_was_described_still_makes_a_report() -> None:
    assert "路网连通片区" not in titles({})
    assert "未接入路网的人口" in titles({})
