"""The main job: which older people can walk to which service, and by how much the usual circle errs."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version

import numpy as np

from geo.access.gap import CELL_M
from geo.access.gap_area import index_cells
from geo.access.membership import assign_divisions
from geo.indicators.area_coverage import merge_land
from geo.network.gates import gate_state
from geo.network.link import LINK_CAP_M, link_points
from geo.network.model import StreetNetwork
from geo.network.profile import WalkingProfile, walking_profile
from geo.services import payload
from geo.services.clock import Clock
from geo.services.coverage_analysis import Prepared, analyse
from geo.services.coverage_model import CoverageOutcome, CoverageRequest, TypeOutcome
from geo.services.demand import Demand, read_demand, read_supply
from geo.services.moment import moment_text
from geo.services.people_cells import people_cells
from geo.services.run_layers import write_layers
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
    outcome = compute_coverage(session, request, network=network)
    save_coverage(session, outcome, actor)
    return outcome


def compute_coverage(
    session: Session, request: CoverageRequest, *, network: StreetNetwork, clock: Clock | None = None
) -> CoverageOutcome:
    """Answer a coverage question without storing anything: the long part, which needs no lock on the store.

    Parameters
    ----------
    session : Session
        Any session; everything is read in its one state of the store.
    request : CoverageRequest
        What is asked.
    network : StreetNetwork
        The compiled network of the same state.
    clock : Clock, optional
        Takes the time of each stage.

    Returns
    -------
    CoverageOutcome
        The result, for `save_coverage`.

    Raises
    ------
    NotFoundError
        A facility type is not in the catalogue.
    ConflictError
        The store holds no demand points.
    """
    clock = clock or Clock()
    with clock.stage("load"):
        supplies = [read_supply(session, slug, request.on) for slug in request.types]
        revisions = {name: layers.revision(session, name) for name in READ_LAYERS}
    prepared = prepare(session, network, request.on, clock)
    profile = walking_profile()
    types = analyse(prepared, supplies, request, network=network, profile=profile, clock=clock)
    parameters = run_parameters(request, profile, prepared.demand)
    content_hash = _content_hash(parameters, prepared.demand, types)
    with clock.stage("layers"):
        found = prepared.demand
        people = people_cells(found.lon, found.lat, found.population, prepared.membership)
    return CoverageOutcome(
        run_id=f"cov-{content_hash[:12]}",
        content_hash=content_hash,
        request=request,
        parameters=parameters,
        demand=prepared.demand,
        types=types,
        network=_network_facts(network, request),
        revisions=revisions,
        people=people,
        seconds=clock.seconds,
    )


def save_coverage(session: Session, outcome: CoverageOutcome, actor: str) -> None:
    """Store a run, its arrays and a line in the audit.

    Parameters
    ----------
    session : Session
        A writing session.
    outcome : CoverageOutcome
        From `compute_coverage`.
    actor : str
        Who asks.
    """
    begun = time.perf_counter()
    _save(session, outcome, actor)
    stored = time.perf_counter()
    write_layers(session, outcome, outcome.people)
    outcome.seconds["store"], outcome.seconds["layers"] = (
        stored - begun,
        outcome.seconds["layers"] + time.perf_counter() - stored,
    )


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
            revisions=json.dumps(outcome.revisions),
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
        kind="edit",
    )


def _audit_facts(outcome: TypeOutcome) -> dict[str, object]:
    """Return the facts of one type that the audit keeps."""
    people = outcome.summary.overall.tally.persons_json()
    return {"type": outcome.supply.slug, "open": outcome.supply.n_open, "persons": people}
