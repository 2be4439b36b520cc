"""The per-point results of a run as a file; internal, because every row is a place where older people live."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from geo.access.population import persons_number
from geo.access.status import STATUS_NAMES
from geo.errors import DataSourceError, reason_zh
from geo.services.coverage_model import CoverageOutcome

INTERNAL = "internal"


def points_table(outcome: CoverageOutcome) -> pd.DataFrame:
    """Return one row per demand point, or per point, band and type, in the order of the imports and their rows.

    Parameters
    ----------
    outcome : CoverageOutcome
        A run.

    Returns
    -------
    pandas.DataFrame
        Columns id, persons, status, facility_id, walk_m, walk_s, access_m; band (runs by band) and type (several
        types); and ``classification``, which says on every row that the file is internal.
    """
    names = np.array(STATUS_NAMES, dtype=object)
    population = outcome.demand.population
    order = np.argsort(outcome.demand.place)
    parts = []
    for kind in outcome.types:
        facility_ids = np.array([*kind.supply.ids, None], dtype=object)
        for run in kind.runs:
            found = run.certificates
            people = population.of_band(run.band)
            if population.unit == 1:
                persons: object = people
            else:
                persons = np.array([persons_number(count, population.unit) for count in people], dtype=np.float64)
            part = pd.DataFrame(
                {
                    "id": outcome.demand.ids,
                    "persons": persons,
                    "status": names[found.status],
                    "facility_id": facility_ids[found.facility],
                    "walk_m": found.walk_m,
                    "walk_s": found.walk_s,
                    "access_m": found.access_m,
                }
            )
            if outcome.request.by_band:
                part["band"] = run.band
            if len(outcome.types) > 1:
                part["type"] = kind.supply.slug
            part["classification"] = INTERNAL
            parts.append(part.iloc[order])
    return pd.concat(parts, ignore_index=True)


def write_points(outcome: CoverageOutcome, path: Path) -> None:
    """Write the per-point results.

    Parameters
    ----------
    outcome : CoverageOutcome
        A run.
    path : pathlib.Path
        A ``.csv`` (UTF-8) or ``.parquet`` file; overwritten.

    Raises
    ------
    DataSourceError
        If the file cannot be written.
    """
    table = points_table(outcome)
    try:
        if path.suffix.lower() == ".parquet":
            table.to_parquet(path, index=False)
        else:
            table.to_csv(path, index=False, encoding="utf-8", lineterminator="\n")
    except OSError as error:
        raise DataSourceError(
            f"无法写出 {path}：{reason_zh(error)}", f"cannot write {path}: {error.strerror or error}"
        ) from error
