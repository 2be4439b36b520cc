"""What commands write: lines that stand below one another, and reasons in Chinese."""

from __future__ import annotations

import errno
from pathlib import Path

from rich.cells import cell_len

from api.cli.output import aligned
from geo.errors import reason_zh
from tests.cli.conftest import Run


def test_columns_stand_below_one_another_whatever_the_width_of_characters() -> None:
    lines = list(aligned([["编号", "图层", "文件"], ["1", "设施", "a"], ["1000", "gates", "餐"]]))
    places = [cell_len(line[: line.rindex(word)]) for line, word in zip(lines, ("文件", "a", "餐"), strict=True)]
    assert places == [13, 13, 13]


def test_the_list_of_imports_is_in_chinese_and_aligned(small_town: Run) -> None:
    lines = small_town("import", "list").out.splitlines()
    assert lines[0].split()[:4] == ["编号", "图层", "来源", "文件"]
    assert "facilities" not in "".join(lines)
    place = cell_len(lines[0][: lines[0].index("来源")])
    for line in lines[1:]:
        words = line.split()
        assert words[1] in ("道路", "设施", "需求点", "行政区划", "小区门", "围墙"), line
        assert cell_len(line[: line.index(words[2], len(words[0]) + len(words[1]))]) == place


def test_the_system_s_reasons_are_told_in_chinese(small_town: Run, tmp_path: Path) -> None:
    assert reason_zh(FileNotFoundError(errno.ENOENT, "No such file or directory")) == "文件或文件夹不存在"
    assert reason_zh(OSError(9999, "Odd")) == "Odd"
    refused = small_town("export", "streets", "--out", tmp_path / "no" / "a.csv")
    assert refused.code == 3
    assert "No such file" not in refused.err
