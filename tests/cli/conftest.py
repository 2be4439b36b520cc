"""Running the command line inside the test's process."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api.cli import main
from tests.cli import town


@dataclass(frozen=True)
class Result:
    """What a command printed and returned."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Return the one JSON object on stdout."""
        return json.loads(self.out)


Run = Callable[..., Result]


@pytest.fixture
def fangyu(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], store_url: str, tmp_path: Path
) -> Run:
    """Return a runner of ``fangyu --store …`` on a fresh store, on each engine in turn."""

    def run(*words: object, store: str | None = None) -> Result:
        cache = str(tmp_path / "cache")
        arguments = ["fangyu", "--store", store or store_url, "--cache", cache, *map(str, words)]
        monkeypatch.setattr(sys, "argv", arguments)
        try:
            main.run()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        printed = capsys.readouterr()
        return Result(code, printed.out, printed.err)

    return run


@pytest.fixture
def small_town(fangyu: Run, tmp_path: Path) -> Run:
    """Return the runner with the town imported: streets, divisions, people, one canteen at its west end."""
    for words in (
        ("import", "streets", town.write_streets(tmp_path)),
        ("import", "divisions", town.write_divisions(tmp_path)),
        ("import", "demand", town.write_demand(tmp_path, town.PEOPLE), "--datum", "cgcs2000"),
        (
            "import",
            "facilities",
            town.write_facilities(tmp_path, [("C1", 0.0)]),
            "--type",
            "senior_canteen",
            "--datum",
            "cgcs2000",
        ),
    ):
        result = fangyu(*words)
        assert result.code == 0, result.err
    return fangyu
