"""The text: words, the columns that carry them, and what its words can mean."""
