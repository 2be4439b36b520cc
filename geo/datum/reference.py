"""What a pair of coordinates refers to: the word given by the user, or the system a file declares."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from pyproj import CRS
from pyproj.exceptions import CRSError

from geo.errors import DatumError

CGCS2000_EPSG = 4490
DATUM_WORDS = ("cgcs2000", "wgs84", "gcj02", "bd09")

DatumKind = Literal["geographic", "projected", "obfuscated"]

_ALIASES = {
    "cgcs2000": "cgcs2000",
    "2000国家大地坐标系": "cgcs2000",
    "国家2000": "cgcs2000",
    "epsg:4490": "cgcs2000",
    "wgs84": "wgs84",
    "epsg:4326": "wgs84",
    "crs84": "wgs84",
    "gcj02": "gcj02",
    "火星坐标": "gcj02",
    "高德": "gcj02",
    "bd09": "bd09",
    "bd09ll": "bd09",
    "百度": "bd09",
}
_OLD_DATUMS = re.compile(r"beijing|xian[ _]?1980|xi'an", re.IGNORECASE)
_CGCS_NAMES = re.compile(r"china[ _]2000|china geodetic coordinate system 2000|cgcs[ _]?2000", re.IGNORECASE)
_WGS_NAMES = re.compile(r"world geodetic system 1984|wgs[ _]?(19)?84", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Datum:
    """What a pair of coordinates refers to.

    Parameters
    ----------
    code : str
        ``cgcs2000``, ``wgs84``, ``gcj02``, ``bd09``, ``EPSG:n`` or, for a system without a code, its name.
    kind : {"geographic", "projected", "obfuscated"}
        Degrees, metres, or degrees shifted by GCJ-02 or BD-09.
    crs : CRS or None
        The coordinate reference system; None for the obfuscated two, which have none.
    """

    code: str
    kind: DatumKind
    crs: CRS | None

    @property
    def is_projected(self) -> bool:
        """Whether the coordinates are metres."""
        return self.kind == "projected"


def parse_datum(text: str) -> Datum:
    """Read the word given with ``--datum``.

    Parameters
    ----------
    text : str
        ``cgcs2000``, ``wgs84``, ``gcj02``, ``bd09`` (any case, hyphens and spaces allowed) or ``EPSG:n``.

    Returns
    -------
    Datum
        The datum.

    Raises
    ------
    DatumError
        If the word is not known.
    """
    word = text.strip().lower()
    plain = word.replace("-", "").replace("_", "").replace(" ", "").removeprefix("ogc:")
    known = _ALIASES.get(plain)
    if known == "cgcs2000":
        return Datum("cgcs2000", "geographic", crs_by_epsg(CGCS2000_EPSG))
    if known == "wgs84":
        return Datum("wgs84", "geographic", crs_by_epsg(4326))
    if known is not None:
        return Datum(known, "obfuscated", None)
    match = re.fullmatch(r"(?:epsg:?)?(\d{4,6})", plain)
    if match:
        try:
            return datum_of_crs(crs_by_epsg(int(match.group(1))))
        except CRSError:
            pass
    raise DatumError(
        f"不认识的坐标基准“{text}”。可用：cgcs2000、wgs84、gcj02、bd09，或坐标系编号 EPSG:n（例如 EPSG:4548）。",
        f'Unknown datum "{text}". Allowed: cgcs2000, wgs84, gcj02, bd09, or a coordinate system as EPSG:n '
        "(for example EPSG:4548).",
        value=text,
    )


def datum_of_crs(crs: CRS) -> Datum:
    """Name the datum of a coordinate reference system that a file declares.

    Parameters
    ----------
    crs : CRS
        The declared system. Parameters bound to it (TOWGS84) are ignored: they are often placeholder zeros.

    Returns
    -------
    Datum
        The datum; the system is unbound and two-dimensional.

    Raises
    ------
    DatumError
        If the system is neither geographic nor projected.
    """
    if crs.is_bound and crs.source_crs is not None:
        crs = crs.source_crs
    if crs.is_compound and crs.sub_crs_list:
        crs = crs.sub_crs_list[0]
    if crs.is_geographic and not crs.is_derived:
        family = datum_family(crs)
        if family == "cgcs2000":
            return Datum("cgcs2000", "geographic", crs_by_epsg(CGCS2000_EPSG))
        if family == "wgs84":
            return Datum("wgs84", "geographic", crs_by_epsg(4326))
        return Datum(_code(crs), "geographic", crs.to_2d())
    if crs.is_projected:
        return Datum(_code(crs), "projected", crs.to_2d())
    raise DatumError(
        f"坐标系“{crs.name}”既不是经纬度也不是平面投影，无法使用。"
        f"请用 --datum 说明（{'、'.join(DATUM_WORDS)} 或 EPSG:n）。",
        f'The coordinate system "{crs.name}" is neither geographic nor projected. State it with --datum '
        f"({', '.join(DATUM_WORDS)} or EPSG:n).",
        value=crs.name,
    )


def missing_datum(file: str) -> DatumError:
    """Explain that a file declares no datum and none was given.

    Parameters
    ----------
    file : str
        File name.

    Returns
    -------
    DatumError
        The error to raise, or whose messages to report.
    """
    return DatumError(
        f"“{file}”没有声明坐标基准，系统不会猜测：同一点在 GCJ-02 与 CGCS2000 中相差数百米。"
        "请加 --datum cgcs2000|wgs84|gcj02|bd09（高德、腾讯地图取点为 gcj02，百度为 bd09，"
        "GPS 为 wgs84），平面坐标用 --datum EPSG:45xx。",
        f'"{file}" declares no datum and none is guessed: the same place differs by hundreds of metres '
        "between GCJ-02 and CGCS2000. Add --datum cgcs2000|wgs84|gcj02|bd09 (AMap and Tencent points are "
        "gcj02, Baidu bd09, GPS wgs84); for projected coordinates --datum EPSG:45xx.",
        file=file,
        allowed=[*DATUM_WORDS, "EPSG:n"],
    )


@lru_cache(maxsize=64)
def crs_by_epsg(epsg: int) -> CRS:
    """Return a system by EPSG code, kept because building one takes milliseconds.

    Parameters
    ----------
    epsg : int
        EPSG code.

    Returns
    -------
    CRS
        The system.
    """
    return CRS.from_epsg(epsg)


def _code(crs: CRS) -> str:
    """EPSG code where PROJ is sure of it, otherwise the name."""
    epsg = crs.to_epsg(min_confidence=70)
    return f"EPSG:{epsg}" if epsg else crs.name


def datum_family(crs: CRS) -> str:
    """Tell which of the datums with rules of their own a system rests on.

    Parameters
    ----------
    crs : CRS
        Any system.

    Returns
    -------
    {"cgcs2000", "wgs84", "old", "other"}
        ``old`` are the Beijing 1954 and Xian 1980 families.
    """
    geodetic = crs.geodetic_crs
    if geodetic is None:
        return "other"
    datum_name = geodetic.datum.name if geodetic.datum is not None else ""
    # PROJ calls a datum given by its ellipsoid alone so, and then lists "towgs84" in its name.
    if datum_name.lower().startswith("unknown"):
        return "other"
    names = f"{datum_name} {geodetic.name}"
    if _OLD_DATUMS.search(names):
        return "old"
    if _CGCS_NAMES.search(names):
        return "cgcs2000"
    return "wgs84" if _WGS_NAMES.search(names) else "other"
