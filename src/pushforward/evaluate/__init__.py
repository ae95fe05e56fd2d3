"""Diagnostics of a density."""

from .bits_per_dim import BitsPerDim as BitsPerDim
from .bits_per_dim import bits_per_dim as bits_per_dim
from .calibration import Calibration as Calibration
from .calibration import base_pit as base_pit
from .calibration import exact_pit as exact_pit
from .calibration import pit as pit
from .calibration import sbc_ranks as sbc_ranks
from .compare_images import ImageComparison as ImageComparison
from .compare_images import compare_images as compare_images
from .coverage import Coverage as Coverage
from .coverage import expected_coverage as expected_coverage
from .coverage import tarp as tarp
from .importance import Importance as Importance
from .importance import importance as importance
from .jacobian import jacobian_log_det as jacobian_log_det
from .likelihood import Likelihood as Likelihood
from .likelihood import compare_likelihood as compare_likelihood
from .pixel_bits import pixel_bits as pixel_bits
from .round_trip import RoundTrip as RoundTrip
from .round_trip import round_trip as round_trip
from .two_sample import TwoSample as TwoSample
from .two_sample import c2st as c2st
from .two_sample import mmd as mmd
from .two_sample import sliced_wasserstein as sliced_wasserstein
