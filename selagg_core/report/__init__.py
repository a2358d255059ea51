"""The diagnosis as JSON, page, annotated picture, and for the viewer."""
