"""What every command shares: the state of the global options, messages on stderr, one JSON object on stdout."""

from __future__ import annotations

import getpass
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

import typer

from api.cli.usage import WrongUsageError, usage_messages
from geo.errors import FangyuError, InputError, Problem, Severity
from geo.errors import Lang as LangName

if TYPE_CHECKING:
    from typer._click.exceptions import ClickException

    from geo.store import Session, Store
    from geo.store.outside import OutsideEdit

EXIT_USAGE = 2
EXIT_REFUSED = 3
SHOWN_PROBLEMS = 50


class Lang(StrEnum):
    """Language of messages."""

    zh = "zh"
    en = "en"


@dataclass(frozen=True, slots=True)
class State:
    """Values of the global options.

    Parameters
    ----------
    store : str or None
        Store as given by ``--store`` or ``FANGYU_STORE``.
    lang : {"zh", "en"}
        Language of messages.
    cache : str or None
        Folder of compiled networks, or None for the user's cache folder.
    """

    store: str | None
    lang: LangName
    cache: str | None

    def store_url(self) -> str:
        """Return the store or end with a usage error when none was given.

        Returns
        -------
        str
            A ``.gpkg`` path or a PostgreSQL URL.
        """
        if self.store is None:
            raise WrongUsageError(
                "没有指定数据存储：请用 --store 文件.gpkg 或环境变量 FANGYU_STORE",
                "no store given: use --store FILE.gpkg or the variable FANGYU_STORE",
            )
        return self.store

    def cache_dir(self) -> Path:
        """Return the folder of compiled networks.

        Returns
        -------
        pathlib.Path
            The folder; it may not exist yet.
        """
        if self.cache is not None:
            return Path(self.cache)
        from platformdirs import user_cache_path

        return user_cache_path("fangyu", appauthor=False)

    def say(self, zh: str, en: str) -> str:
        """Return the text in the chosen language.

        Parameters
        ----------
        zh, en : str
            The two wordings.

        Returns
        -------
        str
            One of them.
        """
        return zh if self.lang == "zh" else en

    def tell(self, zh: str, en: str) -> None:
        """Write one progress or result line to stderr.

        Parameters
        ----------
        zh, en : str
            The two wordings.
        """
        typer.echo(self.say(zh, en), err=True)


def state_of(context: typer.Context) -> State:
    """Return the global options of a command.

    Parameters
    ----------
    context : typer.Context
        Context of the running command.

    Returns
    -------
    State
        The options.
    """
    state = context.obj
    assert isinstance(state, State)
    return state


@contextmanager
def opened(
    state: State, *, actor: str = "cli", missing: Literal["refuse", "create", "pretend"] = "refuse"
) -> Iterator[Store]:
    """Open the store for one command and close it cleanly.

    Parameters
    ----------
    state : State
        Global options.
    actor : str
        Who is acting, for the audit.
    missing : {"refuse", "create", "pretend"}
        What becomes of a ``.gpkg`` that does not exist: only commands that fill a store make one, and a rehearsal
        works on an empty one that is thrown away.

    Yields
    ------
    Store
        The open store.
    """
    from geo.services.opening import is_missing, open_checked

    url = state.store_url()
    with ExitStack() as leaving:
        if missing == "pretend" and is_missing(url):
            url = str(Path(leaving.enter_context(TemporaryDirectory())) / "rehearsal.gpkg")
        store = open_checked(url, actor=actor, create=missing != "refuse")
        leaving.callback(store.close)
        if store.outside_edits:
            _tell_edits(state, store.outside_edits)
        _tell_holds(state, store)
        yield store


def acting() -> str:
    """Return who works at the machine, for the audit.

    Returns
    -------
    str
        ``cli:`` and the name of the machine's user, where it is known.
    """
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):
        return "cli"


def _tell_holds(state: State, store: Store) -> None:
    """Say what legal records were edited outside, and how many such edits wait for review."""
    from geo.services.outside_edit import count_held

    for one in store.outside_holds[:SHOWN_PROBLEMS]:
        record = f"{one.layer}/{one.feature_id}"
        if one.problem is None:
            state.tell(
                f"法定记录 {record} 在系统之外被修改，已恢复公布内容，修改待审：{one.hold_id}",
                f"the legal record {record} was edited outside; what was published is back, and the edit waits for "
                f"review: {one.hold_id}",
            )
        else:
            state.tell(
                f"法定记录 {record} 在系统之外被修改，未能恢复公布内容（{one.problem}）：{one.hold_id}",
                f"the legal record {record} was edited outside and could not be put back ({one.problem}): "
                f"{one.hold_id}",
            )
    with store.session(write=False) as session:
        waiting = count_held(session)
    if waiting:
        state.tell(
            f"共有 {waiting:,} 项系统之外的修改待审：fangyu outside list",
            f"{waiting:,} edits made outside wait for review: fangyu outside list",
        )


def _tell_edits(state: State, edits: Sequence[OutsideEdit]) -> None:
    """Say what was edited outside, and what is wrong with it."""
    state.tell(
        f"发现 {len(edits):,} 行在系统之外修改，已校验并记入审计：",
        f"{len(edits):,} rows were edited outside Fangyu; they have been checked and audited:",
    )
    problems = [(edit, problem) for edit in edits for problem in edit.problems]
    for edit, problem in problems[:SHOWN_PROBLEMS]:
        state.tell(f"  {edit.layer} {edit.id}：{problem.line('zh')}", f"  {edit.layer} {edit.id}: {problem.line('en')}")
    if len(problems) > SHOWN_PROBLEMS:
        rest = len(problems) - SHOWN_PROBLEMS
        state.tell(f"  ……另有 {rest} 处问题，见各行的 quality 列", f"  … and {rest} more; see the rows' quality column")


class _RehearsalOverError(Exception):
    """Leaves a transaction so that it is rolled back."""


@contextmanager
def transaction(store: Store, *, keep: bool = True) -> Iterator[Session]:
    """Run one use case as one transaction.

    Parameters
    ----------
    store : Store
        The open store.
    keep : bool
        False for a rehearsal: everything is computed and nothing is stored.

    Yields
    ------
    Session
        A session; committed at the end, rolled back on an error or when nothing is to be kept.
    """
    try:
        with store.session() as session:
            yield session
            if not keep:
                raise _RehearsalOverError
    except _RehearsalOverError:
        return


_SEVERITIES: dict[Severity, tuple[str, str]] = {
    "refused": ("拒绝", "refused"),
    "repaired": ("已修正", "repaired"),
    "note": ("提示", "note"),
}


def tell_problems(problems: Sequence[Problem], lang: LangName) -> None:
    """Write what was found in a file to stderr, the refusals first, every line marked as what it is.

    Parameters
    ----------
    problems : sequence of Problem
        In file order.
    lang : {"zh", "en"}
        Language.
    """
    kinds = list(_SEVERITIES)
    ordered = sorted(problems, key=lambda problem: kinds.index(problem.severity))
    counts = [(kind, sum(problem.severity == kind for problem in problems)) for kind in kinds]
    if not problems:
        return
    if lang == "zh":
        heading = "共 " + "，".join(f"{_SEVERITIES[kind][0]} {count:,} 处" for kind, count in counts if count) + "："
    else:
        heading = "In all: " + ", ".join(f"{count:,} {_SEVERITIES[kind][1]}" for kind, count in counts if count) + ":"
    typer.echo("  " + heading, err=True)
    for problem in ordered[:SHOWN_PROBLEMS]:
        zh, en = _SEVERITIES[problem.severity]
        typer.echo(f"  [{zh if lang == 'zh' else en}] {problem.line(lang)}", err=True)
    rest = len(ordered) - SHOWN_PROBLEMS
    if rest > 0:
        zh, en = f"  ……另有 {rest:,} 处，用 --json 查看全部", f"  … and {rest:,} more; use --json to see all"
        typer.echo(zh if lang == "zh" else en, err=True)


def plain(value: object) -> object:
    """Return a value as JSON knows it; numbers keep every digit, NaN and infinity become null.

    Parameters
    ----------
    value : object
        Mappings, sequences, numpy scalars, dates, text.

    Returns
    -------
    object
        A JSON value.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    item = getattr(value, "item", None)
    if callable(item):
        return plain(item())
    isoformat = getattr(value, "isoformat", None)
    if callable(isoformat):
        return str(isoformat())
    return str(value)


def size_text(n_bytes: int) -> str:
    """Return a file's size as people read it.

    Parameters
    ----------
    n_bytes : int
        Bytes.

    Returns
    -------
    str
        In kB below a megabyte, in MB from there on.
    """
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 1e6 else f"{n_bytes / 1e3:.0f} kB"


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Write rows so that their columns stand below one another; Chinese characters are two columns wide.

    Parameters
    ----------
    rows : sequence of sequence of str
        Rows of equally many cells.

    Yields
    ------
    str
        One line a row.
    """
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join(cells).rstrip()


def print_json(value: object) -> None:
    """Write exactly one JSON object to stdout.

    Parameters
    ----------
    value : object
        Anything `plain` accepts.
    """
    sys.stdout.write(json.dumps(plain(value), ensure_ascii=False, allow_nan=False) + "\n")


def fail(error: FangyuError, arguments: Sequence[str]) -> int:
    """Report an error and return the exit code.

    Parameters
    ----------
    error : FangyuError
        What went wrong.
    arguments : sequence of str
        The command line: it decides language and form, because an error may come before the options are parsed.

    Returns
    -------
    int
        3.
    """
    lang = language(arguments)
    typer.echo(("错误：" if lang == "zh" else "Error: ") + error.message(lang), err=True)
    problems = error.problems if isinstance(error, InputError) else ()
    # A single problem of the whole file is the message itself.
    if len(problems) > 1 or any(problem.message(lang) != error.message(lang) for problem in problems):
        tell_problems(problems, lang)
    if "--json" in arguments:
        print_json(
            {
                "error": {
                    "code": error.code,
                    "message_zh": error.message_zh,
                    "message_en": error.message_en,
                    "detail": error.detail,
                    "problems": [problem_json(problem) for problem in problems],
                }
            }
        )
    return EXIT_REFUSED


def usage_json(error: ClickException, arguments: Sequence[str]) -> None:
    """Write the one JSON object of a command that was worded wrongly.

    Parameters
    ----------
    error : ClickException
        What is wrong.
    arguments : sequence of str
        The command line; nothing is written without ``--json``.
    """
    if "--json" in arguments:
        zh, en = usage_messages(error)
        print_json({"error": {"code": "usage", "message_zh": zh, "message_en": en, "detail": {}, "problems": []}})


def problem_json(problem: Problem) -> dict[str, object]:
    """Return a problem as a JSON object.

    Parameters
    ----------
    problem : Problem
        A problem.

    Returns
    -------
    dict
        Its fields.
    """
    from dataclasses import asdict

    return asdict(problem)


def language(arguments: Sequence[str]) -> LangName:
    """Find the language before or without typer.

    Parameters
    ----------
    arguments : sequence of str
        The command line.

    Returns
    -------
    {"zh", "en"}
        What ``--lang`` or ``FANGYU_LANG`` says.
    """
    import os

    for position, word in enumerate(arguments):
        if word == "--lang" and position + 1 < len(arguments):
            return "en" if arguments[position + 1] == "en" else "zh"
        if word.startswith("--lang="):
            return "en" if word == "--lang=en" else "zh"
    return "en" if os.environ.get("FANGYU_LANG") == "en" else "zh"
