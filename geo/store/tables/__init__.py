"""The tables, one module per noun."""

from __future__ import annotations

from geo.store.tables.account import Account, ApiKey, Delegation, LoginAttempts, LoginSession, PastPassword
from geo.store.tables.base import NEVER, Base, Versioned
from geo.store.tables.case import (
    Case,
    CaseAttachment,
    CaseClock,
    CaseComment,
    CaseStep,
    Notice,
    NoticeRead,
)
from geo.store.tables.demand import DemandPoint, ResidentialLand
from geo.store.tables.derived import CoverageCell, CoverageGap, DemandCell
from geo.store.tables.division import AdminDivision
from geo.store.tables.facility import Facility, FacilityFootprint
from geo.store.tables.record import (
    AnalysisResult,
    AnalysisRun,
    AuditEntry,
    AuditHead,
    AuditSeal,
    Import,
    JournalEntry,
    LayerRevision,
    OutsideHold,
    StoreInfo,
)
from geo.store.tables.street import Barrier, Gate, StreetSegment
from geo.store.tables.work import IdempotencyKey, Job, Scenario

__all__ = [
    "NEVER",
    "Account",
    "AdminDivision",
    "AnalysisResult",
    "AnalysisRun",
    "ApiKey",
    "AuditEntry",
    "AuditHead",
    "AuditSeal",
    "Barrier",
    "Base",
    "Case",
    "CaseAttachment",
    "CaseClock",
    "CaseComment",
    "CaseStep",
    "CoverageCell",
    "CoverageGap",
    "Delegation",
    "DemandCell",
    "DemandPoint",
    "Facility",
    "FacilityFootprint",
    "Gate",
    "IdempotencyKey",
    "Import",
    "Job",
    "JournalEntry",
    "LayerRevision",
    "LoginAttempts",
    "LoginSession",
    "Notice",
    "NoticeRead",
    "OutsideHold",
    "PastPassword",
    "ResidentialLand",
    "Scenario",
    "StoreInfo",
    "StreetSegment",
    "Versioned",
]
