"""The compiled street network of a store, kept in a cache folder and keyed by the revisions of what it is made of."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections import OrderedDict
from pathlib import Path

from geo.errors import ConflictError, DataSourceError
from geo.network.build import compile_network
from geo.network.model import FORMAT_VERSION, StreetNetwork, load
from geo.store import Session, layers, state

NETWORK_LAYERS = ("street_segments", "gates", "barriers")
SEGMENT_COLUMNS = ("foot", "is_steps", "crossing_share", "oneway_foot", "length_m")
GATE_COLUMNS = ("id", "name", "access", "opening_hours")
KEPT_PER_STORE = 3
KEPT_OPEN = 2


def network_key(session: Session) -> str:
    """Return the name under which the present network of a store is kept.

    Parameters
    ----------
    session : Session
        Any session.

    Returns
    -------
    str
        Store, state of the layers and format, as a folder name.
    """
    return f"{state.store_id(session)}-{state.token(session, NETWORK_LAYERS)}-v{FORMAT_VERSION}"


def open_network(session: Session, cache_dir: Path) -> StreetNetwork:
    """Return the compiled network of a store, compiling it when the streets have changed.

    Parameters
    ----------
    session : Session
        Any session.
    cache_dir : pathlib.Path
        Folder for compiled networks; made when missing.

    Returns
    -------
    StreetNetwork
        The network.

    Raises
    ------
    ConflictError
        The store has no streets yet.
    InputError
        It has no walkable street.
    """
    folder = cache_dir / "networks" / network_key(session)
    try:
        return load(folder)
    except DataSourceError:
        # Not compiled yet, or left incomplete or in an older format: it is only a cache.
        pass
    segments = layers.read_layer(session, "street_segments", columns=SEGMENT_COLUMNS)
    if segments.empty:
        raise ConflictError(
            "数据存储中还没有道路；请先用 fangyu import streets 导入 OSM 提取文件或道路中心线",
            "the store has no streets yet; import an OSM extract or centrelines with fangyu import streets",
        )
    network = compile_network(
        segments,
        layers.read_layer(session, "gates", columns=GATE_COLUMNS),
        layers.read_layer(session, "barriers", columns=("id",)),
    )
    _keep(network, folder)
    return network


class NetworkShelf:
    """The networks a server has open; threads may share it.

    Parameters
    ----------
    cache_dir : pathlib.Path
        Folder for compiled networks.
    """

    def __init__(self, cache_dir: Path) -> None:
        self._cache_dir = cache_dir
        self._open: OrderedDict[str, StreetNetwork] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, session: Session) -> StreetNetwork:
        """Return the network of the state of the store that a session sees.

        Parameters
        ----------
        session : Session
            Any session.

        Returns
        -------
        StreetNetwork
            The network, opened once for each state.

        Raises
        ------
        ConflictError
            The store has no streets yet.
        InputError
            It has no walkable street.
        """
        key = network_key(session)
        # One thread compiles; the others wait for its network instead of compiling it as well.
        with self._lock:
            network = self._open.get(key)
            if network is None:
                network = self._open[key] = open_network(session, self._cache_dir)
            self._open.move_to_end(key)
            while len(self._open) > KEPT_OPEN:
                self._open.popitem(last=False)
            return network


def _keep(network: StreetNetwork, folder: Path) -> None:
    """Write a network beside its final place and move it there, so that nobody ever reads half of one."""
    parent = folder.parent
    parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=".building-", dir=parent))
    try:
        network.save(building)
        shutil.rmtree(folder, ignore_errors=True)
        building.replace(folder)
    except OSError:
        # Another process put the same network there first, or the disk is full: the answer does not need the cache.
        shutil.rmtree(building, ignore_errors=True)
    _forget_old(parent, folder)


def _forget_old(parent: Path, newest: Path) -> None:
    """Remove all but the last few networks of the same store."""
    store_id = newest.name.split("-")[0]
    same = sorted(parent.glob(f"{store_id}-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in same[KEPT_PER_STORE:]:
        shutil.rmtree(old, ignore_errors=True)
