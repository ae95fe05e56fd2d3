"""Diagnostics of a density."""

from .importance import Importance as Importance
from .importance import importance as importance
from .jacobian import jacobian_log_det as jacobian_log_det
from .likelihood import Likelihood as Likelihood
from .likelihood import compare_likelihood as compare_likelihood
