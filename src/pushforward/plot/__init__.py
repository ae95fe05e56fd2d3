"""Pictures of densities, samples and fits; needs the extra `plot`."""

from .calibration import calibration_ecdf as calibration_ecdf
from .calibration import calibration_histogram as calibration_histogram
from .corner import corner as corner
from .coverage import coverage as coverage
from .density import density_2d as density_2d
from .losses import losses as losses
