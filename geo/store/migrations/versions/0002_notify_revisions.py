"""A PostGIS store announces that revisions have changed; an embedded store stays as it is."""

from __future__ import annotations

from alembic import op

from geo.store import schema

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Put the trigger on the table of revisions."""
    schema.announce_revisions(op.get_bind())
