"""Splitting polylines at shared nodes, without a Python step per node.

A *polyline table* is one flat run of node positions: feature ``i`` owns positions ``offsets[i]`` to
``offsets[i + 1]``. A node's identity is an integer (an OSM node id, or the number of a distinct coordinate),
never its coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from pyproj import Geod

from geo.arrays import Bool, Float, Int

# CGCS2000 and WGS 84 ellipsoids differ by 0.1 mm in the minor axis: one geodesic serves both.
_GEOD = Geod(a=6378137.0, rf=298.257222101)


@dataclass(frozen=True, slots=True)
class Polylines:
    """Street features as a flat table of nodes.

    Parameters
    ----------
    offsets : ndarray of int, shape (n_features + 1,)
        Where each feature's positions begin.
    nodes : ndarray of int, shape (n_positions,)
        Dense node numbers, 0 to n_nodes - 1.
    lon, lat : ndarray of float, shape (n_nodes,)
        Coordinates by node number, deg; NaN where the file lacks the node.
    """

    offsets: Int
    nodes: Int
    lon: Float
    lat: Float

    @property
    def n_features(self) -> int:
        """Number of features."""
        return len(self.offsets) - 1

    def feature_of_position(self) -> Int:
        """Return the feature each position belongs to.

        Returns
        -------
        ndarray of int, shape (n_positions,)
            Feature indices.
        """
        return np.repeat(np.arange(self.n_features), np.diff(self.offsets))

    def uses(self, features: Bool | None = None) -> Int:
        """Count how often each node is used.

        Parameters
        ----------
        features : ndarray of bool, shape (n_features,), optional
            Count only these features.

        Returns
        -------
        ndarray of int, shape (n_nodes,)
            Number of positions that use the node.
        """
        nodes = self.nodes if features is None else self.nodes[features[self.feature_of_position()]]
        return np.bincount(nodes, minlength=len(self.lon))


@dataclass(frozen=True, slots=True)
class Pieces:
    """Segments cut from polylines, in the order of their features.

    Parameters
    ----------
    feature : ndarray of int, shape (n_segments,)
        Feature each segment is cut from.
    part : ndarray of int, shape (n_segments,)
        Number of the segment within its feature, from 0.
    start, end : ndarray of int, shape (n_segments,)
        End nodes.
    geometry : ndarray of shapely.LineString, shape (n_segments,)
        Lines in the direction of the feature.
    length_m : ndarray of float, shape (n_segments,)
        Geodesic lengths, m.
    n_zero : int
        Pieces without length that were dropped.
    n_cut : int
        Features that lost a part because nodes are missing.
    """

    feature: Int
    part: Int
    start: Int
    end: Int
    geometry: np.ndarray
    length_m: Float
    n_zero: int
    n_cut: int


def number_nodes(offsets: Int, keys: Int, lon: Float, lat: Float) -> tuple[Polylines, Int]:
    """Give the nodes of a polyline table dense numbers and drop repeats in a row.

    Parameters
    ----------
    offsets : ndarray of int, shape (n_features + 1,)
        Where each feature's positions begin.
    keys : ndarray of int, shape (n_positions,)
        Any integer identity of the node at each position.
    lon, lat : ndarray of float, shape (n_positions,)
        Coordinates by position, deg.

    Returns
    -------
    polylines : Polylines
        The same features with dense node numbers.
    node_keys : ndarray of int, shape (n_nodes,)
        Key of each node number, ascending.
    """
    feature = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    keep = np.ones(len(keys), dtype=bool)
    keep[1:] = (keys[1:] != keys[:-1]) | (feature[1:] != feature[:-1])
    node_keys, first, nodes = np.unique(keys[keep], return_index=True, return_inverse=True)
    counts = np.bincount(feature[keep], minlength=len(offsets) - 1)
    new_offsets = np.concatenate(([0], np.cumsum(counts)))
    return Polylines(new_offsets, nodes.reshape(-1), lon[keep][first], lat[keep][first]), node_keys


def split(lines: Polylines, forced: Bool) -> Pieces:
    """Cut features at their ends, at nodes used more than once, at forced nodes and around missing nodes.

    Parameters
    ----------
    lines : Polylines
        The features.
    forced : ndarray of bool, shape (n_nodes,)
        Nodes to cut at though only one feature uses them once (gates, entries of areas).

    Returns
    -------
    Pieces
        Segments; pieces without length are dropped, loops are kept.
    """
    feature = lines.feature_of_position()
    known = np.isfinite(lines.lon)[lines.nodes]
    begins = np.ones(len(feature), dtype=bool)
    begins[1:] = (feature[1:] != feature[:-1]) | ~known[:-1]
    ends = np.ones(len(feature), dtype=bool)
    ends[:-1] = begins[1:] | ~known[1:]
    cut_node = forced | (lines.uses() > 1)
    cut = np.flatnonzero(known & (begins | ends | cut_node[lines.nodes]))
    run = np.cumsum(begins)
    pair = run[cut[1:]] == run[cut[:-1]]
    first, last = cut[:-1][pair], cut[1:][pair]
    coordinates, owner = _gather(lines, first, last)
    length = _lengths(coordinates, owner, len(first))
    keep = length > 0.0
    geometry = np.empty(0, dtype=object)
    if len(first):
        geometry = np.asarray(shapely.linestrings(coordinates, indices=owner), dtype=object)
    kept_feature = feature[first[keep]]
    return Pieces(
        feature=kept_feature,
        part=count_up(kept_feature),
        start=lines.nodes[first[keep]],
        end=lines.nodes[last[keep]],
        geometry=geometry[keep],
        length_m=length[keep],
        n_zero=int(np.count_nonzero(~keep)),
        n_cut=len(np.unique(feature[~known])),
    )


def geodesic_length_m(lon1: Float, lat1: Float, lon2: Float, lat2: Float) -> Float:
    """Return the geodesic distances between pairs of points.

    Parameters
    ----------
    lon1, lat1, lon2, lat2 : ndarray of float
        Coordinates, deg.

    Returns
    -------
    ndarray of float
        Distances, m.
    """
    length: Float = np.asarray(_GEOD.inv(lon1, lat1, lon2, lat2)[2], dtype=np.float64)
    return length


def _gather(lines: Polylines, first: Int, last: Int) -> tuple[Float, Int]:
    """Coordinates of all segments one after the other, and the segment each belongs to."""
    size = last - first + 1
    owner = np.repeat(np.arange(len(first)), size)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(size) - size, size)
    nodes = lines.nodes[first[owner] + within]
    return np.column_stack([lines.lon[nodes], lines.lat[nodes]]), owner


def _lengths(coordinates: Float, owner: Int, n_segments: int) -> Float:
    """Geodesic length of each segment, m."""
    if not n_segments:
        return np.empty(0)
    step = geodesic_length_m(coordinates[:-1, 0], coordinates[:-1, 1], coordinates[1:, 0], coordinates[1:, 1])
    inside = owner[1:] == owner[:-1]
    total: Float = np.bincount(owner[1:][inside], weights=step[inside], minlength=n_segments).astype(np.float64)
    return total


def count_up(groups: Int) -> Int:
    """Number the members of each group from 0.

    Parameters
    ----------
    groups : ndarray of int
        Group numbers, equal ones next to each other.

    Returns
    -------
    ndarray of int
        0, 1, 2 … within each group.
    """
    if not len(groups):
        return np.empty(0, dtype=np.int64)
    begins = np.concatenate(([True], groups[1:] != groups[:-1]))
    counted: Int = np.arange(len(groups)) - np.flatnonzero(begins)[np.cumsum(begins) - 1]
    return counted
