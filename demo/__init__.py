"""The ground-truth world: scenes with known content, the small model trained on them, and a reader of pictures."""
