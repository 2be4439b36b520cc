"""The bytes of attachments: files beside the store, each named by the hash of what it holds.

A file is whole before anybody knows of it: written under another name, hashed, put on the disk for good and renamed,
all before its row is committed. What a rolled-back transaction leaves is a file that no row names, which `sweep` lets
go of. Reading holds the content against its name.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import sys
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from geo.errors import DataSourceError, InputError, reason_zh

_CHUNK: Final = 1 << 20
_PARTS: Final = "parts"
_OLD_S: Final = 24 * 3600.0
"""How long a file that no row names is left alone: its transaction may still be open."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that is kept.

    Parameters
    ----------
    sha256 : str
        Hash of its content, by which it is found again.
    size_bytes : int
        Size.
    """

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Swept:
    """What was found in the folder.

    Parameters
    ----------
    removed : int
        Files let go of, which no row named.
    removed_bytes : int
        Their size.
    missing : tuple of str
        Hashes of files that a row names and that are not there.
    changed : tuple of str
        Hashes of files that hold something else.
    """

    removed: int
    removed_bytes: int
    missing: tuple[str, ...]
    changed: tuple[str, ...]


class AttachmentShelf:
    """Keeps files in a folder.

    Parameters
    ----------
    folder : pathlib.Path
        Made when the first file comes; readable by the server only.
    most_bytes : int, optional
        Bytes a file may have; by default any.
    """

    def __init__(self, folder: Path, most_bytes: int = sys.maxsize) -> None:
        self.folder, self.most_bytes = folder, most_bytes

    @contextlib.contextmanager
    def receive(self) -> Iterator[Incoming]:
        """Take a file in, chunk by chunk.

        Yields
        ------
        Incoming
            Takes the chunks; nothing stays of a file that does not arrive whole.

        Raises
        ------
        DataSourceError
            The folder cannot be written.
        """
        path = self.folder / _PARTS / secrets.token_hex(16)
        with _writing(self.folder):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            stream = path.open("xb")
        try:
            yield Incoming(self, stream)
        finally:
            with contextlib.suppress(OSError):  # of a full disk: what there is goes anyway
                stream.close()
            path.unlink(missing_ok=True)

    def read(self, sha256: str) -> bytes:
        """Read a file, and hold it against its hash.

        Parameters
        ----------
        sha256 : str
            Its hash.

        Returns
        -------
        bytes
            Its content.

        Raises
        ------
        DataSourceError
            It is missing, cannot be read, or holds something else than it did.
        """
        try:
            content = self.path_of(sha256).read_bytes()
        except FileNotFoundError as error:
            raise DataSourceError(
                f"附件文件 {sha256[:12]}… 已丢失，应在附件文件夹中；请从备份恢复",
                f"the attachment file {sha256[:12]}… is missing from the folder of attachments; restore a backup",
                sha256=sha256,
                problem="missing",
            ) from error
        except OSError as error:
            raise DataSourceError(
                f"附件文件 {sha256[:12]}… 无法读取：{reason_zh(error)}",
                f"the attachment file {sha256[:12]}… cannot be read: {error.strerror}",
                sha256=sha256,
                problem="unreadable",
            ) from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise DataSourceError(
                f"附件文件 {sha256[:12]}… 的内容已被改动，与登记的校验值不符；请从备份恢复",
                f"the attachment file {sha256[:12]}… was changed: its content does not have the hash on record; "
                "restore a backup",
                sha256=sha256,
                problem="changed",
            )
        return content

    def sweep(self, wanted: Collection[str], *, now: float | None = None) -> Swept:
        """Let go of files that no row names, and look whether those that one names are whole.

        Parameters
        ----------
        wanted : collection of str
            Hashes that rows name.
        now : float, optional
            The present moment, in seconds since 1970; files younger than a day are left alone.

        Returns
        -------
        Swept
            What was found.
        """
        present = time.time() if now is None else now
        removed = size = 0
        for path in self._files():
            found = path.stat()
            if path.name not in wanted and present - found.st_mtime > _OLD_S:
                path.unlink(missing_ok=True)
                removed, size = removed + 1, size + found.st_size
        missing: list[str] = []
        changed: list[str] = []
        for sha256 in sorted(wanted):
            try:
                self.read(sha256)
            except DataSourceError as error:
                (changed if error.detail["problem"] == "changed" else missing).append(sha256)
        return Swept(removed, size, tuple(missing), tuple(changed))

    def copy_to(self, target: AttachmentShelf) -> tuple[int, int]:
        """Copy every file that is not there yet, for a backup or back from one.

        Parameters
        ----------
        target : AttachmentShelf
            To where.

        Returns
        -------
        int
            How many files were copied.
        int
            How many hold something else than they did, and were not.

        Raises
        ------
        DataSourceError
            A file cannot be read, or the target cannot be written.
        """
        copied = changed = 0
        for path in self._files():
            if path.parent.name == _PARTS or target.path_of(path.name).is_file():
                continue
            try:
                content = self.read(path.name)
            except DataSourceError as error:
                if error.detail["problem"] != "changed":
                    raise
                changed += 1
                continue
            with target.receive() as incoming:
                incoming.write(content)
                incoming.keep()
            copied += 1
        return copied, changed

    def _files(self) -> Iterable[Path]:
        """List every file of the folder."""
        if not self.folder.is_dir():
            return []
        return [path for path in sorted(self.folder.glob("*/*")) if path.is_file()]

    def path_of(self, sha256: str) -> Path:
        """Return where a file lies; not all in one folder, which grows slow with many.

        Parameters
        ----------
        sha256 : str
            Its hash.

        Returns
        -------
        pathlib.Path
            The file, which may not be there.
        """
        return self.folder / sha256[:2] / sha256


class Incoming:
    """A file that is arriving.

    Parameters
    ----------
    shelf : AttachmentShelf
        Where it is kept.
    stream : BinaryIO
        Where it is written to.
    """

    def __init__(self, shelf: AttachmentShelf, stream: BinaryIO) -> None:
        self._shelf, self._stream = shelf, stream
        self._size, self._digest, self._head = 0, hashlib.sha256(), b""

    def write(self, chunk: bytes) -> None:
        """Take a chunk.

        Parameters
        ----------
        chunk : bytes
            The next bytes.

        Raises
        ------
        InputError
            The file is larger than allowed.
        DataSourceError
            It cannot be written.
        """
        self._size += len(chunk)
        check_size(self._size, self._shelf.most_bytes)
        self._digest.update(chunk)
        if len(self._head) < _CHUNK:
            self._head += chunk[: _CHUNK - len(self._head)]
        with _writing(self._shelf.folder):
            self._stream.write(chunk)

    @property
    def head(self) -> bytes:
        """Return how the file begins.

        Returns
        -------
        bytes
            At most the first megabyte.
        """
        return self._head

    def keep(self) -> Kept:
        """Keep the file under the hash of its content.

        Returns
        -------
        Kept
            What is kept.

        Raises
        ------
        DataSourceError
            It cannot be written.
        """
        kept = Kept(self._digest.hexdigest(), self._size)
        path = self._shelf.path_of(kept.sha256)
        with _writing(self._shelf.folder):
            self._stream.flush()
            os.fsync(self._stream.fileno())
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Closed first: Windows does not rename what is open. Whatever lay under this name is replaced by what
            # belongs there.
            self._stream.close()
            Path(self._stream.name).replace(path)
        with contextlib.suppress(OSError):  # not every system opens folders
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        return kept


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
    InputError
        It is larger.
    """
    if size > most_bytes:
        most = f"{most_bytes / 2**20:,.0f} MB"
        raise InputError(
            f"附件超过 {most}；单个附件最大 {most}", f"the attachment is too large; one may have {most}",
            most_bytes=most_bytes,
        )  # fmt: skip


def attachment_folder(url: str, given: Path) -> Path:
    """Return where the attachments of a store lie.

    Parameters
    ----------
    url : str
        As for `geo.store.open_store`.
    given : pathlib.Path
        Folder for those of a database.

    Returns
    -------
    pathlib.Path
        Beside an embedded store, so that both are copied together.
    """
    return given if "://" in url else Path(url).expanduser().with_suffix(".attachments")


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Say that a folder cannot be written."""
    try:
        yield
    except OSError as error:
        raise DataSourceError(
            f"附件文件夹 {folder} 无法写入：{reason_zh(error)}",
            f"the folder of attachments {folder} cannot be written: {error.strerror}",
            folder=str(folder),
            problem="unwritable",
        ) from error
