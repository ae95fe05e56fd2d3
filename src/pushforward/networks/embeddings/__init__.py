"""Networks that make a vector of a condition of any shape."""
