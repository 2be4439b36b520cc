"""Use cases, one a function: each takes a session and never commits."""
