"""What viewer nodes hand to the browser."""
