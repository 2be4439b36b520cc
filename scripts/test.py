"""Set up, check and test everything: ``python3 scripts/test.py [--all]``.

Every step runs even when an earlier one has failed; what was skipped is printed with its reason, then each
step's time and the steps that failed, and as the very last line pytest's own summary.
"""

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import _python_version  # noqa: F401 - ends an outdated Python
import bootstrap
import pgcluster
import system_packages
import web_build

_MOST_WORKERS = 4
_SUMMARY = re.compile(
    r"^(=+ )?(\d+ (passed|failed|errors?|skipped|deselected|xfailed|xpassed|warnings?)|no tests ran)\b"
)


class Step:
    """One check.

    Parameters
    ----------
    name : str
        Shown in the list of times.
    command : sequence of str
        Program and arguments.
    folder : Path
        Where it runs.
    """

    def __init__(self, name: str, command: Sequence[str | Path], folder: Path = bootstrap.ROOT) -> None:
        self.name = name
        self.folder = folder
        self.command = [str(part) for part in command]
        self.seconds = 0.0
        self.code = 0


def parser() -> argparse.ArgumentParser:
    """Return the argument parser.

    Returns
    -------
    argparse.ArgumentParser
        The parser.
    """
    arguments = argparse.ArgumentParser(description="检查并测试 / check and test")
    arguments.add_argument("--all", action="store_true", help="包括长时间试验 / the long trials too")
    return arguments


def checks(python: Path) -> list[Step]:
    """Return the steps before the tests.

    Parameters
    ----------
    python : Path
        The environment's Python.

    Returns
    -------
    list of Step
        Lint, types, docstrings and layers.
    """
    tools = python.parent
    suffix = ".exe" if os.name == "nt" else ""
    return [
        Step("ruff", [python, "-m", "ruff", "check", "."]),
        Step("mypy", [python, "-m", "mypy"]),
        Step("numpydoc", [python, bootstrap.ROOT / "scripts" / "check_docstrings.py"]),
        Step("import-linter", [tools / f"lint-imports{suffix}"]),
    ]


def web_checks() -> tuple[list[Step], str | None]:
    """Return the steps of the web map: its build, its types and its own tests.

    Returns
    -------
    steps : list of Step
        Empty where Node or its packages cannot be had.
    reason : str or None
        Why there are none.
    """
    try:
        node, npm = web_build.find_node()
        web_build.fetch_packages(node, npm)
    except web_build.UnavailableError as error:
        return [], f"网页地图 / web map: {error}"
    build = [bootstrap.venv_python(), bootstrap.ROOT / "scripts" / "web_build.py"]
    return [
        Step("web-build", build),
        Step("web-types", web_build.program("vue-tsc", node, ["--noEmit"]), web_build.WEB),
        Step("vitest", web_build.program("vitest", node, ["run"]), web_build.WEB),
    ], None


def run_check(step: Step) -> None:
    """Run one check and show what it says if it fails.

    Parameters
    ----------
    step : Step
        The check; gets its code and time.
    """
    sys.stdout.write(f"-- {step.name}\n")
    sys.stdout.flush()
    begun = time.monotonic()
    done = subprocess.run(
        step.command,
        cwd=step.folder,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    step.seconds = time.monotonic() - begun
    step.code = done.returncode
    if done.returncode != 0:
        sys.stdout.write(done.stdout)
    sys.stdout.write(f"   {'ok' if step.code == 0 else 'FAILED'} {step.seconds:.1f} s\n")
    sys.stdout.flush()


def run_tests(step: Step, environment: dict[str, str]) -> str:
    """Run pytest, showing its output as it comes, all but its summary line.

    Parameters
    ----------
    step : Step
        The tests; gets its code and time.
    environment : dict of str to str
        Environment variables.

    Returns
    -------
    str
        pytest's summary line; what to say instead if it gave none.
    """
    sys.stdout.write(f"-- {step.name}\n")
    sys.stdout.flush()
    begun = time.monotonic()
    summary = ""
    with subprocess.Popen(
        step.command,
        cwd=bootstrap.ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            for line in process.stdout or ():
                if is_summary(line):
                    summary = line.strip()
                    continue
                sys.stdout.write(line)
                sys.stdout.flush()
        except BaseException:
            # Leaving the block waits for the child, which must not go on for minutes when we are told to stop.
            process.kill()
            raise
    step.code = process.returncode
    step.seconds = time.monotonic() - begun
    return summary or f"pytest ended without a summary (exit code {step.code})"


def is_summary(line: str) -> bool:
    """Tell whether a line is pytest's last one.

    Parameters
    ----------
    line : str
        A line of output.

    Returns
    -------
    bool
        True for lines such as ``12 passed, 1 skipped in 3.45s``.
    """
    return bool(_SUMMARY.match(line)) and " in " in line


@contextlib.contextmanager
def postgres(environment: dict[str, str]) -> Iterator[str | None]:
    """Run a private PostGIS for the tests, where PostgreSQL is installed.

    Parameters
    ----------
    environment : dict of str to str
        Gets ``FANGYU_TEST_PG_URL``.

    Yields
    ------
    str or None
        Why there is none, or None if it runs.
    """
    if environment.get("FANGYU_TEST_PG_URL"):
        yield None
        return
    with contextlib.ExitStack() as stack:
        try:
            environment["FANGYU_TEST_PG_URL"] = stack.enter_context(pgcluster.private_cluster())
            reason: str | None = None
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            reason = f"PostGIS: {error}"
        yield reason


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str or None
        Arguments; None takes the process's own.

    Returns
    -------
    int
        0 if every step passed, else 1.
    """
    bootstrap.speak_utf8()
    options = parser().parse_args(arguments)
    begun = time.monotonic()
    try:
        bootstrap.prepare(["dev"])
    except bootstrap.SetupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    lacking = system_packages.ensure()
    set_up = time.monotonic() - begun
    # A job that is cut short must still stop the private cluster.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    web, no_web = web_checks()
    steps = [*checks(bootstrap.venv_python()), *web]
    for step in steps:
        run_check(step)
    marks = [] if options.all else ["-m", "not slow"]
    # One worker a core: each has stores of its own, and the whole takes half as long on two.
    workers = ["-n", str(min(os.cpu_count() or 1, _MOST_WORKERS))]
    command = [bootstrap.venv_python(), "-m", "pytest", "-rfEs", "--durations=10", *workers, *marks]
    tests = Step("pytest", command)
    environment = dict(os.environ)
    with postgres(environment) as reason:
        summary = run_tests(tests, environment)
    reasons = [why for why in (no_web, reason) if why]
    report([*steps, tests], set_up, lacking, reasons, all_trials=options.all)
    sys.stdout.write(summary + "\n")
    return 0 if all(step.code == 0 for step in [*steps, tests]) else 1


def report(
    steps: Sequence[Step], set_up: float, lacking: Sequence[str], reasons: Sequence[str], all_trials: bool
) -> None:
    """Print what was skipped, each step's time and the steps that failed.

    Parameters
    ----------
    steps : sequence of Step
        Every step, after its run.
    set_up : float
        Seconds of setting up.
    lacking : sequence of str
        System packages that are not there.
    reasons : sequence of str
        Why there was no PostGIS, or no web map.
    all_trials : bool
        Whether the long trials ran.
    """
    lines = [""]
    if lacking:
        lines.append(f"未安装的系统软件包 / system packages not installed: {', '.join(lacking)}")
    lines += [f"跳过 / skipped: {reason}" for reason in reasons]
    if not all_trials:
        lines.append("跳过长时间试验（加 --all 运行） / long trials skipped; --all runs them")
    lines.append(f"{'set-up':<14} {set_up:7.1f} s")
    lines += [f"{step.name:<14} {step.seconds:7.1f} s  {'ok' if step.code == 0 else 'FAILED'}" for step in steps]
    failed = [step.name for step in steps if step.code != 0]
    lines.append(f"失败的步骤 / failed steps: {', '.join(failed) if failed else '无 / none'}")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
