"""Objectives for the distribution of parameters that nobody observed."""
