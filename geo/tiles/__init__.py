"""Vector tiles: where a tile lies, and how layers are written into one; knows arrays and geometries, no store."""
