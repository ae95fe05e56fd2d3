"""Diagnostics of a density."""

from .jacobian import jacobian_log_det as jacobian_log_det
