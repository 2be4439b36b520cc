"""Slow plain-Python twins of the fast code: written for being obviously right, not for speed."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

# States of a trip from home to facility: private start, public middle, private end.
START, MIDDLE, END = 0, 1, 2


@dataclass(frozen=True)
class Street:
    """One street of the oracle's network; ``kind`` is public, private or enclosed."""

    u: object
    v: object
    length_m: float
    seconds: float
    kind: str = "public"
    oneway: int = 0


@dataclass(frozen=True)
class Place:
    """A position on a street with its access leg."""

    street: int
    fraction: float
    access_m: float


def walk_graph(
    streets: Sequence[Street],
    places: Sequence[Place],
    gates: dict[object, str],
    *,
    by_time: bool,
    speed_mps: float,
) -> dict[object, list[tuple[object, float, float]]]:
    """Build the product graph of positions and states, with every street cut at every place.

    A gate node becomes one node per street end, with an inside; ``gates`` maps it to open, residents, closed.
    """
    graph: dict[object, list[tuple[object, float, float]]] = defaultdict(list)

    def arc(a: object, b: object, metres: float, seconds: float, moves: Iterable[tuple[int, int]]) -> None:
        primary, carried = (seconds, metres) if by_time else (metres, seconds)
        for old, new in moves:
            graph[(a, old)].append(((b, new), primary, carried))

    private_moves = [(START, START), (MIDDLE, END), (END, END), (START, END)]
    public_moves = [(START, MIDDLE), (MIDDLE, MIDDLE)]
    any_moves = [(START, START), (MIDDLE, MIDDLE), (END, END)]

    def end_of(node: object, street: int, which: int) -> object:
        if node not in gates:
            return ("node", node)
        copy = ("copy", node, street, which)
        moves = {"open": any_moves, "residents": private_moves, "closed": []}[gates[node]]
        arc(copy, ("node", node), 0.0, 0.0, moves)
        arc(("node", node), copy, 0.0, 0.0, moves)
        return copy

    on_street: dict[int, list[int]] = defaultdict(list)
    for index, place in enumerate(places):
        on_street[place.street].append(index)
    for number, street in enumerate(streets):
        moves = {
            "public": public_moves,
            "private": private_moves,
            "neutral": [*public_moves, *private_moves, *any_moves],
        }[street.kind]
        chain: list[tuple[float, object]] = [(0.0, end_of(street.u, number, 0))]
        for index in sorted(on_street[number], key=lambda k: places[k].fraction):
            chain.append((places[index].fraction, ("place", index)))
        chain.append((1.0, end_of(street.v, number, 1)))
        for (f, a), (g, b) in pairwise(chain):
            metres, seconds = (g - f) * street.length_m, (g - f) * street.seconds
            if street.oneway >= 0 or g == f:
                arc(a, b, metres, seconds, moves)
            if street.oneway <= 0 or g == f:
                arc(b, a, metres, seconds, moves)
    return graph


def nearest_by_walking(
    streets: Sequence[Street],
    homes: Sequence[Place],
    facilities: Sequence[Place],
    gates: dict[object, str],
    *,
    by_time: bool,
    speed_mps: float,
) -> list[dict[int, tuple[float, float]]]:
    """Return for each home the primary and carried cost of every facility it can reach."""
    places = [*homes, *facilities]
    graph = walk_graph(streets, places, gates, by_time=by_time, speed_mps=speed_mps)
    answers = []
    for number, home in enumerate(homes):
        reached: dict[object, tuple[float, float]] = {}
        queue: list[tuple[float, float, int, object]] = [(0.0, 0.0, 0, (("place", number), START))]
        ticket = 0
        while queue:
            primary, carried, _, node = heapq.heappop(queue)
            if node in reached:
                continue
            reached[node] = (primary, carried)
            for other, more, extra in graph.get(node, ()):
                if other not in reached:
                    ticket += 1
                    heapq.heappush(queue, (primary + more, carried + extra, ticket, other))
        answer = {}
        for k, facility in enumerate(facilities):
            legs_m = home.access_m + facility.access_m
            leg, leg_extra = (legs_m / speed_mps, legs_m) if by_time else (legs_m, legs_m / speed_mps)
            found = [
                reached[(("place", len(homes) + k), state)]
                for state in (START, MIDDLE, END)
                if (("place", len(homes) + k), state) in reached
            ]
            if found:
                primary, carried = min(found)
                answer[k] = (primary + leg, carried + leg_extra)
        answers.append(answer)
    return answers


def point_to_piece(
    px: float, py: float, ax: float, ay: float, bx: float, by: float
) -> tuple[float, float, float, float]:
    """Return distance, foot and share along the piece of the point nearest to p."""
    dx, dy = bx - ax, by - ay
    square = dx * dx + dy * dy
    t = 0.0 if square == 0 else max(0.0, min(1.0, ((px - ax) * dx + (py - ay) * dy) / square))
    fx, fy = ax + t * dx, ay + t * dy
    return math.hypot(fx - px, fy - py), fx, fy, t


def link_by_looking_everywhere(
    lines: Sequence[np.ndarray], walls: Sequence[object], px: float, py: float, cap_m: float
) -> tuple[int, float, float]:
    """Return line, share and distance of the nearest line whose leg crosses no wall, or -1."""
    import shapely

    order = []
    for number, line in enumerate(lines):
        steps = np.hypot(*np.diff(line, axis=0).T)
        before = np.concatenate([[0.0], np.cumsum(steps)])
        best = min(
            (*point_to_piece(px, py, *line[j], *line[j + 1]), j) for j in range(len(line) - 1)
        )  # distance, foot x, foot y, t, piece
        distance, fx, fy, t, j = best
        order.append((distance, number, fx, fy, (before[j] + t * steps[j]) / before[-1]))
    for distance, number, fx, fy, share in sorted(order):
        if distance > cap_m:
            break
        leg = shapely.LineString([(px, py), (fx, fy)])
        if not any(leg.crosses(wall) for wall in walls):
            return number, share, distance
    return -1, math.nan, math.nan
