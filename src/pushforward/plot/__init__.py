"""Pictures of densities, samples and fits; needs the extra `plot`."""

from ._style import need as need
from .calibration import calibration_ecdf as calibration_ecdf
from .calibration import calibration_histogram as calibration_histogram
from .columns import columns as columns
from .corner import corner as corner
from .coverage import coverage as coverage
from .density import density_2d as density_2d
from .images import image_grid as image_grid
from .images import pixel_bits as pixel_bits
from .latent import interpolation as interpolation
from .latent import reconstruction as reconstruction
from .latent import temperature_strip as temperature_strip
from .losses import losses as losses
from .regression import fan as fan
from .regression import interval_coverage as interval_coverage
from .regression import pit as pit
from .regression import quantiles as quantiles
