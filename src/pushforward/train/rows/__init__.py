"""The rows of a fit: checked, split, cut into batches."""
