"""What must be true of staged figures before they are published, run by Great Expectations."""
