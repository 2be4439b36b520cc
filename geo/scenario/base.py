"""The untouched ground of scenarios: one base is shared by many scenarios and threads, and none of them changes it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import geopandas as gpd

from geo.access.membership import assign_divisions
from geo.access.population import Population
from geo.arrays import Float
from geo.errors import InputError
from geo.network.link import link_points
from geo.network.model import StreetNetwork
from geo.network.profile import WalkingProfile
from geo.scenario.edit import Edit
from geo.scenario.people import open_people
from geo.scenario.question import BaseSupply, Question
from geo.scenario.state import Setting, State, advance, solve
from geo.scenario.stock import open_stock
from geo.scenario.town import open_town

KEPT_STATES = 12
"""States kept for undo and for other scenarios with the same edits; older ones are computed again from the nearest."""


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """Streets, people, facilities and a question, solved once.

    Parameters
    ----------
    setting : Setting
        What is asked.
    revisions : Mapping of str to (int or str)
        Revision of each layer that was read.
    state : State
        The state without any edit.
    recent : Recent
        States with edits, kept for a while.
    """

    setting: Setting
    revisions: Mapping[str, int | str]
    state: State
    recent: Recent

    def state_of(self, edits: tuple[Edit, ...]) -> State:
        """Return the state after some edits, from the nearest state that is kept.

        Parameters
        ----------
        edits : tuple of Edit
            The edits in their order.

        Returns
        -------
        State
            The state.
        """
        n = len(edits)
        state = None
        while n > 0 and (state := self.recent.get(edits[:n])) is None:
            n -= 1
        if state is None:
            state = self.state
        for i in range(n, len(edits)):
            state = advance(state, edits[i], self.setting)
            self.recent.put(edits[: i + 1], state)
        return state


class Recent:
    """States by their edits; the ones asked for last are kept, threads may share it.

    Parameters
    ----------
    size : int
        So many states are kept.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[tuple[Edit, ...], State] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, edits: tuple[Edit, ...]) -> State | None:
        """Return a kept state.

        Parameters
        ----------
        edits : tuple of Edit
            Its edits.

        Returns
        -------
        State or None
            None where it is not kept.
        """
        with self._lock:
            if edits in self._kept:
                self._kept.move_to_end(edits)
            return self._kept.get(edits)

    def put(self, edits: tuple[Edit, ...], state: State) -> None:
        """Keep a state.

        Parameters
        ----------
        edits : tuple of Edit
            Its edits.
        state : State
            The state.
        """
        with self._lock:
            self._kept[edits] = state
            self._kept.move_to_end(edits)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)


def open_base(
    network: StreetNetwork,
    *,
    lon: Float,
    lat: Float,
    population: Population,
    divisions: gpd.GeoDataFrame,
    supplies: Sequence[BaseSupply],
    question: Question,
    profile: WalkingProfile,
    revisions: Mapping[str, int | str],
    kept_states: int = KEPT_STATES,
) -> Base:
    """Open the ground of scenarios: link everything and answer the question once.

    Parameters
    ----------
    network : StreetNetwork
        The streets.
    lon, lat : Float
        Demand points in EPSG:4490 degrees.
    population : Population
        Their people by band.
    divisions : GeoDataFrame
        Divisions, as for `assign_divisions`.
    supplies : sequence of BaseSupply
        Recorded facilities, one entry a type.
    question : Question
        What is asked.
    profile : WalkingProfile
        Speeds, stairs and crossings.
    revisions : Mapping of str to (int or str)
        Revision of each layer that was read; part of every content hash.
    kept_states : int
        States kept for undo, at least 1.

    Returns
    -------
    Base
        The base.

    Raises
    ------
    InputError
        There is no facility type, one is given twice, or columns differ in length.
    """
    slugs = [supply.slug for supply in supplies]
    if not slugs or len(set(slugs)) != len(slugs):
        raise InputError(
            f"设施类型应至少一个且不重复，给出的是：{'、'.join(slugs) or '无'}",
            f"facility types must be at least one and each given once; given: {', '.join(slugs) or 'none'}",
        )
    if kept_states < 1:
        raise InputError(f"保留的状态数 {kept_states} 应不小于 1", f"{kept_states} kept states; allowed: at least 1")
    people = open_people(
        network, lon, lat, population, assign_divisions(lon, lat, divisions), link_points(network, lon, lat)
    )
    stocks = tuple(open_stock(one, link_points(network, one.lon, one.lat)) for one in supplies)
    setting = Setting(question, profile, divisions)
    state = solve(open_town(network, question), people, stocks, setting)
    return Base(setting, dict(revisions), state, Recent(kept_states))
