"""Street networks on which people walk: reading, compiling, linking points, gates and walking profiles."""
