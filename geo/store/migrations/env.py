"""What Alembic runs: the migrations on the connection Fangyu hands over, or on ``alembic -x url=…``."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from geo.store.engine import open_engine, writing
from geo.store.tables import Base


def _migrate(connection: Connection) -> None:
    """Run the migrations inside the connection's transaction."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        transactional_ddl=True,
        render_as_batch=False,  # batch mode drops triggers, geometry types and AUTOINCREMENT: see rebuild.py
    )
    context.run_migrations()


handed = context.config.attributes.get("connection")
if isinstance(handed, Connection):
    _migrate(handed)
else:
    with writing(open_engine(context.get_x_argument(as_dictionary=True)["url"])) as own:
        _migrate(own)
