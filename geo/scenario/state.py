"""The state of a scenario after its edits, and how one edit leads from one state to the next.

Whatever an edit is, it ends in the same few steps for every type and speed: mend the search, look again at the points
on edges whose ends changed, and move people from their old status to the new one in the totals.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import geopandas as gpd
import numpy as np

from geo.access.coverage import judge
from geo.access.nearest import NodeValues, Sites
from geo.access.status import STATUS_NAMES
from geo.access.tally import sum_by
from geo.arrays import Bool, Float, Int, Int32, UInt8
from geo.errors import NotFoundError
from geo.kernels.repair import points_beside
from geo.network.gate_edit import GateChange
from geo.network.link import PointLinks
from geo.network.profile import WalkingProfile
from geo.scenario.edit import AddPopulation, AddStreet, Edit, SetGate
from geo.scenario.people import People, beside_street, is_connected, is_linked, with_compound
from geo.scenario.question import Question
from geo.scenario.search import (
    NO_LOSS,
    Loss,
    Seeds,
    empty_values,
    evaluate_rows,
    find_seeds,
    mend,
    roomy,
    shut_loss,
)
from geo.scenario.stock import Stock, beside_added, edit_stock
from geo.scenario.street import street_frame
from geo.scenario.town import Prices, StreetChange, Town, link_places, with_gate, with_speeds, with_street

N_STATUS = len(STATUS_NAMES)
_NO_INDEX = np.empty(0, np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """What stays the same over all edits.

    Parameters
    ----------
    question : Question
        What is asked.
    profile : WalkingProfile
        Speeds, stairs and crossings.
    divisions : GeoDataFrame
        Divisions, for people that edits add.
    """

    question: Question
    profile: WalkingProfile
    divisions: gpd.GeoDataFrame


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One type's search at one speed.

    Parameters
    ----------
    band, speed_mps : str, float
        Whose speed.
    values : NodeValues
        Values of the graph's nodes.
    if_open : NodeValues or None
        The same if every gate were open to everybody; None where every gate is.
    seeds : Seeds
        Where the walks to the facilities enter the graph.
    best, second : Float
        Primary and carried cost of each point, inf where no facility is reached.
    label : Int32
        Row of its nearest facility, -1 for none.
    status : UInt8
        Status of each point.
    changed : Int32 or None
        Points that are different from the state before, ascending; None where all may be.
    """

    band: str
    speed_mps: float
    values: NodeValues
    if_open: NodeValues | None
    seeds: Seeds
    best: Float
    second: Float
    label: Int32
    status: UInt8
    changed: Int32 | None


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One facility type.

    Parameters
    ----------
    stock : Stock
        The facilities.
    connected : Bool
        Which points share a part of the network with a facility.
    has_site : Bool
        Which parts of the network hold a facility.
    runs : tuple of Run
        One a band.
    totals : tuple of Int
        People by status: of the whole, shape (1, 5), and of each level's divisions, shape (n_divisions + 2, 5).
    """

    stock: Stock
    connected: Bool
    has_site: Bool
    runs: tuple[Run, ...]
    totals: tuple[Int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Everything after some edits.

    Parameters
    ----------
    town : Town
        The streets.
    people : People
        The older people.
    linked : Bool
        Which points have a link.
    weights : tuple of Int
        People of each band at each point.
    bands : tuple of (str, float)
        Bands with their speeds.
    sides : tuple of Side
        One a facility type.
    """

    town: Town
    people: People
    linked: Bool
    weights: tuple[Int, ...]
    bands: tuple[tuple[str, float], ...]
    sides: tuple[Side, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Change:
    """What an edit did: to the streets, to which facility of which type, to the people."""

    streets: StreetChange = field(default_factory=StreetChange)
    slug: str | None = None
    row: int = -1
    old_shut: bool = False
    is_town: bool = False
    is_gate: bool = False
    is_people: bool = False


def solve(town: Town, people: People, stocks: tuple[Stock, ...], setting: Setting) -> State:
    """Compute a state from nothing.

    Parameters
    ----------
    town : Town
        The streets.
    people : People
        The people.
    stocks : tuple of Stock
        The facilities.
    setting : Setting
        What is asked.

    Returns
    -------
    State
        The state.
    """
    question, profile = setting.question, setting.profile
    bands = question.bands(profile, people.population.present_bands)
    town = with_speeds(town, {speed for _, speed in bands}, profile, question)
    weights = tuple(people.population.of_band(band) for band, _ in bands)
    state = State(town, people, is_linked(people), weights, bands, ())
    return replace(state, sides=tuple(_solve_side(state, stock) for stock in stocks))


def advance(state: State, edit: Edit, setting: Setting) -> State:
    """Apply one edit.

    Parameters
    ----------
    state : State
        The state before; it is not changed.
    edit : Edit
        The edit.
    setting : Setting
        What is asked.

    Returns
    -------
    State
        The state after, sharing everything that the edit left alone.

    Raises
    ------
    NotFoundError
        The edit speaks of a type or facility that is not there.
    ConflictError
        The facility exists, or is open or closed already.
    InputError
        The edit speaks of a gate that is not there.
    """
    question, profile = setting.question, setting.profile
    town, people = state.town, state.people
    stocks = {side.stock.slug: side.stock for side in state.sides}
    change = _Change(old_shut=town.gates.is_any_shut)
    match edit:
        case AddStreet():
            town, streets = with_street(town, street_frame(edit), profile, question, is_bridge=edit.is_bridge)
            for lines in town.added[len(state.town.added) :]:
                people = beside_street(people, town.network, lines)
                stocks = {slug: beside_added(one, town.network, lines) for slug, one in stocks.items()}
            change = replace(change, streets=streets, is_town=True)
        case SetGate():
            town, streets = with_gate(town, GateChange(edit.id, edit.access, edit.hours or ""), question)
            change = replace(change, streets=streets, is_town=True, is_gate=True)
        case AddPopulation():
            links = link_places(town, np.array([edit.lon]), np.array([edit.lat]))
            people = with_compound(people, edit, links, town.network, setting.divisions)
            change = replace(change, is_people=True)
        case _:
            stocks[edit.type], row = edit_stock(_stock(stocks, edit.type), edit, town, question.at)
            change = replace(change, slug=edit.type, row=row)
    bands, weights, linked = state.bands, state.weights, state.linked
    if change.is_people:
        bands = question.bands(profile, people.population.present_bands)
        town = with_speeds(town, {speed for _, speed in bands}, profile, question)
        weights = tuple(people.population.of_band(band) for band, _ in bands)
    if people is not state.people:
        linked = is_linked(people)
    after = State(town, people, linked, weights, bands, ())
    sides = (_advance_side(after, side, stocks[side.stock.slug], change) for side in state.sides)
    return replace(after, sides=tuple(sides))


def _stock(stocks: dict[str, Stock], slug: str) -> Stock:
    """Return the facilities of a type."""
    if slug not in stocks:
        raise NotFoundError(
            f"情景中没有设施类型“{slug}”，可用：{'、'.join(stocks)}",
            f'the scenario has no facility type "{slug}"; allowed: {", ".join(stocks)}',
            type=slug,
        )
    return stocks[slug]


def _has_site(state: State, sites: Sites) -> Bool:
    """Tell which components hold a linked facility."""
    network = state.town.network
    has = np.zeros(network.n_components, np.bool_)
    has[network.node_component[network.edge_u[sites.edge]]] = True
    return has


def _solve_side(state: State, stock: Stock) -> Side:
    """Compute one type from nothing."""
    sites = stock.sites(state.town.network)
    has_site = _has_site(state, sites)
    connected = is_connected(state.people, state.town.network, has_site)
    runs = tuple(_solve_run(state, sites, connected, band, speed) for band, speed in state.bands)
    n_rows = (1, *(level.n_divisions + 2 for level in state.people.levels))
    totals = tuple(np.zeros((rows, N_STATUS), np.int64) for rows in n_rows)
    for run, weights in zip(runs, state.weights, strict=True):
        _move_people(totals, state.people, _NO_INDEX, np.empty(0, np.uint8), None, run.status, weights)
    return Side(stock, connected, has_site, runs, totals)


def _solve_run(state: State, sites: Sites, connected: Bool, band: str, speed: float) -> Run:
    """Search for one band from nothing."""
    prices = state.town.prices[speed]
    seeds = find_seeds(state.town, prices, sites)
    nothing = roomy(state.town.graph.n_nodes)
    values, _ = mend(state.town, prices, nothing, seeds, NO_LOSS, _NO_INDEX, if_open=False)
    if_open = _solve_open(state, prices, seeds) if state.town.gates.is_any_shut else None
    n = state.people.n_points
    points = empty_values(n)
    run = Run(
        band, speed, values, if_open, seeds, points.best, points.second, points.label, np.zeros(n, np.uint8), None
    )
    return _look_again(state, run, sites, connected, np.arange(n, dtype=np.int32), None)


def _solve_open(state: State, prices: Prices, seeds: Seeds) -> NodeValues:
    """Search as if every gate were open, from nothing."""
    nothing = roomy(state.town.graph.n_nodes)
    return mend(state.town, prices, nothing, seeds, NO_LOSS, _NO_INDEX, if_open=True)[0]


def _advance_side(state: State, side: Side, stock: Stock, change: _Change) -> Side:
    """Bring one type up to date."""
    if not (change.is_town or change.is_people) and stock is side.stock:
        return replace(side, runs=tuple(replace(run, changed=_NO_INDEX) for run in side.runs))
    sites = stock.sites(state.town.network)
    has_site = _has_site(state, sites)
    connected = _still_connected(state, side, has_site, change)
    n_old = side.connected.size
    flipped = np.flatnonzero(connected[:n_old] != side.connected)
    more = np.concatenate([flipped, np.arange(n_old, connected.size)]).astype(np.int32)
    totals = tuple(table.copy() for table in side.totals)
    old_runs = {run.band: run for run in side.runs}
    edges = np.concatenate([change.streets.edges, _edges_of(stock, change), _edges_of(side.stock, change)])
    runs = []
    for (band, speed), weights in zip(state.bands, state.weights, strict=True):
        old = old_runs.get(band)
        if old is None:
            run = _solve_run(state, sites, connected, band, speed)
            _move_people(totals, state.people, _NO_INDEX, np.empty(0, np.uint8), None, run.status, weights)
        else:
            run = _advance_run(state, old, sites, connected, change, edges, more)
            _move_people(totals, state.people, run.changed, old.status, n_old, run.status, weights)
        runs.append(run)
    return Side(stock, connected, has_site, tuple(runs), totals)


def _still_connected(state: State, side: Side, has_site: Bool, change: _Change) -> Bool:
    """Tell which points share a part of the network with a facility, as before where nothing speaks against it."""
    if change.is_gate:
        # Gates join and part nothing.
        return side.connected
    if change.slug is not None and np.array_equal(has_site, side.has_site):
        return side.connected
    return is_connected(state.people, state.town.network, has_site)


def _edges_of(stock: Stock, change: _Change) -> Int32:
    """Return the edges on which the edited facility stands."""
    if change.slug != stock.slug or change.row >= len(stock.ids):
        return _NO_INDEX
    links: tuple[PointLinks, ...] = (stock.links, *stock.links.also)
    edges = np.array([one.edge[change.row] for one in links], np.int32)
    return edges[edges >= 0]


def _advance_run(
    state: State, old: Run, sites: Sites, connected: Bool, change: _Change, edges: Int32, more: Int32
) -> Run:
    """Mend one search and look again at the points it concerns."""
    town, people = state.town, state.people
    prices = town.prices[old.speed_mps]
    seeds = old.seeds
    values, if_open = old.values, old.if_open
    is_any_shut = town.gates.is_any_shut
    everybody = is_any_shut != change.old_shut
    touched = [_NO_INDEX]
    if change.is_town or change.slug is not None:
        is_gate_only = change.is_town and change.streets.edges.size == 0
        seeds = old.seeds if is_gate_only else find_seeds(town, prices, sites)
        # A facility on a street that a compound took in enters one floor below and comes up by the stairs at no cost.
        lost = np.flatnonzero(old.seeds.label == change.row) if change.slug is not None else _NO_INDEX
        loss = Loss(old.seeds.node[lost], old.seeds.primary[lost])
        shut = shut_loss(town, prices, values, change.streets)
        both = Loss(np.concatenate([loss.node, shut.node]), np.concatenate([loss.primary, shut.primary]))
        values, nodes = mend(town, prices, values, seeds, both, change.streets.again, if_open=False)
        touched.append(nodes)
        if if_open is not None and not is_gate_only:
            if_open, nodes = mend(town, prices, if_open, seeds, loss, change.streets.again, if_open=True)
            touched.append(nodes)
        if not is_any_shut:
            if_open = None
        elif if_open is None:
            if_open = _solve_open(state, prices, seeds)
    grown = _longer(old, people.n_points)
    run = replace(grown, values=values, if_open=if_open, seeds=seeds)
    nodes = np.concatenate(touched)
    if everybody:
        rows = np.arange(people.n_points, dtype=np.int32)
    elif nodes.size == 0 and edges.size == 0:
        rows = more
    else:
        graph, further = town.graph, people.further
        # A point on a private edge reads the stop's node on the floor of private starts.
        stop_edge = np.tile(town.network.stops.edge, 2)
        stop_node = np.concatenate([graph.stop_node, graph.start_row[graph.stop_node]])
        there = stop_node >= 0
        rows = points_beside(
            nodes, edges, graph.first, graph.last, graph.edge, stop_edge[there], stop_node[there],
            people.edge_start, people.edge_order, further.point, further.edge, people.n_points, town.network.n_edges,
        )  # fmt: skip
        if more.size:
            rows = np.union1d(rows, more).astype(np.int32)
    return _look_again(state, run, sites, connected, rows, old)


def _longer(run: Run, n: int) -> Run:
    """Make room for new points."""
    more = n - run.best.size
    if more == 0:
        return run
    pad = empty_values(more)
    return replace(
        run,
        best=np.concatenate([run.best, pad.best]),
        second=np.concatenate([run.second, pad.second]),
        label=np.concatenate([run.label, pad.label]),
        status=np.concatenate([run.status, np.zeros(more, np.uint8)]),
    )


def _look_again(state: State, run: Run, sites: Sites, connected: Bool, rows: Int32, old: Run | None) -> Run:
    """Evaluate some points and give them their status; note those that changed."""
    town, people = state.town, state.people
    prices = town.prices[run.speed_mps]
    links, further = people.links, people.further
    found = evaluate_rows(town, prices, sites, run.values, links, further, rows)
    beyond = found.best > prices.cutoff
    found.best[beyond], found.second[beyond], found.label[beyond] = np.inf, np.inf, -1

    def if_open(which: Int32) -> Bool:
        assert run.if_open is not None
        asked = evaluate_rows(town, prices, sites, run.if_open, links, further, rows[which])
        return np.asarray(asked.best <= prices.limit, np.bool_)

    status = judge(
        state.linked[rows],
        connected[rows],
        found.best <= prices.limit,
        None if run.if_open is None else if_open,
    )
    if old is None:
        return replace(run, best=found.best, second=found.second, label=found.label, status=status, changed=None)
    differs = (run.best[rows] != found.best) | (run.status[rows] != status)
    differs |= (run.label[rows] != found.label) | (run.second[rows] != found.second)
    differs |= rows >= old.best.size
    keep = np.flatnonzero(differs)
    at = rows[keep]
    if at.size == 0:
        return replace(run, changed=at)
    best, second, label, codes = run.best.copy(), run.second.copy(), run.label.copy(), run.status.copy()
    best[at], second[at] = found.best[keep], found.second[keep]
    label[at], codes[at] = found.label[keep], status[keep]
    return replace(run, best=best, second=second, label=label, status=codes, changed=at)


def _move_people(
    totals: tuple[Int, ...],
    people: People,
    rows: Int32 | None,
    old_status: UInt8,
    n_old: int | None,
    status: UInt8,
    weights: Int,
) -> None:
    """Take people out of their old status and into the new one, in place; without old ones add everybody."""
    indices: tuple[Int32 | None, ...] = (None, *(level.index for level in people.levels))
    for table, index in zip(totals, indices, strict=True):
        if n_old is None or rows is None:
            at = status if index is None else index.astype(np.int64) * N_STATUS + status
            table += sum_by(at.astype(np.int64), weights, table.size).reshape(table.shape)
            continue
        was = rows[rows < n_old]
        flat = table.reshape(-1)
        for sign, these, codes in ((-1, was, old_status[was]), (1, rows, status[rows])):
            place = codes.astype(np.int64)
            if index is not None:
                place += index[these].astype(np.int64) * N_STATUS
            np.add.at(flat, place, sign * weights[these])
