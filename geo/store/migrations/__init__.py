"""Alembic migrations of the store; `HEAD` spares the ordinary opening the import of Alembic."""

from __future__ import annotations

HEAD = "0009"
"""The revision this software writes and reads."""
