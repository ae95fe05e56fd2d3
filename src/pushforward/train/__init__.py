"""Fitting: one loop, and the objectives it can minimize."""

from .fit import fit as fit
from .result import FitResult as FitResult
from .result import NonFiniteError as NonFiniteError
