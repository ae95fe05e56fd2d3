"""Devices and compilation, which no other folder knows."""

from .cache import cache_programs as cache_programs
