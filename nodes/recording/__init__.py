"""The ComfyUI side of a recording: rows, labels, the recorder."""
