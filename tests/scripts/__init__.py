"""Tests of the set-up scripts; the scripts are loaded by path because they are no package."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


def load(name: str) -> ModuleType:
    """Load one script as a module; its neighbours can be imported by it."""
    folder = str(ROOT / "scripts")
    if folder not in sys.path:
        # Behind everything else: the folder holds a test.py, and Python has a package of that name.
        sys.path.append(folder)
    key = f"script_{name}"
    if key in sys.modules:
        return sys.modules[key]
    found = importlib.util.spec_from_file_location(key, ROOT / "scripts" / f"{name}.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[key] = module
    found.loader.exec_module(module)
    return module
