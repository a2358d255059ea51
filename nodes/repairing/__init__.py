"""Puts a repair plan into the attention of a sampling run."""
