"""Layers as files: what is written about a layer, and one writer a format; knows rows, no store and no HTTP."""
