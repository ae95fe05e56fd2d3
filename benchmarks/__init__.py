"""Measurements behind the figures that the documentation quotes; never run as tests."""
