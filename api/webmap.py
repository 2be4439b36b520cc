"""The built web map: the files of its build, held in memory as they are sent."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from geo.errors import NotFoundError

MAP_HOME: Final = "/map/"
INDEX: Final = "index.html"
HASHED: Final = "assets/"
"""Folder of the files whose names carry a hash of what they hold."""
_TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
_TEXTS: Final = ("text/", "image/svg+xml", "application/json")
_CHARSET: Final = "; charset=utf-8"


@dataclass(frozen=True, slots=True)
class WebFile:
    """A file of the build.

    Parameters
    ----------
    body : bytes
        As it lies in the folder.
    packed : bytes or None
        Compressed; None for what compression does not help.
    media : str
        Its media type.
    tag : str
        Its entity tag.
    """

    body: bytes
    packed: bytes | None
    media: str
    tag: str


class WebMap:
    """The build of the web map; an application that has begun keeps the build it began with.

    Parameters
    ----------
    folder : pathlib.Path
        Where the build lies, if there is one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.is_built = (folder / INDEX).is_file()

    @cached_property
    def _files(self) -> dict[str, WebFile]:
        """Every file by its path in the build, read when the first one is asked for."""
        if not self.is_built:
            return {}
        paths = sorted(path for path in self._folder.rglob("*") if path.is_file())
        return {path.relative_to(self._folder).as_posix(): _read(path) for path in paths}

    def find(self, path: str) -> tuple[str, WebFile]:
        """Return what an address below the map's shows.

        Parameters
        ----------
        path : str
            Path below `MAP_HOME`; a view of the map, which is not a file, shows the page.

        Returns
        -------
        name : str
            Path in the build.
        file : WebFile
            The file.

        Raises
        ------
        NotFoundError
            The map is not built, or the build has no such file.
        """
        if not self.is_built:
            raise NotFoundError(
                "网页地图尚未构建；在安装了方舆的机器上运行 python3 scripts/start.py --setup-only 即可构建",
                "the web map is not built; python3 scripts/start.py --setup-only builds it",
            )
        if path in self._files:
            return path, self._files[path]
        if "." in path.rpartition("/")[2] or path.startswith(HASHED):
            raise NotFoundError(f"网页地图中没有文件“{path}”", f"the web map has no file '{path}'")
        return INDEX, self._files[INDEX]


def _read(path: Path) -> WebFile:
    """Read one file, and compress it once."""
    body = path.read_bytes()
    media = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    is_text = media.startswith(_TEXTS)
    packed = gzip.compress(body, 9, mtime=0) if is_text else None
    tag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    return WebFile(body, packed, media + _CHARSET if media.startswith("text/") else media, tag)
