"""Getting streets from OpenStreetMap by the name of a place."""

from __future__ import annotations

from pathlib import Path

from geo.network.download import download_place


def download_streets(place: str, path: Path, *, buffer_m: float) -> Path:
    """Download the streets of a place as an OSM file for the ordinary import.

    Parameters
    ----------
    place : str
        Name of a place.
    path : pathlib.Path
        File to write, ending in ``.osm``; overwritten.
    buffer_m : float
        Margin around the place in metres, so that walks across its edge are found.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    DataSourceError
        There is no connection, the service refuses, or no such place is known.
    """
    return download_place(place, path, buffer_m=buffer_m)
