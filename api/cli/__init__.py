"""The command line: one module a group, heavy libraries imported inside the commands."""
