"""Devices and compilation: the one place that knows them."""
