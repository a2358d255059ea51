"""Selective aggregation of cross-attention maps: the part that needs no ComfyUI."""
