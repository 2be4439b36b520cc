"""Make .venv and install everything into it; shared by start.py and test.py, standard library only."""

import contextlib
import hashlib
import importlib.util
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
STAMP_NAME = "fangyu-stamp.json"
WARM_UP = """
from geo.access import warm as access
from geo.scenario import warm as scenario
from geo.tiles import warm as tiles
access.warm(), scenario.warm(), tiles.warm()
"""
BUILD_TOOLS = ["hatchling", "editables"]


class Stamp:
    """What was installed when the environment was last set up.

    Parameters
    ----------
    key : str
        Fingerprint of the installation; empty if there is none.
    extras : sequence of str
        Extras installed.
    warmed : str
        Key of the kernels compiled; empty if none are.
    """

    def __init__(self, key: str = "", extras: Sequence[str] = (), warmed: str = "") -> None:
        self.key = key
        self.extras = tuple(extras)
        self.warmed = warmed


class SetupError(Exception):
    """Setting up failed; the message says in Chinese and English what to do."""


def say(zh: str, en: str) -> None:
    """Print one line of progress on stderr, so that stdout stays for results.

    Parameters
    ----------
    zh, en : str
        The two wordings.
    """
    sys.stderr.write(f"{zh} / {en}\n")
    sys.stderr.flush()


def speak_utf8() -> None:
    """Let a console with a narrow code page print Chinese without failing."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            cast("io.TextIOWrapper", stream).reconfigure(encoding="utf-8", errors="replace")


def venv_python(venv: Path = VENV) -> Path:
    """Return the path of a virtual environment's Python.

    Parameters
    ----------
    venv : Path
        The environment.

    Returns
    -------
    Path
        The interpreter, whether or not it exists.
    """
    return venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"


def fingerprint(root: Path = ROOT) -> str:
    """Return a key of everything an installation depends on.

    Parameters
    ----------
    root : Path
        The project.

    Returns
    -------
    str
        Hexadecimal digest over both requirement files, the Python, the platform and the folder.
    """
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        # Line ends differ between checkouts of one commit.
        digest.update((root / name).read_bytes().replace(b"\r\n", b"\n"))
        digest.update(b"\0")
    facts = (platform.python_version(), platform.system(), platform.machine(), str(root))
    digest.update("\0".join(facts).encode())
    return digest.hexdigest()


def read_stamp(venv: Path = VENV) -> Stamp:
    """Return what was installed when the environment was last set up.

    Parameters
    ----------
    venv : Path
        The environment.

    Returns
    -------
    Stamp
        The stamp; an empty one if there is none that can be read.
    """
    try:
        facts = json.loads((venv / STAMP_NAME).read_text(encoding="utf-8"))
        return Stamp(str(facts["key"]), [str(extra) for extra in facts["extras"]], str(facts["warmed"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Stamp()


def write_stamp(stamp: Stamp, venv: Path = VENV) -> None:
    """Record what is installed.

    Parameters
    ----------
    stamp : Stamp
        The stamp.
    venv : Path
        The environment.
    """
    target = venv / STAMP_NAME
    part = target.with_suffix(".part")
    facts = {"key": stamp.key, "extras": list(stamp.extras), "warmed": stamp.warmed}
    part.write_text(json.dumps(facts), encoding="utf-8")
    part.replace(target)


def is_installed(stamp: Stamp, key: str, extras: Sequence[str]) -> bool:
    """Tell whether a stamp covers what is wanted.

    Parameters
    ----------
    stamp : Stamp
        The stamp.
    key : str
        The fingerprint wanted.
    extras : sequence of str
        The extras wanted; more may be installed.

    Returns
    -------
    bool
        True if nothing is to be installed.
    """
    return stamp.key == key and set(extras) <= set(stamp.extras)


def kernel_key(root: Path = ROOT) -> str:
    """Return a key of the kernels' sources, the compiler's version and the machine.

    Parameters
    ----------
    root : Path
        The project.

    Returns
    -------
    str
        Hexadecimal digest; a change means that the kernels are compiled again.
    """
    digest = hashlib.sha256(fingerprint(root).encode())
    for path in sorted((root / "geo" / "kernels").glob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def run(command: Sequence[str | Path], is_quiet: bool = False) -> int:
    """Run a command with the project as its folder; what it prints goes to stderr.

    Parameters
    ----------
    command : sequence of str or Path
        Program and arguments.
    is_quiet : bool
        Whether to show nothing of what it prints.

    Returns
    -------
    int
        Its exit code.
    """
    words = [str(part) for part in command]
    if is_quiet:
        return subprocess.run(words, cwd=ROOT, check=False, capture_output=True).returncode
    return subprocess.run(words, cwd=ROOT, check=False, stdout=sys.stderr).returncode


def make_venv(venv: Path = VENV, with_pip: bool | None = None) -> None:
    """Make an empty virtual environment with pip in it.

    Parameters
    ----------
    venv : Path
        Where; anything there is replaced.
    with_pip : bool or None
        Whether to use the pip that comes with Python; None looks whether it comes with one.

    Raises
    ------
    SetupError
        If the environment cannot be made.
    """
    if with_pip is None:
        # Debian leaves ensurepip out of its Python.
        with_pip = importlib.util.find_spec("ensurepip") is not None
    if venv.exists():
        shutil.rmtree(venv)
    flags = [] if with_pip else ["--without-pip"]
    done = run([sys.executable, "-m", "venv", *flags, venv])
    if done != 0 and with_pip:
        make_venv(venv, with_pip=False)
        return
    if done != 0:
        raise SetupError(f"无法建立虚拟环境 {venv}。 / Cannot make the virtual environment {venv}.")
    if not with_pip:
        install_pip(venv)


def install_pip(venv: Path = VENV) -> None:
    """Put pip into an environment from its wheel, taken from the package index.

    Parameters
    ----------
    venv : Path
        The environment.

    Raises
    ------
    SetupError
        If no wheel can be had.
    """
    import pip_wheel

    with tempfile.TemporaryDirectory() as folder:
        try:
            wheel = pip_wheel.fetch(Path(folder), pip_wheel.pinned_version(ROOT / "constraints.txt"))
        except pip_wheel.IndexUnreachableError as error:
            raise SetupError(unreachable(str(error))) from error
        # A wheel is a zip archive, and Python runs a package inside one.
        if run([venv_python(venv), f"{wheel}/pip", "install", "-q", "--no-index", wheel]) != 0:
            raise SetupError("pip 安装失败。 / Installing pip failed.")


def unreachable(why: str) -> str:
    """Return the message for a package index that does not answer.

    Parameters
    ----------
    why : str
        What went wrong.

    Returns
    -------
    str
        The message.
    """
    return (
        f"若为网络原因（{why}），请检查网络或代理；"
        "内网可用环境变量 PIP_INDEX_URL（及 PIP_CERT）指定镜像。 / "
        f"If the package index cannot be reached ({why}), check network and proxy; "
        "PIP_INDEX_URL (and PIP_CERT) name a mirror."
    )


def install(extras: Sequence[str], venv: Path = VENV) -> None:
    """Install the project, editable and pinned.

    Parameters
    ----------
    extras : sequence of str
        Extras of the project.
    venv : Path
        The environment.

    Raises
    ------
    SetupError
        If pip fails.
    """
    python = venv_python(venv)
    if run([python, "-m", "pip", "--version"], is_quiet=True) != 0:
        install_pip(venv)
    pinned = ["-c", "constraints.txt", "--disable-pip-version-check", "-q"]
    target = ".[" + ",".join(extras) + "]" if extras else "."
    steps = [
        [*BUILD_TOOLS, *pinned],
        # Build isolation would fetch the build tools again, unpinned.
        ["--no-build-isolation", "-e", target, *pinned],
    ]
    for step in steps:
        if run([python, "-m", "pip", "install", *step]) != 0:
            raise SetupError(
                "软件包安装失败，原因见上。 / Installing packages failed, see above.\n" + unreachable("pip install")
            )


def prepare(extras: Sequence[str] = (), venv: Path = VENV) -> None:
    """Make sure that environment, packages and compiled kernels are there.

    Parameters
    ----------
    extras : sequence of str
        Extras of the project, such as ``dev``.
    venv : Path
        The environment.

    Raises
    ------
    SetupError
        If that is not possible; the message says why.
    """
    key = fingerprint()
    stamp = read_stamp(venv)
    if not (venv_python(venv).exists() and is_installed(stamp, key, extras)):
        begun = time.monotonic()
        wanted = sorted(set(extras) | set(stamp.extras))
        if not venv_python(venv).exists() or not _same_python(venv):
            say("建立虚拟环境 .venv……", "making the virtual environment .venv ...")
            make_venv(venv)
        say("安装软件包（首次需几分钟）……", "installing packages (minutes, the first time) ...")
        install(wanted, venv)
        stamp = Stamp(key, wanted)
        write_stamp(stamp, venv)
        seconds = time.monotonic() - begun
        say(f"安装完成，{seconds:.0f} 秒", f"installed in {seconds:.0f} s")
    warm_up(stamp, venv)


def _same_python(venv: Path) -> bool:
    """Whether an environment runs, and runs on this minor version."""
    command = [str(venv_python(venv)), "-c", "import sys; print(*sys.version_info[:2])"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    except OSError:
        return False
    return found == [str(part) for part in sys.version_info[:2]]


def warm_up(stamp: Stamp, venv: Path = VENV) -> None:
    """Compile the kernels once, so that no command has to wait for it.

    Parameters
    ----------
    stamp : Stamp
        The stamp; gets the key of the kernels compiled.
    venv : Path
        The environment.

    Raises
    ------
    SetupError
        If the kernels do not compile.
    """
    key = kernel_key()
    if stamp.warmed == key:
        return
    begun = time.monotonic()
    say("编译计算内核……", "compiling the kernels ...")
    if run([venv_python(venv), "-c", WARM_UP]) != 0:
        raise SetupError("计算内核编译失败。 / Compiling the kernels failed.")
    stamp.warmed = key
    write_stamp(stamp, venv)
    seconds = time.monotonic() - begun
    say(f"内核编译完成，{seconds:.0f} 秒", f"kernels compiled in {seconds:.0f} s")
