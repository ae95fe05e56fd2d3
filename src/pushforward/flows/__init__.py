"""Architectures of the literature, each a function that builds a `Pushforward`, and `constrain` for supports."""

from .constrain import constrain as constrain
from .iaf import iaf as iaf
from .maf import maf as maf
from .nice import nice as nice
from .nsf import nsf as nsf
from .real_nvp import real_nvp as real_nvp
