"""Architectures for images: functions (key, shape, ...) -> flow."""
