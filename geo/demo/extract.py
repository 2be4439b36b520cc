"""Tags: what the layout's ways, gates and areas say in OpenStreetMap's language."""

from __future__ import annotations

import numpy as np
import shapely
from shapely import Polygon

from geo.demo.layout import Layout, is_sidepath
from geo.demo.names import name_estates, words
from geo.demo.plane import Geometries, keys
from geo.demo.write_osm import Area, Extract, Tags, area_rows

GATE_TAGS: dict[str, Tags] = {
    "open": {"barrier": "gate", "access": "yes"},
    "residents": {"barrier": "lift_gate", "access": "private"},
    "hours": {"barrier": "gate", "opening_hours": "06:00-22:00"},
    "closed": {"barrier": "gate", "access": "no", "locked": "yes"},
}


def make_extract(layout: Layout, rng: np.random.Generator) -> Extract:
    """Turn a layout into tagged objects.

    Parameters
    ----------
    layout : Layout
        The city.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    Extract
        Content of the street file.
    """
    terrain = layout.terrain
    tags = _way_tags(layout)
    extra = [
        (terrain.river, {"waterway": "river", "name": "示范河"}),
        (terrain.tributary, {"waterway": "river", "name": "小沙河"}),
        (terrain.railway, {"railway": "rail", "name": "示范铁路", "usage": "main"}),
        (
            terrain.motorway,
            {"highway": "motorway", "name": "示范高速公路", "ref": "S99", "bridge": "yes", "layer": "2"},
        ),
    ]
    lines = [np.array(line.coords) for line, _ in extra]
    size = np.array([len(line) for line in lines])
    start = np.concatenate([layout.ways.start, layout.ways.start[-1] + np.cumsum(size)])
    gates = layout.gates
    gate_tags = [GATE_TAGS[str(access)] for access in gates.access]
    signal_xy, signal_tags = _signals(layout)
    return Extract(
        start=start,
        xy=np.concatenate([layout.ways.xy, *lines]),
        tags=tags + [more for _, more in extra],
        point_xy=np.concatenate([gates.xy, signal_xy]),
        point_tags=gate_tags + signal_tags,
        areas=_areas(layout, rng),
    )


def _way_tags(layout: Layout) -> list[Tags]:
    """Return the tags of every way of the layout."""
    ways = layout.ways
    private = layout.plots.access == "residents"
    sidepath = is_sidepath(ways)
    zh, en = layout.road_names.zh, layout.road_names.en
    use = layout.plots.use
    out: list[Tags] = []
    for number, (kind, role, mark, line) in enumerate(
        zip(ways.kind.tolist(), ways.role.tolist(), ways.mark.tolist(), ways.line.tolist(), strict=True)
    ):
        if role == "wall":
            out.append({"barrier": "fence" if use[line] == "public" else "wall"})
            continue
        tags: Tags = {"highway": kind}
        if role == "inner":
            if private[line]:
                tags["access"] = "private"
        else:
            if zh[line] is not None and mark != "unnamed":
                tags["name"] = zh[line]
            if en[line] is not None and mark != "unnamed":
                tags["name:en"] = en[line]
            if role == "sidewalk":
                tags["footway"] = "sidewalk"
            if sidepath[number]:
                tags["foot"] = "use_sidepath"
                tags["sidewalk"] = "separate"
        _add_mark(tags, mark)
        out.append(tags)
    return out


def _add_mark(tags: Tags, mark: str) -> None:
    """Add what a way's mark means."""
    if mark == "bridge":
        tags.update(bridge="yes", layer="1")
    elif mark == "underpass":
        tags.update(tunnel="yes", layer="-1")
    elif mark in ("signals", "marked"):
        tags.update(footway="crossing", crossing="traffic_signals" if mark == "signals" else "marked")


def _signals(layout: Layout) -> tuple[np.ndarray, list[Tags]]:
    """Set traffic signals where main streets meet."""
    ways = layout.ways
    main = ways.take(is_sidepath(ways))
    key = keys(main.xy)
    way = np.repeat(np.arange(len(main)), np.diff(main.start))
    order = np.lexsort([way, key])
    same = (np.diff(key[order]) == 0) & (main.line[way[order][1:]] != main.line[way[order][:-1]])
    spots = order[1:][same]
    _, first = np.unique(key[spots], return_index=True)
    xy = main.xy[spots[np.sort(first)]]
    return xy, [{"highway": "traffic_signals"} for _ in range(len(xy))]


def _areas(layout: Layout, rng: np.random.Generator) -> list[Area]:
    """Draw land use and water."""
    plots, terrain = layout.plots, layout.terrain
    names = name_estates(len(plots.use), rng)
    out: list[Area] = []
    landuse = {"commercial": "commercial", "public": "education", "industry": "industrial"}
    parks = words()["roads"]["landscape"]
    for number, (area, use) in enumerate(zip(plots.area, plots.use.tolist(), strict=True)):
        if use in landuse:
            out.append(Area(area, {"landuse": landuse[use]}))
        elif use == "park":
            out.append(Area(area, {"leisure": "park", "name": parks[number % len(parks)].split()[0] + "公园"}))
        elif use == "village":
            out.append(Area(area, {"landuse": "residential", "place": "village"}))
        else:
            named = {"name": str(names[number])} if use == "compound" else {}
            out.append(Area(area, {"landuse": "residential", **named}))
    flow: Geometries = shapely.intersection([terrain.river_area, terrain.tributary_area], terrain.outline.buffer(3000))
    out += area_rows(flow, {"natural": "water", "water": "river"})
    banks = [terrain.river_area.buffer(80), *(lake.buffer(55) for lake in terrain.lakes)]
    wet = shapely.union_all([terrain.river_area, *terrain.lakes])
    strips: Geometries = shapely.get_parts(shapely.difference(shapely.intersection(banks, terrain.city), wet))
    out += area_rows(strips, {"leisure": "park", "name": "滨水公园"})
    for lake in terrain.lakes:
        rest = shapely.difference(lake, terrain.island)
        out += [
            Area(part, {"natural": "water", "water": "lake"})
            for part in shapely.get_parts(rest)
            if isinstance(part, Polygon)
        ]
    return out
