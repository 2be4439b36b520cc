"""Alembic migrations of the store; `HEAD` spares the ordinary opening the import of Alembic."""

from __future__ import annotations

HEAD = "0010"
"""The revision this software writes and reads."""
