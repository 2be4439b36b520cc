"""From a stated datum to CGCS2000 longitude and latitude."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from pyproj import CRS, Transformer
from pyproj.transformer import TransformerGroup

from geo.arrays import Bool, Float
from geo.datum.offset import bd09_to_wgs84, gcj02_to_wgs84
from geo.datum.reference import Datum, crs_by_epsg, datum_family
from geo.errors import DatumError

IDENTITY_ACCURACY_M = 1.0
OBFUSCATED_ACCURACY_M = 2.0


@dataclass(frozen=True, slots=True)
class HelmertParameters:
    """Seven transformation parameters from a 1954 or 1980 datum to CGCS2000.

    Parameters
    ----------
    dx_m, dy_m, dz_m : float
        Translations in metres.
    rx_arcsec, ry_arcsec, rz_arcsec : float
        Rotations in seconds of arc.
    scale_ppm : float
        Scale difference in parts per million.
    convention : {"position_vector", "coordinate_frame"}
        Sign convention of the rotations; ``coordinate_frame`` (Bursa-Wolf) unless the source says else.
    accuracy_m : float
        Accuracy the parameters were published with.
    """

    dx_m: float
    dy_m: float
    dz_m: float
    rx_arcsec: float = 0.0
    ry_arcsec: float = 0.0
    rz_arcsec: float = 0.0
    scale_ppm: float = 0.0
    convention: Literal["position_vector", "coordinate_frame"] = "coordinate_frame"
    accuracy_m: float = 1.0

    @classmethod
    def parse(cls, text: str) -> HelmertParameters:
        """Read ``dx,dy,dz[,rx,ry,rz,ppm]`` (metres, seconds of arc, parts per million).

        Parameters
        ----------
        text : str
            Three or seven numbers separated by commas.

        Returns
        -------
        HelmertParameters
            The parameters, in the coordinate-frame convention.

        Raises
        ------
        DatumError
            If there are not three or seven numbers.
        """
        try:
            numbers = [float(part) for part in text.replace("\uff0c", ",").split(",")]
        except ValueError:
            numbers = []
        if len(numbers) not in (3, 7) or not np.all(np.isfinite(numbers)):
            raise DatumError(
                f"转换参数“{text}”无法识别：应为 3 个或 7 个以逗号分隔的数"
                "（dx,dy,dz[,rx,ry,rz,ppm]，单位米、角秒、百万分之一）。",
                f'Transformation parameters "{text}" are not understood: give 3 or 7 numbers separated by '
                "commas (dx,dy,dz[,rx,ry,rz,ppm] in metres, seconds of arc, parts per million).",
                value=text,
            )
        dx, dy, dz, rx, ry, rz, ppm = (numbers + [0.0] * 4)[:7]
        return cls(dx, dy, dz, rx, ry, rz, ppm)


@dataclass(frozen=True, slots=True)
class Conversion:
    """Coordinates brought to CGCS2000.

    Parameters
    ----------
    lon_deg, lat_deg : numpy.ndarray
        Shape of the input; NaN where the input was not finite or not in the domain of the system.
    is_unchanged : numpy.ndarray
        True where an obfuscated pair lies outside the public formula's box and was left as it is.
    method : str
        The steps taken, in English, as stored beside the coordinates.
    accuracy_m : float
        Accuracy class in metres; 0 for exact conversions.
    """

    lon_deg: Float
    lat_deg: Float
    is_unchanged: Bool
    method: str
    accuracy_m: float


def to_cgcs2000(
    x: ArrayLike, y: ArrayLike, datum: Datum, *, helmert: HelmertParameters | None = None
) -> Conversion:
    """Bring coordinates to CGCS2000 longitude and latitude.

    Parameters
    ----------
    x, y : array_like
        East then north: longitudes and latitudes in degrees, or eastings and northings in metres; same shape.
    datum : Datum
        What they refer to.
    helmert : HelmertParameters or None
        Parameters for a datum that has no reliable public transformation (1954, 1980).

    Returns
    -------
    Conversion
        The coordinates with method and accuracy class.

    Raises
    ------
    DatumError
        If only a "ballpark" operation exists, or the datum is of 1954 or 1980 and no parameters were given.
    """
    east, north = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64))
    if datum.crs is None:
        decode = bd09_to_wgs84 if datum.code == "bd09" else gcj02_to_wgs84
        lon, lat, unchanged = decode(east, north)
        name = "BD-09 to GCJ-02 to WGS 84" if datum.code == "bd09" else "GCJ-02 to WGS 84"
        method = f"{name} (public formula inverted); WGS 84 = CGCS2000 (identity)"
        return Conversion(lon, lat, unchanged, method, OBFUSCATED_ACCURACY_M)
    lon, lat, steps, accuracy = _through_proj(east, north, datum.crs, helmert)
    return Conversion(lon, lat, np.zeros(lon.shape, np.bool_), "; ".join(steps), accuracy)


def accuracy_text(accuracy_m: float, lang: Literal["zh", "en"] = "zh") -> str:
    """Write an accuracy class for people.

    Parameters
    ----------
    accuracy_m : float
        Accuracy class in metres; 0 for exact, NaN for unknown.
    lang : {"zh", "en"}
        Language.

    Returns
    -------
    str
        Such as ``精度等级 ≤ 1 m``.
    """
    if np.isnan(accuracy_m):
        return "精度等级未知" if lang == "zh" else "accuracy class unknown"
    if accuracy_m == 0:
        return "无转换误差" if lang == "zh" else "no conversion error"
    return f"精度等级 ≤ {accuracy_m:g} m" if lang == "zh" else f"accuracy class ≤ {accuracy_m:g} m"


def local_metric_crs(lon_deg: float, lat_deg: float) -> CRS:
    """Build a transverse Mercator in metres centred on a place.

    Parameters
    ----------
    lon_deg, lat_deg : float
        Centre, CGCS2000.

    Returns
    -------
    CRS
        A projection on the CGCS2000 ellipsoid for planar work within some hundred kilometres.
    """
    return CRS.from_proj4(
        f"+proj=tmerc +lat_0={lat_deg:.6f} +lon_0={lon_deg:.6f} +k=1 +x_0=0 +y_0=0 "
        "+a=6378137 +rf=298.257222101 +units=m +no_defs"
    )


def _through_proj(
    east: Float, north: Float, crs: CRS, helmert: HelmertParameters | None
) -> tuple[Float, Float, list[str], float]:
    """Unproject exactly, then change the datum by identity, parameters or a reliable public operation."""
    steps: list[str] = []
    geodetic = crs.geodetic_crs
    if geodetic is None:
        raise _refusal(crs)
    geodetic = geodetic.to_2d()
    lon, lat = east, north
    if crs.is_projected:
        lon, lat = _apply(Transformer.from_crs(crs, geodetic, always_xy=True), lon, lat)
        steps.append(f"inverse of {crs.name}")
    lon, lat = _greenwich_degrees(geodetic, lon, lat)
    family = datum_family(crs)
    if family == "cgcs2000":
        return lon, lat, steps or ["CGCS2000 as given"], 0.0
    if family == "wgs84":
        return lon, lat, [*steps, "WGS 84 = CGCS2000 (identity)"], IDENTITY_ACCURACY_M
    if helmert is not None:
        lon, lat = _helmert(geodetic, lon, lat, helmert)
        return lon, lat, [*steps, "seven-parameter transformation to CGCS2000"], helmert.accuracy_m
    if family == "old":
        raise _old_datum(crs)
    transformer = _reliable(geodetic, lon, lat)
    if transformer is None:
        raise _refusal(crs)
    lon, lat = _apply(transformer, lon, lat)
    accuracy = IDENTITY_ACCURACY_M + max(float(transformer.accuracy), 0.0)
    return lon, lat, [*steps, transformer.description, "WGS 84 = CGCS2000 (identity)"], accuracy


def _apply(transformer: Transformer, x: Float, y: Float) -> tuple[Float, Float]:
    """Run a transformer over arrays; what it cannot place becomes NaN."""
    lon, lat = transformer.transform(np.array(x), np.array(y))
    lon, lat = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
    bad = ~(np.isfinite(lon) & np.isfinite(lat))
    return np.where(bad, np.nan, lon), np.where(bad, np.nan, lat)


def _greenwich_degrees(geodetic: CRS, lon: Float, lat: Float) -> tuple[Float, Float]:
    """Refuse systems counted from another meridian or in grads: nobody in scope delivers them on purpose."""
    meridian = geodetic.prime_meridian
    unit = geodetic.axis_info[0].unit_name
    if (meridian is not None and meridian.longitude != 0) or not unit.startswith("degree"):
        raise _refusal(geodetic)
    return lon, lat


def _reliable(geodetic: CRS, lon: Float, lat: Float) -> Transformer | None:
    """Best operation to WGS 84 made for these places that PROJ does not call ballpark and whose accuracy it knows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of grids that are not installed: the next best operation is taken, or none
        group = TransformerGroup(geodetic, crs_by_epsg(4326), always_xy=True, allow_ballpark=False)
    for transformer in group.transformers:
        is_known = "ballpark" not in transformer.description.lower() and transformer.accuracy >= 0
        # PROJ offers operations for any part of the world: one made for Canada says nothing about China.
        area = transformer.area_of_use
        if is_known and (area is None or _is_within(area.bounds, lon, lat)):
            return transformer
    return None


def _is_within(bounds: tuple[float, float, float, float], lon: Float, lat: Float) -> bool:
    """Whether every place lies in an operation's area of use, which may cross the date line."""
    west, south, east, north = bounds
    there = np.isfinite(lon) & np.isfinite(lat)
    x, y = lon[there], lat[there]
    spans = (x >= west) & (x <= east) if west <= east else (x >= west) | (x <= east)
    return bool(np.all(spans & (y >= south) & (y <= north)))


def _helmert(geodetic: CRS, lon: Float, lat: Float, given: HelmertParameters) -> tuple[Float, Float]:
    """Seven-parameter transformation at ellipsoidal height zero."""
    ellipsoid = geodetic.ellipsoid
    if ellipsoid is None:
        raise _refusal(geodetic)
    pipeline = (
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad "
        f"+step +proj=cart +a={ellipsoid.semi_major_metre!r} +rf={ellipsoid.inverse_flattening!r} "
        f"+step +proj=helmert +x={given.dx_m!r} +y={given.dy_m!r} +z={given.dz_m!r} "
        f"+rx={given.rx_arcsec!r} +ry={given.ry_arcsec!r} +rz={given.rz_arcsec!r} "
        f"+s={given.scale_ppm!r} +convention={given.convention} "
        "+step +inv +proj=cart +a=6378137 +rf=298.257222101 "
        "+step +proj=unitconvert +xy_in=rad +xy_out=deg"
    )
    out = Transformer.from_pipeline(pipeline).transform(np.array(lon), np.array(lat), np.zeros_like(lon))
    return np.asarray(out[0], np.float64), np.asarray(out[1], np.float64)


def _old_datum(crs: CRS) -> DatumError:
    """Explain why 1954 and 1980 coordinates are refused."""
    return DatumError(
        f"坐标系“{crs.name}”属于 1954 北京或 1980 西安坐标系，与 CGCS2000 相差可达上百米，"
        "没有通用的公开转换参数。请先取得本地转换参数（三参数或七参数）并用 --helmert 提供，"
        "或先转换为 CGCS2000。",
        f'"{crs.name}" rests on Beijing 1954 or Xian 1980, a hundred metres and more away from CGCS2000, for '
        "which no general public parameters exist. Give the local three or seven transformation parameters "
        "with --helmert, or convert the file to CGCS2000 first.",
        value=crs.name,
    )


def _refusal(crs: CRS) -> DatumError:
    """Explain why a system without a reliable transformation is refused."""
    return DatumError(
        f"坐标系“{crs.name}”到 CGCS2000 只有粗略（ballpark）转换，已拒绝。"
        "请提供转换参数，或先转换为 CGCS2000 / WGS 84。",
        f'Only a rough ("ballpark") operation leads from "{crs.name}" to CGCS2000, which is refused. Give '
        "transformation parameters or convert the file to CGCS2000 or WGS 84 first.",
        value=crs.name,
    )
