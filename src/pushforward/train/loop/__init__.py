"""The loop: steps, schedule, checkpoints, progress, the record."""
