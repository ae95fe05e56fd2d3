"""Objectives for data."""
