"""Linear maps and permutations."""
