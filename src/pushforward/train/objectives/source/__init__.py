"""Objectives for the distribution of unobserved parameters."""
