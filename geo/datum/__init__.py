"""Datums, projections and offsets: from whatever a file states to CGCS2000 longitude and latitude.

This is the only place where axis order and the GCJ-02 and BD-09 offsets are discussed.

Axis order. Chinese surveying writes X for north and Y for east, and EPSG lists northing first for its
Gauss-Krüger systems. Inside Fangyu every pair is east before north: longitude before latitude, easting
before northing, in arguments, in storage and in ``raw_x`` and ``raw_y``. Whoever reads a file brings the
pair into that order before calling here.

Zones. EPSG has every CGCS2000 Gauss-Krüger zone twice: once with the zone number before the easting (3°
zones 25-45, 6° zones 13-23, e.g. 39 512 345 m) and once by central meridian without it (512 345 m).

Accuracy. CGCS2000 and WGS 84 are treated as one by an explicit identity step, accuracy class at most 1 m.
GCJ-02 and BD-09 are inverted against the publicly known formula, from which the providers' own services
differ by a steady 0.67 m; with the identity step that is class 2 m. Any other operation that PROJ calls
"ballpark" is refused.
"""

from geo.datum.convert import (
    Conversion,
    HelmertParameters,
    accuracy_text,
    local_metric_crs,
    to_cgcs2000,
)
from geo.datum.offset import bd09_to_wgs84, gcj02_to_bd09, gcj02_to_wgs84, wgs84_to_gcj02
from geo.datum.reference import CGCS2000_EPSG, DATUM_WORDS, Datum, datum_of_crs, missing_datum, parse_datum
from geo.datum.zone import ZONES, GaussKruger, zone_from_easting, zone_of, zone_variant

__all__ = [
    "CGCS2000_EPSG",
    "DATUM_WORDS",
    "ZONES",
    "Conversion",
    "Datum",
    "GaussKruger",
    "HelmertParameters",
    "accuracy_text",
    "bd09_to_wgs84",
    "datum_of_crs",
    "gcj02_to_bd09",
    "gcj02_to_wgs84",
    "local_metric_crs",
    "missing_datum",
    "parse_datum",
    "to_cgcs2000",
    "wgs84_to_gcj02",
    "zone_from_easting",
    "zone_of",
    "zone_variant",
]
