"""Over HTTP a message names the body's fields where the command line names its options."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.schemas.imports import ImportAsk
from api.wording import COMMANDS, OPTIONS, over_http, reworded
from tests.api.test_facilities import app_client, steward
from tests.api.test_jobs import wait_for

__all__ = ["app_client", "steward"]

GEO = Path(__file__).parents[2] / "geo"
SPOKEN = ("intake", "datum", "services/importing.py", "services/demand.py", "services/network.py", "store/imports.py")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z]")


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("或用 --skip-bad 写入其余各行", "或用 skip_bad: true 写入其余各行"),
        ("需要时用 --map 列名=字段 指定。", '需要时用 mapping {"列名": "字段"} 指定。'),
        ("其余用 --map 列名=- 忽略。", '其余用 mapping {"列名": "-"} 忽略。'),
        ("leave others out with --map COLUMN=-.", 'leave others out with mapping {"COLUMN": "-"}.'),
        ("请加 --datum cgcs2000|wgs84", "请加 datum cgcs2000|wgs84"),
        ("全部编号见 fangyu import list。", "全部编号见 GET /api/imports。"),
        ("值“--”：不是数字", "值“--”：不是数字"),
        ("服务未以演示模式运行（fangyu serve --demo）", "服务未以演示模式运行（fangyu serve --demo）"),
    ],
)
def test_a_message_is_put_into_the_words_of_http(told: str, meant: str) -> None:
    assert over_http(told) == meant
    assert over_http(meant) == meant


def test_only_messages_are_reworded() -> None:
    given = {"value": "--datum", "problems": [{"message_zh": "请加 --datum", "field": "--datum"}], "n": 3, "x": None}
    assert reworded(given) == {
        "value": "--datum", "problems": [{"message_zh": "请加 datum", "field": "--datum"}], "n": 3, "x": None,
    }  # fmt: skip


def test_every_option_that_imports_speak_of_has_its_field() -> None:
    files = [path for part in SPOKEN for path in ([GEO / part] if part.endswith(".py") else (GEO / part).rglob("*.py"))]
    texts = [path.read_text(encoding="utf-8") for path in files]
    named = {option for text in texts for option in OPTION.findall(text)}
    assert {"--datum", "--map", "--skip-bad"} <= named <= set(OPTIONS)
    assert {field.split(":")[0] for field in OPTIONS.values()} <= set(ImportAsk.model_fields)
    commands = {command for text in texts for command in re.findall(r"fangyu (?:import|coverage) \w+", text)}
    assert commands <= set(COMMANDS) | {"fangyu import divisions"}


def test_an_import_that_is_refused_names_the_fields_of_its_body(steward: TestClient) -> None:
    def run(content: str, **more: str) -> Any:
        sent = steward.post("/api/imports/uploads?name=more.csv", content=content.encode()).json()
        asked = {"upload_id": sent["upload_id"], "layer": "facilities", "type": "senior_canteen", **more}
        return wait_for(steward, steward.post("/api/imports", json=asked).json()["job_id"])["error"]

    rows = "编号,名称,经度,纬度\nA,甲,103.001,41.0\nB,乙,待测,41.0\n"
    undeclared, bad = run(rows), run(rows, datum="cgcs2000")
    for error, field in ((undeclared, "datum"), (bad, "skip_bad: true")):
        assert field in error["message_zh"]
        assert field in error["message_en"]
        assert not OPTION.findall(str(error))
    answer = steward.post("/api/imports/999/undo").json()
    assert "GET /api/imports" in answer["message_zh"]
