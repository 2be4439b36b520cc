"""Small OSM files for tests: XML text, or binary through osmium's own writer."""

from __future__ import annotations

import bz2
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import quoteattr

import osmium
from osmium.osm.mutable import Node, Relation, Way

Tags = Mapping[str, str]

LON, LAT = 118.05, 36.80
STEP = 0.001  # about 89 m east, 111 m north


@dataclass
class OsmFile:
    """Nodes on a grid of `STEP`, ways and multipolygons, in the order they are added."""

    places: dict[int, tuple[float, float]] = field(default_factory=dict)
    node_tags: dict[int, Tags] = field(default_factory=dict)
    ways: list[tuple[int, Sequence[int], Tags]] = field(default_factory=list)
    relations: list[tuple[int, Sequence[tuple[int, str]], Tags]] = field(default_factory=list)

    def node(self, number: int, x: float, y: float, **tags: str) -> OsmFile:
        """Add a node `x`, `y` steps from the corner; ``__`` in a key stands for a colon."""
        self.places[number] = (round(LON + x * STEP, 7), round(LAT + y * STEP, 7))
        self.node_tags[number] = _keys(tags)
        return self

    def way(self, number: int, refs: Sequence[int], **tags: str) -> OsmFile:
        """Add a way, a footway unless tagged."""
        self.ways.append((number, refs, _keys(tags) or {"highway": "footway"}))
        return self

    def multipolygon(self, number: int, members: Sequence[tuple[int, str]], **tags: str) -> OsmFile:
        """Add a multipolygon relation."""
        self.relations.append((number, members, {"type": "multipolygon", **_keys(tags)}))
        return self

    def xml(self, *, ways_first: bool = False) -> str:
        """Return the file as OSM XML."""
        nodes = [
            f'<node id="{number}" lon="{lon}" lat="{lat}">{_tags(self.node_tags[number])}</node>'
            for number, (lon, lat) in self.places.items()
        ]
        ways = [
            f'<way id="{number}">{"".join(f"<nd ref={quoteattr(str(ref))}/>" for ref in refs)}{_tags(tags)}</way>'
            for number, refs, tags in self.ways
        ]
        relations = [
            f'<relation id="{number}">'
            + "".join(f'<member type="way" ref="{ref}" role="{role}"/>' for ref, role in members)
            + f"{_tags(tags)}</relation>"
            for number, members, tags in self.relations
        ]
        body = [*ways, *nodes, *relations] if ways_first else [*nodes, *ways, *relations]
        return '<?xml version="1.0" encoding="UTF-8"?><osm version="0.6">' + "".join(body) + "</osm>"

    def save(self, path: Path) -> Path:
        """Write the file in the format its ending names."""
        if path.name.endswith(".pbf"):
            with osmium.SimpleWriter(path, overwrite=True) as writer:
                for number, place in self.places.items():
                    writer.add_node(Node(id=number, location=place, tags=dict(self.node_tags[number])))
                for number, refs, tags in self.ways:
                    writer.add_way(Way(id=number, nodes=list(refs), tags=dict(tags)))
                for number, members, tags in self.relations:
                    listed = [("w", ref, role) for ref, role in members]
                    writer.add_relation(Relation(id=number, members=listed, tags=dict(tags)))
            return path
        data = self.xml().encode()
        if path.suffix == ".gz":
            data = gzip.compress(data)
        elif path.suffix == ".bz2":
            data = bz2.compress(data)
        path.write_bytes(data)
        return path


def _keys(tags: Tags) -> dict[str, str]:
    return {key.replace("__", ":"): value for key, value in tags.items()}


def _tags(tags: Tags) -> str:
    return "".join(f"<tag k={quoteattr(key)} v={quoteattr(value)}/>" for key, value in tags.items())
