"""Which heads speak for a concept."""
