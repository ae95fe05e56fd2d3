"""Densities of one column, whose parameters a network gives."""
