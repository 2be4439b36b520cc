"""The outer ring of Fangyu: HTTP and the command line."""
