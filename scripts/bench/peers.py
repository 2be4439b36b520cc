"""The peers' own environment, and running them as processes of their own."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
VENV = ROOT / ".venv-bench"
REQUIREMENTS = HERE / "requirements-peers.txt"
NEWEST_FIRST = ("3.13", "3.12")
_STAMP = "requirements.sha256"


def say(text: str) -> None:
    """Print one line of progress."""
    print(text, file=sys.stderr, flush=True)


def python_in(venv: Path) -> Path:
    """Return an environment's Python."""
    return venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"


def find_python() -> Path | None:
    """Return a Python of at least 3.12: on the PATH, or where version managers keep theirs."""
    found = [Path(path) for version in NEWEST_FIRST if (path := shutil.which(f"python{version}"))]
    home = Path.home()
    roots = [
        Path(os.environ.get("PYENV_ROOT", home / ".pyenv")) / "versions",
        home / ".local" / "share" / "uv" / "python",
        home / ".local" / "share" / "mise" / "installs" / "python",
        home / ".asdf" / "installs" / "python",
    ]
    for root in roots:
        for version in NEWEST_FIRST:
            found += sorted(root.glob(f"*{version}*/bin/python{version}"), reverse=True)
    check = "import sys, venv; sys.exit(sys.version_info < (3, 12))"
    for python in found:
        # A version manager's stand-in on the PATH may exist and still refuse to run.
        if subprocess.run([python, "-c", check], capture_output=True, check=False).returncode == 0:
            return python
    return None


def prepare() -> tuple[Path | None, list[str]]:
    """Make the environment when it is missing or outdated; return its Python and what must be said about it."""
    notes = []
    key = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    python, stamp = python_in(VENV), VENV / _STAMP
    if not (python.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == key):
        base = find_python()
        if base is None:
            notes.append("SKIPPED Valhalla: no Python 3.12 or newer was found, and its package has no other wheels.")
            base = Path(sys.executable)
        say(f"making {VENV.name} for the peers …")
        shutil.rmtree(VENV, ignore_errors=True)
        if not _does([base, "-m", "venv", VENV], notes):
            return None, notes
        for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                # One by one: a peer without a wheel here must not take the others with it.
                _does([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", line], notes)
        stamp.write_text(key, encoding="utf-8")
    if sys.platform != "win32" and not (VENV / "bin" / "valhalla_build_tiles").exists() and not notes:
        notes.append("SKIPPED Valhalla: it is not installed in the peers' environment.")
    return python, notes


def _does(command: Sequence[str | Path], notes: list[str]) -> bool:
    """Run a set-up step; a failure becomes a note."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        notes.append(f"SKIPPED {command[-1]}: {last.replace(str(ROOT), '.')}")
        say(notes[-1])
    return done.returncode == 0


def ask(python: Path, script: str, *arguments: object) -> dict[str, Any]:
    """Run a script of this folder with a Python and return the JSON object it prints last.

    Raises
    ------
    RuntimeError
        It failed; the message is the end of what it said.
    """
    words = [str(python), str(HERE / script), *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{script} failed: {done.stderr.strip()[-600:]}")
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def versions(python: Path) -> dict[str, str]:
    """Return the versions of the peers that are installed."""
    code = (
        "import json, platform\nfrom importlib.metadata import version\nfound = {'Python': platform.python_version()}\n"
        "for name in ('pandarm', 'pyvalhalla', 'tipg', 'pygeoapi'):\n    try:\n        found[name] = version(name)\n"
        "    except Exception:\n        pass\nprint(json.dumps(found))"
    )
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found
