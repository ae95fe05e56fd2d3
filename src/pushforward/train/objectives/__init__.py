"""What a fit can minimize."""

from ._base import AbstractDensityObjective as AbstractDensityObjective
from .fab import FAB as FAB
from .log_marginal import AbstractLogMarginal as AbstractLogMarginal
from .log_marginal import Debiased as Debiased
from .log_marginal import LogMeanExp as LogMeanExp
from .maximum_likelihood import negative_log_likelihood as negative_log_likelihood
from .maximum_likelihood import row_losses as row_losses
from .reverse_kl import ReverseKL as ReverseKL
from .self_normalized import AlphaDivergence as AlphaDivergence
from .self_normalized import ForwardKL as ForwardKL
