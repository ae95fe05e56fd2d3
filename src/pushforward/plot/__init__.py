"""Pictures of densities, samples and fits; needs the extra `plot`."""

from .corner import corner as corner
from .density import density_2d as density_2d
from .losses import losses as losses
