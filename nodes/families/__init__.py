"""Model families: where a network attends from picture to text."""
