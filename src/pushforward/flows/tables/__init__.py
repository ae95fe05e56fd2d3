"""Architectures for vectors: functions (key, dim, ...) -> flow."""
