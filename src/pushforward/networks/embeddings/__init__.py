"""Networks that turn a condition of any shape into a vector."""
