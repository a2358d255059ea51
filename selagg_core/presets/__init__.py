"""Data that ships with the pack: published head relevance, and common words by concept."""
