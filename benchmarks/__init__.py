"""Measurements: each module is a command that takes seeds or prompts and prints one JSON object last."""
