"""The one registry of the tests: every support, univariate map, network, bijection, distribution and flow, as a line.

A name begins with the public name that the line stands for, as in "Coupling:spline-conditional"; a public class or
flow of which no line's name begins with its name fails the suite. The contracts run over every line. There is one file
for each floor of the package.
"""

from ._case import Case as Case
from ._case import cast as cast
from ._case import excused as excused
from ._case import randomize as randomize
from .adapt import ADAPT as ADAPT
from .bijections import BIJECTIONS as BIJECTIONS
from .bijections import SPLITS as SPLITS
from .columns import COLUMNS as COLUMNS
from .columns import DENSITIES as DENSITIES
from .columns import HEADS as HEADS
from .columns import MARGINALS as MARGINALS
from .columns import SUBSETS as SUBSETS
from .distributions import DISTRIBUTIONS as DISTRIBUTIONS
from .flows import FLOWS as FLOWS
from .networks import CONDITIONERS as CONDITIONERS
from .networks import EMBEDDINGS as EMBEDDINGS
from .objectives import OBJECTIVES as OBJECTIVES
from .supports import IMAGES as IMAGES
from .supports import SUPPORTS as SUPPORTS
from .univariate import UNIVARIATE as UNIVARIATE
