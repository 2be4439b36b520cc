"""Vector tiles: where a tile lies, and what it is made of. Nothing here knows HTTP or a database."""
