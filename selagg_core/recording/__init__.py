"""What is recorded of a sampling run: sums of attention by head and column, and the words they belong to."""
