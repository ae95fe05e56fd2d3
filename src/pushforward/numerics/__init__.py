"""Pure functions on arrays: safe elementary functions, masks, convolution, and hints to the compiler."""

from .convolution import convolve as convolve
from .masks import hidden_degrees as hidden_degrees
from .masks import hidden_mask as hidden_mask
from .masks import input_mask as input_mask
from .masks import output_mask as output_mask
from .masks import window_starts as window_starts
from .products import precision as precision
from .safe import bounded as bounded
from .safe import into_open_interval as into_open_interval
from .safe import inverse_softplus as inverse_softplus
from .safe import log_expm1 as log_expm1
from .safe import round_into as round_into
