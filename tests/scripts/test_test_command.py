"""The test command's own parts."""

from __future__ import annotations

import os
import sys

import pytest

from tests.scripts import load

command = load("test")
packages = load("system_packages")


@pytest.mark.parametrize(
    "line",
    [
        "12 passed in 3.45s\n",
        "1 failed, 12 passed, 2 skipped in 65.00s (0:01:05)\n",
        "3 skipped, 1 warning in 0.10s",
        "no tests ran in 0.01s",
        "===== 12 passed in 3.45s =====",
        "2 errors in 0.5s",
    ],
)
def test_the_summary_line_is_known(line: str) -> None:
    assert command.is_summary(line)


@pytest.mark.parametrize(
    "line", ["....... [100%]", "SKIPPED [1] a.py:3: no", "3.2s call tests/a.py::b", "12 apples in a"]
)
def test_other_lines_are_no_summary(line: str) -> None:
    assert not command.is_summary(line)


def test_the_summary_is_held_back_and_everything_else_shown(capsys: pytest.CaptureFixture[str]) -> None:
    program = "print('SKIPPED [1] x: why'); print('3 passed, 1 skipped in 0.10s')"
    step = command.Step("pytest", [sys.executable, "-c", program])
    assert command.run_tests(step, dict(os.environ)) == "3 passed, 1 skipped in 0.10s"
    shown = capsys.readouterr().out
    assert "SKIPPED [1] x: why" in shown
    assert "3 passed" not in shown


def test_tests_that_crash_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    step = command.Step("pytest", [sys.executable, "-c", "raise SystemExit(3)"])
    assert "exit code 3" in command.run_tests(step, dict(os.environ))
    assert step.code == 3
    assert capsys.readouterr().out


def test_a_failed_check_shows_its_output_and_the_next_still_runs(capsys: pytest.CaptureFixture[str]) -> None:
    bad = command.Step("bad", [sys.executable, "-c", "print('the reason'); raise SystemExit(1)"])
    good = command.Step("good", [sys.executable, "-c", "print('quiet')"])
    for step in (bad, good):
        command.run_check(step)
    shown = capsys.readouterr().out
    assert "the reason" in shown
    assert "quiet" not in shown
    command.report([bad, good], 1.0, ["chromium"], ["PostGIS: none", "web map: none"], all_trials=False)
    report = capsys.readouterr().out
    assert "bad" in report.splitlines()[-1]
    assert "good" not in report.splitlines()[-1]
    for said in ("chromium", "PostGIS: none", "web map: none", "--all"):
        assert said in report


def test_debian_offers_decide_the_postgres_version() -> None:
    offered = (
        "postgresql-15-postgis-3 - Geographic\npostgresql-17-postgis-3 - Geographic\npostgresql-18 - x\n"
    )
    assert packages.choose_postgres(offered) == 15
    assert packages.choose_postgres(offered.replace("-15-", "-16-")) == 17
    assert packages.choose_postgres("postgresql-15-postgis-3-scripts - Scripts") is None
    assert packages.choose_postgres("") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a = 1\n",
        "#create_main_cluster = true\n",
        "create_main_cluster = true\nb = 2\n",
        "# create_main_cluster=yes",
    ],
)
def test_no_main_cluster_is_made(text: str) -> None:
    changed = packages.without_main_cluster(text)
    lines = [line for line in changed.splitlines() if "create_main_cluster" in line]
    assert lines == ["create_main_cluster = false"]
    assert packages.without_main_cluster(changed) == changed
