"""Chinese that people read has Chinese punctuation."""

from __future__ import annotations

import re
import tokenize
from pathlib import Path

import pytest

from geo.errors import Problem

ROOT = Path(__file__).parent.parent
FOLDERS = ("geo/store", "geo/intake", "geo/datum", "geo/catalog", "geo/services", "api/cli")
HAN = "[\u4e00-\u9fff\u201c\u201d\uff08\uff09]"
HALF = re.compile(f"{HAN}[,;:](?=[\u4e00-\u9fff\u201c{{ ]|$)|[,;:][\u4e00-\u9fff]|{HAN}\\(|\\([\u4e00-\u9fff]")
WANTED = ("经度,纬度", "张店区, 淄博市", "EPSG:编号", "仅供显示)")
"""Half-width on purpose: what is to be typed so; and one help text of another area."""


def words(path: Path) -> list[tuple[int, str]]:
    """List the string literals of a module, without docstrings and regular expressions."""
    with path.open("rb") as stream:
        tokens = [token for token in tokenize.tokenize(stream.readline) if token.type == tokenize.STRING]
    plain = [token for token in tokens if not token.string.lstrip("fb").startswith(('"""', "r"))]
    return [(token.start[0], token.string.strip("f").strip("\"'")) for token in plain]


@pytest.mark.parametrize("folder", FOLDERS)
def test_chinese_messages_have_full_width_punctuation(folder: str) -> None:
    found = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        for line, text in words(path):
            chinese = re.split(r" · | / ", text)[0]
            for typed in WANTED:
                chinese = chinese.replace(typed, "")
            if HALF.search(chinese):
                found.append(f"{path.relative_to(ROOT)}:{line}: {text}")
    assert found == []


def test_the_line_of_a_problem_has_a_full_width_colon() -> None:
    problem = Problem("x", "refused", "表.csv", 2, "编号", "a", "不行。", "No.")
    assert problem.line("zh") == "表.csv 第 2 行 字段“编号” 值“a”\uff1a不行。"
    assert problem.line("en") == 'row.csv row 2 field "编号" value "a": No.'.replace("row.csv", "表.csv")
