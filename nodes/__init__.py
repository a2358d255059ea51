"""The ComfyUI side of the pack."""
