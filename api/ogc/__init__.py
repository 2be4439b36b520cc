"""The OGC API: Features, CRS, CQL2 and Tiles on every served layer."""
