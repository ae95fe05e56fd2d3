"""Objectives for a density known up to a constant."""
