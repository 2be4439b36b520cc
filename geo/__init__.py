"""Domain and analysis of Fangyu: no HTTP, no environment variables, no printing."""
