"""The job behind ``scripts/start.py``: make the fictional city, import it, run coverage, write the report, serve it.

A store that this job did not make is served as it is: a bureau's own data is never touched. A store it did make is
reused while recipe and code are unchanged, and made anew otherwise.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from geo.errors import FangyuError

if TYPE_CHECKING:
    from geo.services.import_report import ImportReport

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_STORE = ROOT / "demo" / "demo-city.gpkg"
DEMO_KEY = "demo_key"
TYPES = ("senior_canteen", "community_care_station", "care_home")
MINUTES = 15.0
SHOWN_REFUSALS = 3


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done.

    Parameters
    ----------
    store : str
        A ``.gpkg`` path or a PostgreSQL URL.
    cache_dir : pathlib.Path
        Folder for compiled networks and rendered reports.
    nodes : int or None
        Size of the street network, or None for the recipe's.
    lang : str
        ``zh`` or ``en``.
    """

    store: str
    cache_dir: Path
    nodes: int | None
    lang: str

    @property
    def is_file(self) -> bool:
        """Whether the store is one embedded file."""
        return "://" not in self.store

    @property
    def folder(self) -> Path:
        """Folder of the input files and of the report."""
        return Path(self.store).resolve().parent if self.is_file else ROOT / "demo"

    def say(self, zh: str, en: str) -> None:
        """Show one line of progress.

        Parameters
        ----------
        zh, en : str
            The two wordings.
        """
        sys.stderr.write((zh if self.lang == "zh" else en) + "\n")
        sys.stderr.flush()

    @contextmanager
    def step(self, zh: str, en: str) -> Iterator[None]:
        """Announce a step and tell how long it took.

        Parameters
        ----------
        zh, en : str
            Name of the step.

        Yields
        ------
        None
            Nothing.
        """
        self.say(f"· {zh}……", f"· {en} …")
        begun = time.perf_counter()
        yield
        seconds = time.perf_counter() - begun
        self.say(f"  {zh}：{seconds:.1f} 秒", f"  {en}: {seconds:.1f} s")


def fingerprint(nodes: int | None) -> str:
    """Return a key of everything the demo store depends on: recipe, catalogue and code.

    Parameters
    ----------
    nodes : int or None
        Size of the street network.

    Returns
    -------
    str
        Hexadecimal digest.
    """
    digest = hashlib.sha256(f"{nodes}".encode())
    files = [*(ROOT / "data").rglob("*.toml"), Path(__file__)]
    for suffix in ("*.py", "*.toml", "*.js", "*.css", "*.html"):
        files.extend((ROOT / "geo").rglob(suffix))
    for path in sorted(files):
        digest.update(path.relative_to(ROOT).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def prepare(job: Job) -> None:
    """Make sure the store holds a city, a run and a report.

    Parameters
    ----------
    job : Job
        What is to be done.

    Raises
    ------
    FangyuError
        If a step fails; the store is then left as it was.
    """
    from geo.services.opening import create_if_missing, open_checked, read_fact

    if job.is_file and not Path(job.store).exists():
        build(job)
        return
    if not job.is_file:
        create_if_missing(job.store)
    store = open_checked(job.store, actor="start")
    try:
        with store.session() as session:
            made_with = read_fact(session, DEMO_KEY)
            is_empty = _is_empty(session)
    finally:
        store.close()
    if made_with is None and not is_empty:
        job.say("使用已有数据，不生成示例城市。", "using the data already there; no demo city is made.")
        return
    if made_with == fingerprint(job.nodes):
        job.say("示例城市没有变化，直接使用。", "the demo city is unchanged and reused.")
        return
    build(job)


def _is_empty(session: object) -> bool:
    """Tell whether nothing was ever imported."""
    from geo.services.import_log import list_imports
    from geo.store import Session

    assert isinstance(session, Session)
    return not list_imports(session)


def build(job: Job) -> None:
    """Make the city, import it, run coverage and write the report.

    The embedded store is built beside the old one and put in its place at the end, so that an interrupted run leaves
    what was there.

    Parameters
    ----------
    job : Job
        What is to be done.
    """
    target = job.store
    if job.is_file:
        final = Path(job.store)
        final.parent.mkdir(parents=True, exist_ok=True)
        target = str(final.with_name(f".{final.stem}.building.gpkg"))
        for leftover in final.parent.glob(Path(target).name + "*"):
            leftover.unlink()
    _fill(job, target)
    if job.is_file:
        Path(target).replace(job.store)


def _fill(job: Job, target: str) -> None:
    """Run every step against one store."""
    from geo.services.coverage import run_coverage
    from geo.services.coverage_model import CoverageRequest
    from geo.services.demo import demo_imports, make_demo, mark_synthetic
    from geo.services.importing import carry_out
    from geo.services.moment import parse_moment
    from geo.services.network import open_network
    from geo.services.opening import open_checked, upgrade_store, write_fact
    from geo.services.publishing import publish_run
    from geo.services.reporting import coverage_report, write_report

    inputs = job.folder / "demo-input"
    with job.step("生成示例城市的输入文件", "making the demo city's input files"):
        make_demo(inputs, nodes=job.nodes, progress=job.say)
    if not job.is_file:
        upgrade_store(target)
    store = open_checked(target, actor="start")
    try:
        for name, plan in demo_imports(inputs):
            with job.step(f"导入 {name}", f"importing {name}"):
                with store.session() as session:
                    report = carry_out(session, plan)
                _tell(job, report)
        with job.step("编译路网", "compiling the network"), store.session() as session:
            network = open_network(session, job.cache_dir)
        with job.step("计算覆盖", "computing coverage"), store.session() as session:
            request = CoverageRequest(
                types=TYPES, minutes=MINUTES, by_band=True, on=date.today(), at=parse_moment(None)
            )
            outcome = run_coverage(session, request, network=network, actor="start")
            publish_run(session, outcome.run_id, actor="start")
        for zh, en in outcome.summary():
            job.say("  " + zh, "  " + en)
        with store.session() as session:
            mark_synthetic(session, inputs)
        with job.step("写出报告", "writing the report"), store.session() as session:
            document = coverage_report(session, outcome.run_id)
            write_report(document, job.folder / "coverage-report.html")
            write_report(document, job.folder / "coverage-report.xlsx")
        with store.session() as session:
            write_fact(session, DEMO_KEY, fingerprint(job.nodes))
    finally:
        store.close()


def _tell(job: Job, report: ImportReport) -> None:
    """Show what an import did, with its refused rows."""
    zh, en = report.summary()[0]
    job.say("  " + zh, "  " + en)
    refused = [problem for problem in report.problems if problem.severity == "refused"]
    for problem in refused[:SHOWN_REFUSALS]:
        job.say("    拒绝 " + problem.line("zh"), "    refused " + problem.line("en"))
    if len(refused) > SHOWN_REFUSALS:
        job.say(f"    ……另有 {len(refused) - SHOWN_REFUSALS} 处", f"    … {len(refused) - SHOWN_REFUSALS} more")


def main(arguments: list[str] | None = None) -> int:
    """Run the job from the command line.

    Parameters
    ----------
    arguments : list of str or None
        Words of the command line; None reads the process's.

    Returns
    -------
    int
        Exit code.
    """
    from platformdirs import user_cache_path

    parser = argparse.ArgumentParser(prog="start.py", description="方舆示例：一条命令看到整座城市的覆盖地图。")
    parser.add_argument("--store", default=None)
    parser.add_argument("--port", type=int, default=8300)
    parser.add_argument("--nodes", type=int, default=None)
    parser.add_argument("--no-serve", action="store_true")
    parser.add_argument("--lang", choices=("zh", "en"), default="zh")
    chosen = parser.parse_args(arguments)
    job = Job(
        store=chosen.store or str(DEFAULT_STORE),
        cache_dir=user_cache_path("fangyu", appauthor=False),
        nodes=chosen.nodes,
        lang=chosen.lang,
    )
    begun = time.perf_counter()
    try:
        prepare(job)
        job.say(
            f"准备完成（{time.perf_counter() - begun:.0f} 秒）；文件在 {job.folder}",
            f"ready ({time.perf_counter() - begun:.0f} s); files are in {job.folder}",
        )
        if not chosen.no_serve:
            from api.server import holds_accounts, serve_store

            serve_store(
                job.store, cache_dir=job.cache_dir, host="127.0.0.1", port=chosen.port, say=job.say,
                demo=not holds_accounts(job.store),
            )  # fmt: skip
    except FangyuError as error:
        from api.cli.output import fail

        return fail(error, ["--lang", job.lang])
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
