"""What a prompt, or the artist, says about the picture."""
