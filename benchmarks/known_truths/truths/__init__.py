"""The truths, a module for each group; a module that is imported here enters its functions in the registry."""

from . import columns as columns
from . import copulas as copulas
from . import given as given
from . import plane as plane
from . import tables as tables
from . import tails as tails
