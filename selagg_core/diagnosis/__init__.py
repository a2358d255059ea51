"""Claims and maps -> findings."""
