"""The store: one GeoPackage file or a PostGIS database, behind the same models and repositories."""

from __future__ import annotations

from sqlalchemy.orm import Session

from geo.store.engine import Store, canceller, open_store

__all__ = ["Session", "Store", "canceller", "open_store"]
