"""The objectives that a fit can minimize."""

from .data._base import AbstractDataObjective as AbstractDataObjective
from .data._base import AbstractRowObjective as AbstractRowObjective
from .data.any_subset import AnySubset as AnySubset
from .data.maximum_likelihood import MaximumLikelihood as MaximumLikelihood
from .density._base import AbstractDensityObjective as AbstractDensityObjective
from .density.fab import FAB as FAB
from .density.reverse_kl import ReverseKL as ReverseKL
from .density.self_normalized import AlphaDivergence as AlphaDivergence
from .density.self_normalized import ForwardKL as ForwardKL
from .source.log_marginal import AbstractLogMarginal as AbstractLogMarginal
from .source.log_marginal import Debiased as Debiased
from .source.log_marginal import LogMeanExp as LogMeanExp
