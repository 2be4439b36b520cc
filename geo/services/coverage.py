"""The main job: which older people can walk to which service, and by how much the usual circle errs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version

import geopandas as gpd
import numpy as np
from shapely.geometry.base import BaseGeometry

from geo.access.coverage import CoverageTask, certify_many
from geo.access.gap import CELL_M
from geo.access.gap_area import CellIndex, index_cells
from geo.access.gaps import GapDemand, GapList, GapRules, find_gaps, persons_by_status
from geo.access.isochrone import isochrones
from geo.access.membership import Membership, assign_divisions
from geo.access.pairs import count_sites
from geo.access.population import ALL_BANDS, UNSPECIFIED, Population
from geo.access.straight_line import StraightLine, measure_straight, reach_m
from geo.access.summary import BandRun, summarise
from geo.arrays import Float
from geo.catalog.load import facility_type
from geo.indicators import CoverageFacts, LandFacts, UnitFacts, compute_indicators
from geo.indicators.area_coverage import measure_land, merge_land
from geo.indicators.unit_coverage import count_units
from geo.network.gates import gate_state
from geo.network.link import LINK_CAP_M, PointLinks, link_points
from geo.network.model import StreetNetwork
from geo.network.plane import Plane
from geo.network.profile import WalkingProfile, walking_profile
from geo.services import payload
from geo.services.clock import Clock
from geo.services.coverage_model import CoverageOutcome, CoverageRequest, TypeOutcome
from geo.services.demand import Demand, Supply, ranks, read_demand, read_supply
from geo.services.moment import moment_text
from geo.store import Session, audit, layers, runs

KIND = "coverage"
READ_LAYERS = (
    "demand_points",
    "facilities",
    "admin_divisions",
    "street_segments",
    "gates",
    "barriers",
    "residential_land",
)
THREADS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Everything about the people that does not depend on type, band or limit.

    Parameters
    ----------
    demand : Demand
        The people.
    links : PointLinks
        Their positions on the network.
    membership : Membership
        Their divisions.
    divisions : GeoDataFrame
        The divisions themselves, with code, name, level and parent_code.
    ground : BaseGeometry or None
        Residential land in the plane, each place once; None where the store has none.
    plane : Plane
        The network's plane, in which straight lines and gaps are measured.
    x, y : array of float64, shape (n_demand,)
        Positions in the plane, metres.
    cells : CellIndex
        Their cells, in which gaps are gathered.
    """

    demand: Demand
    links: PointLinks
    membership: Membership
    divisions: gpd.GeoDataFrame
    ground: BaseGeometry | None
    plane: Plane
    x: Float
    y: Float
    cells: CellIndex


def prepare(session: Session, network: StreetNetwork, on: date, clock: Clock | None = None) -> Prepared:
    """Read the people, link them to the network and find their divisions.

    Parameters
    ----------
    session : Session
        Any session.
    network : StreetNetwork
        The compiled network of the same store.
    on : datetime.date
        Date of the divisions.
    clock : Clock, optional
        Takes the time of each stage.

    Returns
    -------
    Prepared
        Arrays in the demand's order.

    Raises
    ------
    ConflictError
        The store holds no demand points.
    """
    clock = clock or Clock()
    with clock.stage("load"):
        demand = read_demand(session)
        divisions = layers.read_layer(
            session, "admin_divisions", columns=("code", "name", "level", "parent_code"), on=on
        )
        homes = layers.read_layer(session, "residential_land", columns=("id",))
        ground = merge_land(list(homes.geometry[homes.geometry.notna()]), network.plane)
    with clock.stage("link"):
        links = link_points(network, demand.lon, demand.lat)
    with clock.stage("divisions"):
        membership = assign_divisions(demand.lon, demand.lat, divisions)
        plane = network.plane
        x, y = plane.forward(demand.lon, demand.lat)
        cells = index_cells(x, y, CELL_M)
    return Prepared(demand, links, membership, divisions, ground, plane, x, y, cells)


def run_coverage(
    session: Session, request: CoverageRequest, *, network: StreetNetwork, actor: str
) -> CoverageOutcome:
    """Answer a coverage question and store the run.

    Parameters
    ----------
    session : Session
        A writing session.
    request : CoverageRequest
        What is asked.
    network : StreetNetwork
        The compiled network of the same store.
    actor : str
        Who asks.

    Returns
    -------
    CoverageOutcome
        The result; also stored as an analysis run with its arrays.

    Raises
    ------
    NotFoundError
        A facility type is not in the catalogue.
    ConflictError
        The store holds no demand points.
    """
    clock = Clock()
    with clock.stage("load"):
        supplies = [read_supply(session, slug, request.on) for slug in request.types]
    prepared = prepare(session, network, request.on, clock)
    profile = walking_profile()
    types = analyse(prepared, supplies, request, network=network, profile=profile, clock=clock)
    parameters = run_parameters(request, profile, prepared.demand)
    content_hash = _content_hash(parameters, prepared.demand, types)
    outcome = CoverageOutcome(
        run_id=f"cov-{content_hash[:12]}",
        content_hash=content_hash,
        request=request,
        parameters=parameters,
        demand=prepared.demand,
        types=types,
        network=_network_facts(network, request),
        seconds=clock.seconds,
    )
    with clock.stage("store"):
        _save(session, outcome, actor)
    return outcome


def analyse(
    prepared: Prepared,
    supplies: Sequence[Supply],
    request: CoverageRequest,
    *,
    network: StreetNetwork,
    profile: WalkingProfile,
    clock: Clock | None = None,
) -> tuple[TypeOutcome, ...]:
    """Search, sum and gather gaps for every type.

    Parameters
    ----------
    prepared : Prepared
        The people.
    supplies : sequence of Supply
        Open facilities, one entry a type.
    request : CoverageRequest
        What is asked.
    network : StreetNetwork
        The network.
    profile : WalkingProfile
        Speeds, stairs and crossings.
    clock : Clock, optional
        Takes the time of each stage.

    Returns
    -------
    tuple of TypeOutcome
        In the order of the supplies.
    """
    clock = clock or Clock()
    bands = _bands(request, profile, prepared.demand.population)
    with clock.stage("link"):
        sites = [link_points(network, supply.lon, supply.lat) for supply in supplies]
    with clock.stage("search"):
        tasks = [
            CoverageTask(links, ranks(supply.n_open), request.limit, speed)
            for links, supply in zip(sites, supplies, strict=True)
            for _, speed in bands
        ]
        certificates = certify_many(
            network,
            prepared.links,
            tasks,
            profile=profile,
            at=request.at,
            cutoff_min=request.cutoff_min,
            threads=THREADS,
        )
    with clock.stage("choices"):
        counts = [
            count_sites(
                network,
                prepared.links,
                sites,
                limit=request.limit,
                speed_mps=speed,
                profile=profile,
                at=request.at,
                threads=THREADS,
            )
            for _, speed in bands
        ]

    def finish(position: int) -> TypeOutcome:
        radii = [reach_m(metres=request.metres, minutes=request.minutes, speed_mps=speed) for _, speed in bands]
        found = certificates[position * len(bands) : (position + 1) * len(bands)]
        band_runs = tuple(
            BandRun(band, speed, radius, one, count[position])
            for (band, speed), radius, one, count in zip(bands, radii, found, counts, strict=True)
        )
        return _finish_type(
            prepared,
            supplies[position],
            sites[position],
            band_runs,
            request,
            network=network,
            profile=profile,
            clock=clock,
        )

    # Types do not depend on each other, and most of the work is done outside Python's lock.
    with ThreadPoolExecutor(THREADS) as pool:
        return tuple(pool.map(finish, range(len(supplies))))


def _finish_type(
    prepared: Prepared,
    supply: Supply,
    links: PointLinks,
    band_runs: tuple[BandRun, ...],
    request: CoverageRequest,
    *,
    network: StreetNetwork,
    profile: WalkingProfile,
    clock: Clock,
) -> TypeOutcome:
    """Sum one type's certificates, gather its gaps and compute its indicators."""
    single_speed = None if request.by_band else band_runs[0].speed_mps
    with clock.stage("summary"):
        x, y = prepared.plane.forward(supply.lon, supply.lat)
        straight = measure_straight(prepared.x, prepared.y, x, y)
        summary = summarise(prepared.demand.population, prepared.membership, band_runs, straight)
    with clock.stage("gaps"):
        gaps = _gaps(prepared, band_runs, straight)
    with clock.stage("land"):
        # Land has no age: with bands it is measured at the profile's default speed.
        speed = single_speed or profile.default_speed_mps
        land = _land(prepared, links, request, speed, network=network, profile=profile)
    figures = compute_indicators(
        CoverageFacts(
            tally=summary.overall.tally,
            limit_m=request.metres,
            limit_min=request.minutes,
            speed_mps=single_speed,
            land=land,
            units=_units(supply, prepared.divisions, request.on),
        )
    )
    return TypeOutcome(supply, int(links.is_linked.sum()), band_runs, summary, gaps, figures)


def _bands(
    request: CoverageRequest, profile: WalkingProfile, population: Population
) -> list[tuple[str, float]]:
    """Return the groups that are searched for, with their speeds."""
    if not request.by_band:
        return [(ALL_BANDS, request.speed_mps or profile.default_speed_mps)]
    names = population.present_bands or (UNSPECIFIED,)
    return [(name, profile.speed_mps(name)) for name in names]


UNIT_LEVELS = {"county": "county", "township": "township", "community": "village"}


def _units(supply: Supply, divisions: gpd.GeoDataFrame, on: date) -> UnitFacts | None:
    """Count the units that have an open facility, at the level of the type's tier (otherwise townships)."""
    name = UNIT_LEVELS.get(facility_type(supply.slug).tier, "township")
    level = assign_divisions(supply.lon, supply.lat, divisions).level(name)
    if level is None or level.n_divisions == 0:
        return None
    return count_units(level, np.ones(supply.n_open, np.bool_), on=on.isoformat())


def _land(
    prepared: Prepared,
    sites: PointLinks,
    request: CoverageRequest,
    speed_mps: float,
    *,
    network: StreetNetwork,
    profile: WalkingProfile,
) -> LandFacts | None:
    """Measure the residential land within reach of the facilities; None where the store has no such land."""
    if prepared.ground is None:
        return None
    reached = isochrones(
        network, sites, [request.limit], speed_mps=speed_mps, profile=profile, at=request.at, threads=1
    )
    return measure_land(reached[0].polygon, prepared.ground, network.plane)


def _gaps(prepared: Prepared, band_runs: Sequence[BandRun], straight: StraightLine) -> GapList:
    """Gather the uncovered people; with several bands a cell is a gap where at least half its people are uncovered."""
    population = prepared.demand.population
    weights = [population.of_band(run.band) for run in band_runs]
    persons = persons_by_status([run.certificates.status for run in band_runs], weights)
    # The walk that describes a gap is that of its slowest band: length and facility hardly differ between bands.
    slowest = min(band_runs, key=lambda run: run.speed_mps or 0.0).certificates
    demand = GapDemand(
        prepared.x, prepared.y, persons, population.unit, slowest.facility, slowest.walk_m
    )
    rules = GapRules(least_uncovered_share=0.5 if len(band_runs) > 1 else 0.0, minimum_persons=1)
    names = prepared.membership.levels[-1] if prepared.membership.levels else None
    return find_gaps(demand, prepared.plane, rules=rules, straight=straight, divisions=names, grid=prepared.cells)


def _network_facts(network: StreetNetwork, request: CoverageRequest) -> dict[str, object]:
    """Return the size of the network and what a planner should look at before believing it."""
    return {
        "nodes": network.n_nodes,
        "edges": network.n_edges,
        "components": network.n_components,
        "gates": len(network.gates.ids),
        "gates_off_street": network.n_unmatched_gates,
        "gates_with_unreadable_hours": sorted(gate_state(network.gates, request.at).unparsable_ids),
    }


def run_parameters(
    request: CoverageRequest, profile: WalkingProfile, demand: Demand
) -> dict[str, object]:
    """Return everything the answer depends on but the data.

    Parameters
    ----------
    request : CoverageRequest
        What is asked.
    profile : WalkingProfile
        Speeds, stairs and crossings.
    demand : Demand
        The people, for their kind and year.

    Returns
    -------
    dict
        JSON values; printed on every report.
    """
    speeds = {band.name: band.speed_mps for band in profile.bands} if request.by_band else None
    return {
        "types": list(request.types),
        "minutes": request.minutes,
        "metres": request.metres,
        "speed_mps": None if request.by_band else request.speed_mps or profile.default_speed_mps,
        "band_speeds_mps": speeds,
        "date": request.on.isoformat(),
        "at": moment_text(request.at),
        "cutoff_min": request.cutoff_min,
        "link_cap_m": LINK_CAP_M,
        "profile": profile.slug,
        "stairs_factor": profile.stairs_factor,
        "signal_delay_s": profile.signal_delay_s,
        "population_kinds": list(demand.kinds),
        "population_years": list(demand.years),
    }


def _content_hash(
    parameters: dict[str, object], demand: Demand, types: Sequence[TypeOutcome]
) -> str:
    """Return the SHA-256 of parameters, people and certificates; row numbers of the store are not in it."""
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True, ensure_ascii=False).encode())
    digest.update("\n".join(map(str, demand.ids)).encode())
    digest.update(np.ascontiguousarray(demand.population.counts).tobytes())
    for outcome in types:
        digest.update("\n".join(map(str, outcome.supply.ids)).encode())
        for run in outcome.runs:
            found = run.certificates
            digest.update(found.status.tobytes())
            digest.update(found.facility.tobytes())
            digest.update(np.round(np.nan_to_num(found.walk_s, nan=-1.0), 6).tobytes())
    return digest.hexdigest()


def _save(session: Session, outcome: CoverageOutcome, actor: str) -> None:
    """Store the run, its arrays and a line in the audit."""
    runs.save_run(
        session,
        runs.RunRecord(
            run_id=outcome.run_id,
            kind=KIND,
            parameters=json.dumps(outcome.parameters, ensure_ascii=False, sort_keys=True),
            revisions=json.dumps({name: layers.revision(session, name) for name in READ_LAYERS}),
            summary=json.dumps(outcome.to_json(), ensure_ascii=False),
            content_hash=outcome.content_hash,
            software_version=version("fangyu"),
            actor=actor,
        ),
    )
    for item in payload.pack_outcome(outcome.demand, [(t.supply, t.runs, t.summary, t.gaps) for t in outcome.types]):
        runs.save_result(session, outcome.run_id, item.type, item.band, item.content)
    audit.append(
        session,
        actor,
        "coverage run",
        outcome.run_id,
        json.dumps({"content_hash": outcome.content_hash, "types": [_audit_facts(t) for t in outcome.types]}),
    )


def _audit_facts(outcome: TypeOutcome) -> dict[str, object]:
    """Return the facts of one type that the audit keeps."""
    people = outcome.summary.overall.tally.persons_json()
    return {"type": outcome.supply.slug, "open": outcome.supply.n_open, "persons": people}
