"""What the addresses under /api take and answer, one module per resource."""
