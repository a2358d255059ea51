"""Pictures of maps and findings; RGB uint8 (h, w, 3)."""
