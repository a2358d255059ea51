"""The ground-truth world: scenes of known content, the model trained on them, a reader of pictures."""
