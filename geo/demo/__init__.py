"""The fictional city 示范市: a deterministic generator of the input files a bureau would have."""
