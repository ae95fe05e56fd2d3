"""Devices and compilation, which no other folder knows."""
