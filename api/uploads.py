"""Files that were sent to be imported: kept apart by who sent them, capped, sniffed, and gone after a day."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Final

from api.errors import TooLargeError
from geo.errors import DataSourceError, InputError, NotFoundError
from geo.intake.readers import SUFFIXES
from geo.intake.sketch import parts_of
from geo.intake.sniff import OSM_SUFFIXES, suffix_of

KEPT_S: Final = 24 * 3600.0
"""How long a file waits to be imported."""
ALLOWED: Final = tuple(sorted({*SUFFIXES, *OSM_SUFFIXES} - {".shp"}))
"""Endings of files that are taken; a Shapefile comes as the ``.zip`` of its parts."""
_ID: Final = re.compile(r"up-[0-9a-f]{24}")
_FACTS: Final = "upload.json"
_UNFIT: Final = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')


@dataclass(frozen=True, slots=True)
class Upload:
    """One file that was sent.

    Parameters
    ----------
    upload_id : str
        Its id, which cannot be guessed.
    name : str
        Its name, without a folder.
    actor : str
        Who sent it; nobody else may use it.
    size : int
        Bytes.
    sha256 : str
        Hex digest.
    sent_at : float
        When, in seconds since 1970.
    parts : tuple of str
        Layers, sheets or members it holds, where it may hold several.
    """

    upload_id: str
    name: str
    actor: str
    size: int
    sha256: str
    sent_at: float
    parts: tuple[str, ...]


class UploadShelf:
    """Keeps sent files in a folder.

    Parameters
    ----------
    folder : pathlib.Path
        Made when missing; readable by the server only.
    most_bytes : int
        Bytes a file may have.
    now : callable
        The clock, in seconds since 1970.
    """

    def __init__(self, folder: Path, most_bytes: int, now: Callable[[], float] = time.time) -> None:
        self._folder, self.most_bytes, self._now = folder, most_bytes, now

    @contextlib.contextmanager
    def receive(self, name: str, actor: str) -> Iterator[Receiver]:
        """Take a file in, chunk by chunk.

        Parameters
        ----------
        name : str
            What the client calls it.
        actor : str
            Who sends it.

        Yields
        ------
        Receiver
            Takes the chunks; nothing stays of a file that does not arrive whole.

        Raises
        ------
        InputError
            It has no name, or an ending that cannot be imported.
        """
        self.forget_old()
        plain = safe_name(name)
        upload_id = f"up-{secrets.token_hex(12)}"
        home = self._folder / upload_id
        home.mkdir(parents=True, mode=0o700)
        try:
            with (home / plain).open("wb") as stream:
                receiver = Receiver(stream, self.most_bytes, lambda one: self._finish(home, upload_id, actor, one))
                yield receiver
        except BaseException:
            shutil.rmtree(home, ignore_errors=True)
            raise

    def _finish(self, home: Path, upload_id: str, actor: str, receiver: Receiver) -> Upload:
        """Look at a whole file, and note it."""
        name = Path(receiver.stream.name).name
        try:
            parts = parts_of(home / name)
        except DataSourceError as error:
            raise InputError(error.message_zh, error.message_en, file=name) from error
        upload = Upload(upload_id, name, actor, receiver.size, receiver.digest.hexdigest(), self._now(), parts)
        (home / _FACTS).write_text(json.dumps(asdict(upload), ensure_ascii=False), encoding="utf-8")
        return upload

    def find(self, upload_id: str, actor: str) -> tuple[Upload, Path]:
        """Find a file.

        Parameters
        ----------
        upload_id : str
            Its id.
        actor : str
            Who asks.

        Returns
        -------
        tuple of Upload, pathlib.Path
            The file and where it lies.

        Raises
        ------
        NotFoundError
            There is none for who asks.
        """
        missing = NotFoundError(
            f"没有上传文件“{upload_id}”，或已超过 24 小时", f"there is no upload '{upload_id}', or its day is over"
        )
        if not _ID.fullmatch(upload_id):
            raise missing
        home = self._folder / upload_id
        try:
            facts = json.loads((home / _FACTS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise missing from None
        upload = Upload(**{**facts, "parts": tuple(facts["parts"])})
        if upload.actor != actor or self._now() - upload.sent_at > KEPT_S:
            raise missing
        return upload, home / upload.name

    def remove(self, upload_id: str, actor: str) -> None:
        """Let go of a file.

        Parameters
        ----------
        upload_id : str
            Its id.
        actor : str
            Who asks.

        Raises
        ------
        NotFoundError
            There is none for who asks.
        """
        _, path = self.find(upload_id, actor)
        shutil.rmtree(path.parent, ignore_errors=True)

    def forget_old(self) -> None:
        """Let go of files whose day is over, and of what was left of those that did not arrive."""
        if not self._folder.is_dir():
            return
        for home in self._folder.iterdir():
            with contextlib.suppress(OSError):
                if self._now() - home.stat().st_mtime > KEPT_S:
                    shutil.rmtree(home, ignore_errors=True)


class Receiver:
    """Takes a file's chunks.

    Parameters
    ----------
    stream : binary file
        Where they go.
    most_bytes : int
        Bytes the file may have.
    finish : callable
        Looks at the whole file and notes it.
    """

    def __init__(self, stream: BinaryIO, most_bytes: int, finish: Callable[[Receiver], Upload]) -> None:
        self.stream, self._most, self._finish = stream, most_bytes, finish
        self.size, self.digest = 0, hashlib.sha256()

    def write(self, chunk: bytes) -> None:
        """Take a chunk.

        Parameters
        ----------
        chunk : bytes
            The next bytes.

        Raises
        ------
        TooLargeError
            The file is larger than allowed.
        """
        self.size += len(chunk)
        check_size(self.size, self._most)
        self.digest.update(chunk)
        self.stream.write(chunk)

    def end(self) -> Upload:
        """Say that the file is whole.

        Returns
        -------
        Upload
            The file.

        Raises
        ------
        InputError
            It is not what its name says.
        """
        self.stream.flush()
        return self._finish(self)


def check_size(size: int, most_bytes: int) -> None:
    """Refuse what is too large.

    Parameters
    ----------
    size : int
        Bytes.
    most_bytes : int
        Bytes allowed.

    Raises
    ------
    TooLargeError
        It is larger.
    """
    if size > most_bytes:
        most = f"{most_bytes / 2**20:,.0f} MB"
        raise TooLargeError(
            f"文件超过 {most}；更大的文件请在服务器上用 fangyu import 导入，或调整 FANGYU_UPLOAD_MB",
            f"the file is larger than {most}; import larger ones on the server with fangyu import, or raise "
            "FANGYU_UPLOAD_MB",
            most_bytes=most_bytes,
        )


def safe_name(name: str) -> str:
    """Return a file name without folders and control characters.

    Parameters
    ----------
    name : str
        What the client calls the file.

    Returns
    -------
    str
        At most 120 characters, with its ending.

    Raises
    ------
    InputError
        Nothing is left of it, or it has an ending that cannot be imported.
    """
    plain = _UNFIT.sub("_", re.split(r"[/\\]", name)[-1]).strip(" .")
    suffix = suffix_of(plain)
    stem = plain[: len(plain) - len(suffix)] if suffix else plain
    if not stem or suffix not in ALLOWED:
        raise InputError(
            f"文件名“{name[:120]}”不能导入；支持的扩展名：{'、'.join(ALLOWED)}（Shapefile 请打包为 .zip）",
            f"'{name[:120]}' cannot be imported; allowed endings: {', '.join(ALLOWED)} (zip the parts of a Shapefile)",
            name=name[:120],
        )
    return stem[: 120 - len(suffix)] + suffix
