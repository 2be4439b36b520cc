"""The tables, one module per noun."""

from __future__ import annotations

from geo.store.tables.base import NEVER, Base, Versioned
from geo.store.tables.demand import DemandPoint, ResidentialLand
from geo.store.tables.derived import CoverageCell, CoverageGap, DemandCell
from geo.store.tables.division import AdminDivision
from geo.store.tables.facility import Facility, FacilityFootprint
from geo.store.tables.record import (
    AnalysisResult,
    AnalysisRun,
    AuditEntry,
    Import,
    JournalEntry,
    LayerRevision,
    StoreInfo,
)
from geo.store.tables.street import Barrier, Gate, StreetSegment
from geo.store.tables.work import Job, Scenario

__all__ = [
    "NEVER",
    "AdminDivision",
    "AnalysisResult",
    "AnalysisRun",
    "AuditEntry",
    "Barrier",
    "Base",
    "CoverageCell",
    "CoverageGap",
    "DemandCell",
    "DemandPoint",
    "Facility",
    "FacilityFootprint",
    "Gate",
    "Import",
    "Job",
    "JournalEntry",
    "LayerRevision",
    "ResidentialLand",
    "Scenario",
    "StoreInfo",
    "StreetSegment",
    "Versioned",
]
