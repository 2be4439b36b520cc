"""Commands that are worded wrongly: one exit code, and the language that was asked for."""

from __future__ import annotations

import re

import pytest

from api.cli.usage import shared_first
from tests.cli.conftest import Run

WRONG = (
    (("nonsense",), "没有命令“nonsense”", "No such command 'nonsense'"),
    (("import", "facilities"), "缺少参数 FILE", "Missing argument"),
    (("coverage", "run", "--minutes", 15), "缺少选项 --type", "Missing option '--type'"),
    (("import", "facilities", "x.csv", "--nope"), "没有选项 --nope", "No such option: --nope"),
    (("serve", "--port", 99999), "应不大于 65535", "less than or equal to 65535"),
    (("serve", "--port", "abc"), "应为整数", "valid integer"),
    (("coverage", "run", "--type", "x", "--minutes", -1), "应不小于 0", "greater than or equal to 0"),
    (("coverage", "run", "--type", "x", "--minutes", 1, "--date", "2026/1/1"), "“2026/1/1”不是日期", "does not match"),
    (("coverage", "run", "--type", "x", "--minutes", 1, "--at", "never"), "never", "never"),
    (("coverage", "run", "--type", "x"), "必须且只能给一个", "exactly one"),
    (("coverage", "run", "--type"), "选项 --type 后面应有一个值", "requires an argument"),
    (("import", "list", "--json=3"), "选项 --json 不带值", "does not take a value"),
    (("version", "b"), "多出了参数：b", "unexpected extra argument"),
    (("export", "streets", "--out", "x.csv", "--titles", "fr"), "“fr”不在可用值之内", "is not one of"),
    (("report", "coverage", "--out", "r.txt"), "只能是 .html 或 .xlsx", "must end in"),
    (("import", "streets", "x.osm", "--map", "a"), "应写成 列名=字段", "write COLUMN=FIELD"),
    (("isochrone", "--lon", 1, "--lat", 1, "--minutes", 5, "--out", "i.txt"), ".geojson", ".geojson"),
)


@pytest.mark.parametrize(("words", "chinese", "english"), WRONG)
def test_wrong_usage_is_told_in_the_language_asked_for(
    fangyu: Run, words: tuple[object, ...], chinese: str, english: str
) -> None:
    found = fangyu(*words)
    assert (found.code, found.out) == (2, "")
    assert chinese in found.err
    told = found.err.splitlines()[-1]
    assert re.search(r"\b(should|such|Missing|Invalid|Usage|Error|Try|Got|match|requires)\b", told) is None
    assert "Usage:" not in found.err
    found = fangyu(*words, "--lang", "en")
    assert found.code == 2
    assert english in found.err
    assert re.search("[一-鿿]", found.err.splitlines()[-1]) is None


def test_wrong_usage_is_a_json_object_that_says_what_is_wrong(fangyu: Run) -> None:
    error = fangyu("coverage", "run", "--type", "x", "--json").json()["error"]
    assert error["code"] == "usage"
    assert "--metres" in error["message_zh"]
    assert "exactly one" in error["message_en"]


def test_help_and_version_are_answers(fangyu: Run) -> None:
    found = fangyu("coverage", "run", "--help")
    assert (found.code, found.err) == (0, "")
    assert "用法：fangyu" in found.out
    assert "\n选项:" in found.out
    assert "显示本说明" in found.out
    assert "Usage: fangyu" in fangyu("coverage", "run", "--help", "--lang", "en").out
    assert fangyu("--version").out == fangyu("version").out != ""


def test_shared_options_may_follow_the_command() -> None:
    words = ["import", "list", "--lang", "en", "--json", "--store=a.gpkg", "--", "--cache", "c"]
    assert shared_first(words) == [
        "--lang", "en", "--store=a.gpkg", "import", "list", "--json", "--", "--cache", "c",
    ]  # fmt: skip
    assert shared_first(["import", "list", "--lang"]) == ["import", "list", "--lang"]
