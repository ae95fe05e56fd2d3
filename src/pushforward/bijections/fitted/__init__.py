"""Maps that are set from data before training."""
