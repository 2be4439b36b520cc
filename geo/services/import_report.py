"""What the person importing decides, and what an import reports."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

from geo.errors import DataSourceError, InputError, Problem, reason_zh
from geo.store.layer import layer

CHUNK_BYTES = 1 << 20
SHAPEFILE_PARTS = (".shp", ".dbf", ".shx", ".prj", ".cpg")


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the person importing a file decided.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    source : str
        Name of the source; the unit of re-import.
    datum : str or None
        Declared datum (``cgcs2000``, ``wgs84``, ``gcj02``, ``bd09`` or ``EPSG:n``), or None to use the file's own.
    mapping : mapping of str to str
        Column to field, overriding what is recognised.
    layer : str or None
        Layer of a GeoPackage or sheet of a workbook.
    helmert : str or None
        Seven transformation parameters, for coordinates of 1954 or 1980.
    encoding : str or None
        Text encoding of the file; None = detected.
    skip_bad : bool
        Store the good rows and list the others.
    actor : str
        Who imports.
    on : datetime.date
        Date of the import; replaced and vanished rows end on it.
    """

    path: Path
    source: str
    datum: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    layer: str | None = None
    helmert: str | None = None
    encoding: str | None = None
    skip_bad: bool = False
    actor: str = "fangyu"
    on: date = field(default_factory=date.today)


@dataclass(frozen=True, slots=True)
class LayerChange:
    """Rows of one layer that an import touched.

    Parameters
    ----------
    added, changed, closed, unchanged : int
        Rows new in the file, replaced, no longer in it, and left alone.
    """

    added: int = 0
    changed: int = 0
    closed: int = 0
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did.

    Parameters
    ----------
    import_id : int or None
        Number of the import; None when the same file had been imported before.
    layer : str
        Main layer.
    source, file, sha256 : str
        Where the rows come from.
    rows_read, rows_stored, rows_repaired, rows_refused : int
        Counts of the file's rows.
    changes : mapping of str to LayerChange
        Per layer.
    problems : sequence of Problem
        Refusals, repairs and notes.
    facts : sequence of (str, str)
        Datum, mapping and other remarks as Chinese and English lines.
    is_repeat : bool
        The newest import of this source held the same file with the same options.
    """

    import_id: int | None
    layer: str
    source: str
    file: str
    sha256: str
    rows_read: int = 0
    rows_stored: int = 0
    rows_repaired: int = 0
    rows_refused: int = 0
    changes: Mapping[str, LayerChange] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    facts: Sequence[tuple[str, str]] = ()
    is_repeat: bool = False

    @property
    def changed_anything(self) -> bool:
        """Whether any row was added, replaced or ended."""
        return any(c.added or c.changed or c.closed for c in self.changes.values())

    def summary(self, *, dry_run: bool = False) -> list[tuple[str, str]]:
        """Return the lines a person reads, Chinese and English.

        Parameters
        ----------
        dry_run : bool
            Whether nothing was stored.

        Returns
        -------
        list of (str, str)
            Lines.
        """
        if self.is_repeat:
            return [
                (
                    f"{self.file}：与来源“{self.source}”最近一次导入完全相同，没有变化",
                    f'{self.file}: same as the newest import of source "{self.source}"; nothing changed',
                )
            ]
        would_zh, would_en = ("（试运行，未写入）", " (dry run, nothing stored)") if dry_run else ("", "")
        lines = [
            (
                f"{self.file}：读取 {self.rows_read:,} 行，写入 {self.rows_stored:,}，修正 {self.rows_repaired:,}，"
                f"拒绝 {self.rows_refused:,}{would_zh}",
                f"{self.file}: {self.rows_read:,} rows read, {self.rows_stored:,} stored, {self.rows_repaired:,} "
                f"repaired, {self.rows_refused:,} refused{would_en}",
            )
        ]
        for name, change in self.changes.items():
            shown = layer(name)
            lines.append(
                (
                    f"  {shown.title_zh}：新增 {change.added:,}，变更 {change.changed:,}，终止 {change.closed:,}，"
                    f"不变 {change.unchanged:,}",
                    f"  {shown.title_en}: {change.added:,} added, {change.changed:,} changed, "
                    f"{change.closed:,} closed, {change.unchanged:,} unchanged",
                )
            )
        lines.extend(("  " + zh, "  " + en) for zh, en in self.facts)
        return lines

    def to_json(self, *, dry_run: bool = False) -> dict[str, object]:
        """Return the report as JSON values.

        Parameters
        ----------
        dry_run : bool
            Whether nothing was stored.

        Returns
        -------
        dict
            Counts, changes and every problem.
        """
        return {
            "import_id": self.import_id,
            "layer": self.layer,
            "source": self.source,
            "file": self.file,
            "sha256": self.sha256,
            "dry_run": dry_run,
            "is_repeat": self.is_repeat,
            "rows": {
                "read": self.rows_read,
                "stored": self.rows_stored,
                "repaired": self.rows_repaired,
                "refused": self.rows_refused,
            },
            "changes": {name: asdict(change) for name, change in self.changes.items()},
            "facts": [{"zh": zh, "en": en} for zh, en in self.facts],
            "problems": [asdict(problem) for problem in self.problems],
        }


def parse_mapping(words: Iterable[str]) -> dict[str, str]:
    """Read ``COLUMN=FIELD`` words.

    Parameters
    ----------
    words : iterable of str
        Words of the command line.

    Returns
    -------
    dict
        Column to field.

    Raises
    ------
    InputError
        If a word has no ``=`` or an empty side.
    """
    mapping: dict[str, str] = {}
    for word in words:
        column, sign, name = word.partition("=")
        if not sign or not column.strip() or not name.strip():
            raise InputError(
                f"--map {word}：应写成 列名=字段，例如 床位数=beds",
                f"--map {word}: write COLUMN=FIELD, for example Places=beds",
            )
        mapping[column.strip()] = name.strip()
    return mapping


def file_digest(paths: Sequence[Path]) -> str:
    """Return the SHA-256 of files, a Shapefile with its companions.

    Parameters
    ----------
    paths : sequence of pathlib.Path
        Files, in order.

    Returns
    -------
    str
        Hexadecimal digest.

    Raises
    ------
    DataSourceError
        If a file cannot be read.
    """
    digest = hashlib.sha256()
    for path in paths:
        parts = [path]
        if path.suffix.lower() == ".shp":
            parts = [p for p in (path.with_suffix(suffix) for suffix in SHAPEFILE_PARTS) if p.exists()]
        for part in parts or [path]:
            try:
                with part.open("rb") as stream:
                    while chunk := stream.read(CHUNK_BYTES):
                        digest.update(chunk)
            except OSError as error:
                raise DataSourceError(
                    f"无法读取文件 {part.name}：{reason_zh(error)}；应为存在且可读的文件",
                    f"cannot read {part.name}: {error.strerror}",
                ) from error
    return digest.hexdigest()
