"""A build of the web map as small as can be, for what does not look at the map itself."""

from __future__ import annotations

from pathlib import Path

SCRIPT = "assets/main-0a1b2c3d.js"
PAGE = f'<!doctype html><html lang="zh-CN"><script type="module" src="/map/{SCRIPT}"></script></html>'


def fake_web(folder: Path) -> Path:
    """Write a page and a script as a build has them, and return the folder."""
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(PAGE, encoding="utf-8")
    (folder / SCRIPT).write_text("console.log(1);\n" * 100, encoding="utf-8")
    return folder
