"""Regression of one number: several conditional densities, weighted by rows that they have not seen."""
