"""Networks that see any subset of the columns of a table."""
