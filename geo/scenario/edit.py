"""The edits of a scenario: small frozen records in degrees, compared and hashed by what they say."""

from __future__ import annotations

from dataclasses import dataclass

from geo.network.model import GateAccess


@dataclass(frozen=True, slots=True)
class AddFacility:
    """A new facility.

    Parameters
    ----------
    type : str
        Facility type of the base.
    id : str
        Id that no facility of this type has yet.
    lon, lat : float
        Position in EPSG:4490 degrees.
    capacity : int or None
        Places, where stated.
    hours : str or None
        OSM opening hours, judged at the question's moment; None is always open.
    """

    type: str
    id: str
    lon: float
    lat: float
    capacity: int | None = None
    hours: str | None = None


@dataclass(frozen=True, slots=True)
class MoveFacility:
    """A facility at another place.

    Parameters
    ----------
    type, id : str
        The facility.
    lon, lat : float
        New position in EPSG:4490 degrees.
    """

    type: str
    id: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class CloseFacility:
    """A facility that closes.

    Parameters
    ----------
    type, id : str
        An open facility.
    """

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class ReopenFacility:
    """A facility that opens again: one closed by an edit, or recorded but not open in the base.

    Parameters
    ----------
    type, id : str
        A closed facility.
    """

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class ChangeFacility:
    """Other capacity or hours of a facility; what is None stays as it is.

    Parameters
    ----------
    type, id : str
        The facility.
    capacity : int or None
        Places.
    hours : str or None
        OSM opening hours, judged at the question's moment.
    """

    type: str
    id: str
    capacity: int | None = None
    hours: str | None = None


@dataclass(frozen=True, slots=True)
class AddStreet:
    """A new street, footpath or bridge; it joins other streets at its two ends only.

    Parameters
    ----------
    line : tuple of (float, float)
        Vertices in EPSG:4490 degrees, at least two.
    is_bridge : bool
        A bridge or an underpass: nobody steps onto it between its ends.
    is_steps : bool
        Steps.
    crossing_share : float
        Share of one crossing's waiting time, 0 to 1.
    foot : str
        ``public`` or ``private``.
    oneway : int
        0 both directions, 1 with the line, -1 against it.
    """

    line: tuple[tuple[float, float], ...]
    is_bridge: bool = False
    is_steps: bool = False
    crossing_share: float = 0.0
    foot: str = "public"
    oneway: int = 0


@dataclass(frozen=True, slots=True)
class SetGate:
    """Other access at an existing gate.

    Parameters
    ----------
    id : str
        A gate on the network.
    access : str
        ``open``, ``residents``, ``hours`` or ``closed``.
    hours : str or None
        OSM opening hours; given exactly with ``hours``.
    """

    id: str
    access: GateAccess
    hours: str | None = None


@dataclass(frozen=True, slots=True)
class AddPopulation:
    """A new compound with older people.

    Parameters
    ----------
    id : str
        Name of the compound.
    lon, lat : float
        Position in EPSG:4490 degrees.
    persons : tuple of (str, int)
        People by band, each band once.
    """

    id: str
    lon: float
    lat: float
    persons: tuple[tuple[str, int], ...]


FacilityEdit = AddFacility | MoveFacility | CloseFacility | ReopenFacility | ChangeFacility
Edit = FacilityEdit | AddStreet | SetGate | AddPopulation
