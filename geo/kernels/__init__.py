"""Compiled kernels: bounded searches, linking, reductions. The only home of numba.

Kernels are compiled with ``nogil`` and cached on disk, never with ``fastmath``: it assumes that there are no
infinities and silently breaks the visited test of a search. Numba's own cache does not notice that a *called*
kernel changed, therefore the cache folder carries a hash of all kernel sources and of the versions that
produced the machine code.
"""

from __future__ import annotations

import hashlib
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numba.core import config

from geo.errors import ConflictError

_KERNELS = (
    "assign", "catchment", "contour", "curve", "field", "graph", "grid", "mvt", "repair", "search", "shapes",
    "straight", "tile_fit", "weights",
)  # fmt: skip


def source_key() -> str:
    """Return the key of the kernels' sources and of the versions that compile them.

    Returns
    -------
    str
        Sixteen hexadecimal digits.
    """
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    versions = (version("numba"), version("llvmlite"), np.__version__, platform.python_version())
    digest.update(" ".join((*versions, platform.machine())).encode())
    return digest.hexdigest()[:16]


def _user_cache() -> Path:
    """Return the user's cache folder of this operating system."""
    home = Path.home()
    if sys.platform == "win32":
        return home / "AppData" / "Local"
    return home / "Library" / "Caches" if sys.platform == "darwin" else home / ".cache"


def configure_cache(folder: Path) -> Path:
    """Choose where compiled kernels are kept; call it before any kernel module is imported.

    Parameters
    ----------
    folder : Path
        Folder for the caches of all versions; made when missing.

    Returns
    -------
    Path
        The folder of this version inside it.

    Raises
    ------
    ConflictError
        Kernels are loaded already and keep their machine code in another folder.
    """
    chosen = (folder / f"kernels-{source_key()}").resolve()
    if str(chosen) == getattr(config, "CACHE_DIR", ""):
        return chosen
    loaded = [name for name in _KERNELS if f"{__name__}.{name}" in sys.modules]
    if loaded:
        raise ConflictError(
            f"内核已经载入（{'、'.join(loaded)}），缓存目录只能在载入之前设置：{folder}",
            f"kernels are loaded already ({', '.join(loaded)}); set the cache folder before: {folder}",
            folder=str(folder),
        )
    chosen.mkdir(parents=True, exist_ok=True)
    # numba fills its configuration module at run time, so the name is unknown to a type checker.
    setattr(config, "CACHE_DIR", str(chosen))  # noqa: B010
    return chosen


try:
    configure_cache(_user_cache() / "fangyu")
except OSError:
    # No home to write into, as for a service account: compile once a start instead of failing.
    configure_cache(Path(tempfile.mkdtemp(prefix="fangyu-")))
