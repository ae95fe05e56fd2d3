"""Marginal distributions of the columns of a table, which take values to scores and back."""
