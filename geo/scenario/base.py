"""The untouched ground of scenarios: one base is shared by many scenarios and threads, and none of them changes it."""

from __future__ import annotations

import hashlib
import json
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
from geo.scenario.edit_json import edit_to_json
from geo.scenario.people import People, open_people
from geo.scenario.question import BaseSupply, Question
from geo.scenario.recent import KEPT_BYTES, KEPT_STATES, Recent
from geo.scenario.state import Setting, State, advance, solve
from geo.scenario.stock import open_stock
from geo.scenario.town import open_town


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

    @property
    def content_hash(self) -> str:
        """Return the SHA-256 of revisions and parameters.

        Returns
        -------
        str
            Hexadecimal digits; the hash of a scenario without edits.
        """
        return self.hash_of(())

    def hash_of(self, edits: tuple[Edit, ...]) -> str:
        """Return the SHA-256 of revisions, parameters and ordered edits.

        Parameters
        ----------
        edits : tuple of Edit
            The edits.

        Returns
        -------
        str
            Hexadecimal digits.
        """
        content = {
            "revisions": dict(self.revisions),
            "types": [side.stock.slug for side in self.state.sides],
            "parameters": self.setting.question.to_json(self.setting.profile),
            "edits": [edit_to_json(edit) for edit in edits],
        }
        text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

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
            before, state = state, advance(state, edits[i], self.setting)
            self.recent.put(edits[: i + 1], state, before)
        return state


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
    kept_bytes: int = KEPT_BYTES,
    people: People | None = None,
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
    kept_states, kept_bytes : int
        States kept for undo, at least 1, and about how much memory they may take.
    people : People, optional
        What `gather_people` made of the same points, divisions and network, where other questions are asked of them.

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
    people = people or gather_people(network, lon=lon, lat=lat, population=population, divisions=divisions)
    stocks = tuple(open_stock(one, link_points(network, one.lon, one.lat)) for one in supplies)
    setting = Setting(question, profile, divisions)
    state = solve(open_town(network, question), people, stocks, setting)
    return Base(setting, dict(revisions), state, Recent(kept_states, kept_bytes))


def gather_people(
    network: StreetNetwork, *, lon: Float, lat: Float, population: Population, divisions: gpd.GeoDataFrame
) -> People:
    """Link people to streets and divisions: the part of a base that does not depend on the question.

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

    Returns
    -------
    People
        For `open_base` with the same points, divisions and network.
    """
    return open_people(
        network, lon, lat, population, assign_divisions(lon, lat, divisions), link_points(network, lon, lat)
    )
