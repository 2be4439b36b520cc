"""Walking access: nearest facility, certificates, aggregates, gaps, circles."""
