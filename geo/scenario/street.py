"""A drawn street as a row of a segments frame."""

from __future__ import annotations

import geopandas as gpd
import shapely

from geo.scenario.edit import AddStreet


def street_frame(edit: AddStreet) -> gpd.GeoDataFrame:
    """Return a drawn street as a segments frame.

    Parameters
    ----------
    edit : AddStreet
        The street.

    Returns
    -------
    GeoDataFrame
        One row, as for `with_added_streets`.
    """
    return gpd.GeoDataFrame(
        {
            "foot": [edit.foot],
            "is_steps": [edit.is_steps],
            "crossing_share": [edit.crossing_share],
            "oneway_foot": [edit.oneway],
        },
        geometry=[shapely.LineString(edit.line)],
        crs="EPSG:4490",
    )
