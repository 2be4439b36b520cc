"""Search, sums, gaps and indicators of every facility type: the arithmetic of a coverage run, without the store."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Final

import geopandas as gpd
import numpy as np

from geo.access.coverage import certify
from geo.access.gap_area import CellIndex
from geo.access.gaps import GapDemand, GapList, GapRules, find_gaps, persons_by_status
from geo.access.land import Ground, reached_area
from geo.access.membership import Membership, assign_divisions
from geo.access.pairs import HungPoints, count_sites, hang_points
from geo.access.population import ALL_BANDS, UNSPECIFIED, Population
from geo.access.status import Certificates
from geo.access.straight_line import StraightLine, measure_straight, reach_m
from geo.access.summary import BandRun, CoverageSummary, summarise
from geo.arrays import Float, Int32
from geo.catalog.load import facility_type
from geo.indicators import CoverageFacts, LandFacts, UnitFacts, compute_indicators
from geo.indicators.unit_coverage import count_units
from geo.network.cost import CostBook
from geo.network.link import PointLinks, link_points
from geo.network.model import StreetNetwork
from geo.network.plane import Plane
from geo.network.profile import WalkingProfile
from geo.services.clock import Clock
from geo.services.coverage_model import CoverageRequest, TypeOutcome
from geo.services.demand import Demand, Supply, ranks

THREADS: Final = 2

Bands = Sequence[tuple[str, float]]
"""Names of the groups that are searched for, with their speeds."""


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
    ground : Ground or None
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
    ground: Ground | None
    plane: Plane
    x: Float
    y: Float
    cells: CellIndex


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
    run = _Run(prepared, request, network, profile, CostBook(network, profile, request.at), clock or Clock())
    bands = _bands(request, profile, prepared.demand.population)
    with run.clock.stage("link"):
        sites = [link_points(network, supply.lon, supply.lat) for supply in supplies]
    # One queue for everything, the longest first. Tasks wait only for tasks ahead of them, which are at work or done
    # by then, so nothing can block; most of the work is done outside Python's lock.
    with ThreadPoolExecutor(THREADS) as pool:
        hung = pool.submit(hang_points, network, prepared.links)
        lands = [pool.submit(run.land, links, bands) for links in sites]
        # A single band leaves no other task to share the threads with.
        threads = THREADS if len(bands) == 1 else 1
        counts = [pool.submit(run.count, sites, hung, speed, threads) for _, speed in bands]
        certificates = [
            [pool.submit(run.certify, links, supply, speed) for _, speed in bands]
            for links, supply in zip(sites, supplies, strict=True)
        ]
        straights = [pool.submit(run.straight, supply) for supply in supplies]
        band_runs = [
            pool.submit(run.band_runs, bands, certificates[position], counts, position)
            for position in range(len(supplies))
        ]
        gaps = [pool.submit(run.gaps, *pair) for pair in zip(band_runs, straights, strict=True)]
        summaries = [pool.submit(run.summary, *pair) for pair in zip(band_runs, straights, strict=True)]
        return tuple(
            run.outcome(supply, links, one.result(), summary.result(), gap.result(), land.result())
            for supply, links, one, summary, gap, land in zip(
                supplies, sites, band_runs, summaries, gaps, lands, strict=True
            )
        )


@dataclass(frozen=True, slots=True)
class _Run:
    """The tasks of one run."""

    prepared: Prepared
    request: CoverageRequest
    network: StreetNetwork
    profile: WalkingProfile
    book: CostBook
    clock: Clock

    def certify(self, links: PointLinks, supply: Supply, speed_mps: float) -> Certificates:
        """Search for the nearest of one type at one speed."""
        with self.clock.stage("search"):
            return certify(
                self.network,
                self.prepared.links,
                links,
                facility_rank=ranks(supply.n_open),
                limit=self.request.limit,
                speed_mps=speed_mps,
                profile=self.profile,
                at=self.request.at,
                cutoff_min=self.request.cutoff_min,
                book=self.book,
            )

    def count(
        self, sites: Sequence[PointLinks], hung: Future[HungPoints], speed_mps: float, threads: int
    ) -> list[Int32]:
        """Count the facilities of every type within the limit at one speed."""
        points = hung.result()
        with self.clock.stage("choices"):
            return count_sites(
                self.network,
                self.prepared.links,
                sites,
                limit=self.request.limit,
                speed_mps=speed_mps,
                profile=self.profile,
                at=self.request.at,
                threads=threads,
                hung=points,
                costs=self.book.walk(speed_mps, self.request.limit.measure),
            )

    def land(self, sites: PointLinks, bands: Bands) -> LandFacts | None:
        """Measure the residential land within reach of one type; None where the store has no such land."""
        if self.prepared.ground is None:
            return None
        with self.clock.stage("land"):
            # Land has no age: with bands it is measured at the profile's default speed.
            speed = self.profile.default_speed_mps if self.request.by_band else bands[0][1]
            reached_m2 = reached_area(
                self.network,
                sites,
                self.prepared.ground,
                self.request.limit,
                speed_mps=speed,
                profile=self.profile,
                at=self.request.at,
                costs=self.book.walk(speed, self.request.limit.measure),
            )
            return LandFacts(reached_m2, self.prepared.ground.total_m2)

    def straight(self, supply: Supply) -> StraightLine:
        """Measure the straight lines to the nearest of one type."""
        with self.clock.stage("summary"):
            x, y = self.prepared.plane.forward(supply.lon, supply.lat)
            return measure_straight(self.prepared.x, self.prepared.y, x, y)

    def band_runs(
        self,
        bands: Bands,
        certificates: Sequence[Future[Certificates]],
        counts: Sequence[Future[list[Int32]]],
        position: int,
    ) -> tuple[BandRun, ...]:
        """Put together what was found for the bands of one type."""
        asked = self.request
        return tuple(
            BandRun(
                band,
                speed,
                reach_m(metres=asked.metres, minutes=asked.minutes, speed_mps=speed),
                found.result(),
                count.result()[position],
            )
            for (band, speed), found, count in zip(bands, certificates, counts, strict=True)
        )

    def summary(self, band_runs: Future[tuple[BandRun, ...]], straight: Future[StraightLine]) -> CoverageSummary:
        """Sum one type's certificates."""
        runs, lines = band_runs.result(), straight.result()
        with self.clock.stage("summary"):
            return summarise(self.prepared.demand.population, self.prepared.membership, runs, lines)

    def gaps(self, band_runs: Future[tuple[BandRun, ...]], straight: Future[StraightLine]) -> GapList:
        """Gather one type's uncovered people.

        With several bands a cell is a gap where at least half its people are uncovered.
        """
        runs, lines = band_runs.result(), straight.result()
        prepared = self.prepared
        with self.clock.stage("gaps"):
            population = prepared.demand.population
            weights = [population.of_band(run.band) for run in runs]
            persons = persons_by_status([run.certificates.status for run in runs], weights)
            # The walk that describes a gap is that of its slowest band: length and facility hardly differ.
            slowest = min(runs, key=lambda run: run.speed_mps or 0.0).certificates
            demand = GapDemand(
                prepared.x, prepared.y, persons, population.unit, slowest.facility, slowest.walk_m
            )
            rules = GapRules(least_uncovered_share=0.5 if len(runs) > 1 else 0.0, minimum_persons=1)
            names = prepared.membership.levels[-1] if prepared.membership.levels else None
            return find_gaps(
                demand, prepared.plane, rules=rules, straight=lines, divisions=names, grid=prepared.cells
            )

    def outcome(
        self,
        supply: Supply,
        links: PointLinks,
        band_runs: tuple[BandRun, ...],
        summary: CoverageSummary,
        gaps: GapList,
        land: LandFacts | None,
    ) -> TypeOutcome:
        """Compute one type's indicators."""
        figures = compute_indicators(
            CoverageFacts(
                tally=summary.overall.tally,
                limit_m=self.request.metres,
                limit_min=self.request.minutes,
                speed_mps=None if self.request.by_band else band_runs[0].speed_mps,
                land=land,
                units=_units(supply, self.prepared.divisions, self.request.on),
            )
        )
        return TypeOutcome(supply, links.is_linked, band_runs, summary, gaps, figures)


def _bands(
    request: CoverageRequest, profile: WalkingProfile, population: Population
) -> Bands:
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
