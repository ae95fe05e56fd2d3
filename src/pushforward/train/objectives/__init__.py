"""What a fit can minimize."""

from .maximum_likelihood import negative_log_likelihood as negative_log_likelihood
from .maximum_likelihood import row_losses as row_losses
