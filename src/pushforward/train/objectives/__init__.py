"""What a fit can minimize."""

from .data.maximum_likelihood import negative_log_likelihood as negative_log_likelihood
from .data.maximum_likelihood import row_losses as row_losses
from .density._base import AbstractDensityObjective as AbstractDensityObjective
from .density.fab import FAB as FAB
from .density.reverse_kl import ReverseKL as ReverseKL
from .density.self_normalized import AlphaDivergence as AlphaDivergence
from .density.self_normalized import ForwardKL as ForwardKL
from .source.log_marginal import AbstractLogMarginal as AbstractLogMarginal
from .source.log_marginal import Debiased as Debiased
from .source.log_marginal import LogMeanExp as LogMeanExp
