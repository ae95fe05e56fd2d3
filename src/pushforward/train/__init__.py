"""Fitting: one loop, and the objectives it can minimize."""

from .fit import fit as fit
from .fit_density import fit_density as fit_density
from .objectives import FAB as FAB
from .objectives import AbstractDensityObjective as AbstractDensityObjective
from .objectives import AlphaDivergence as AlphaDivergence
from .objectives import ForwardKL as ForwardKL
from .objectives import ReverseKL as ReverseKL
from .result import FitResult as FitResult
from .result import NonFiniteError as NonFiniteError
