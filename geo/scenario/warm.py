"""Compile what scenarios need ahead of the first edit, by playing every kind of edit in a toy town."""

from __future__ import annotations

from datetime import datetime

import geopandas as gpd
import numpy as np
import shapely

from geo.access.coverage import minutes
from geo.access.population import BANDS, Population
from geo.network.build import compile_network
from geo.network.profile import walking_profile
from geo.scenario.base import open_base
from geo.scenario.edit import (
    AddFacility,
    AddPopulation,
    AddStreet,
    ChangeFacility,
    CloseFacility,
    Edit,
    MoveFacility,
    ReopenFacility,
    SetGate,
)
from geo.scenario.question import BaseSupply, Question
from geo.scenario.scenario import Scenario

_STEP_DEG = 1e-3


def _at(x: float, y: float) -> tuple[float, float]:
    """Return degrees of a corner of the toy town."""
    return 118.0 + x * _STEP_DEG, 36.0 + y * _STEP_DEG


def warm() -> None:
    """Compile the kernels of scenarios, or load them from the cache on disk."""
    sides = [((0, 0), (1, 0)), ((1, 0), (1, 1)), ((1, 1), (0, 1)), ((1, 0), (2, 0)), ((2, 0), (2, 1))]
    segments = gpd.GeoDataFrame(
        {"foot": ["public", "public", "private", "public", "public"]},
        geometry=[shapely.LineString([_at(*a), _at(*b)]) for a, b in sides],
        crs="EPSG:4490",
    )
    gates = gpd.GeoDataFrame(
        {"id": ["g"], "access": ["closed"]}, geometry=[shapely.Point(_at(1, 0))], crs="EPSG:4490"
    )
    divisions = gpd.GeoDataFrame(
        {"code": ["1"], "name": ["a"], "level": ["county"], "parent_code": [None]},
        geometry=[shapely.box(*_at(-1, -1), *_at(3, 3))],
        crs="EPSG:4490",
    )
    lon, lat = np.array([_at(0.2, 0.05), _at(1.6, 0.05), _at(0.5, 1.0)]).T.copy()
    supply = BaseSupply("a", np.array(["1"], object), lon[:1], lat[:1], np.ones(1, np.bool_), {})
    base = open_base(
        compile_network(segments, gates),
        lon=lon,
        lat=lat,
        population=Population(np.ones((3, len(BANDS)), np.int64), 1),
        divisions=divisions,
        supplies=[supply],
        question=Question(minutes(3), datetime(2024, 1, 2, 10, 0)),
        profile=walking_profile(),
        revisions={},
    )
    edits: tuple[Edit, ...] = (
        AddFacility("a", "2", *_at(1.9, 0.5)),
        MoveFacility("a", "2", *_at(2.0, 0.9)),
        CloseFacility("a", "1"),
        ReopenFacility("a", "1"),
        ChangeFacility("a", "1", capacity=5),
        SetGate("g", "open"),
        SetGate("g", "residents"),
        AddStreet((_at(0.5, 0.0), _at(1.5, 0.0))),
        AddStreet((_at(0.0, 0.0), _at(0.0, 1.0)), foot="private"),
        AddPopulation("c", *_at(0.5, 0.1), (("60_69", 1),)),
    )
    scenario = Scenario(base)
    for edit in edits:
        scenario = scenario.apply(edit)
        _ = scenario.answer
