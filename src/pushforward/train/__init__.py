"""Fitting: one loop, and the objectives it can minimize."""

from .._fields import trainable as trainable
from .fit import fit as fit
from .fit_columns import fit_columns as fit_columns
from .fit_density import fit_density as fit_density
from .fit_source import fit_source as fit_source
from .loop.result import FitResult as FitResult
from .loop.result import NonFiniteError as NonFiniteError
from .objectives import FAB as FAB
from .objectives import AbstractDataObjective as AbstractDataObjective
from .objectives import AbstractDensityObjective as AbstractDensityObjective
from .objectives import AbstractLogMarginal as AbstractLogMarginal
from .objectives import AbstractRowObjective as AbstractRowObjective
from .objectives import AlphaDivergence as AlphaDivergence
from .objectives import AnySubset as AnySubset
from .objectives import Debiased as Debiased
from .objectives import ForwardKL as ForwardKL
from .objectives import LogMeanExp as LogMeanExp
from .objectives import MaximumLikelihood as MaximumLikelihood
from .objectives import ReverseKL as ReverseKL
from .optimization import Optimization as Optimization
from .rows.augment import RandomFlip as RandomFlip
from .rows.augment import RandomShift as RandomShift
from .start.set_from_rows import initialize as initialize
