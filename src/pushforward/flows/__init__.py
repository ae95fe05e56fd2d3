"""Architectures of the literature: functions that build a `Pushforward`."""

from ._registry import architecture as architecture
from ._registry import architectures as architectures
from .images.glow import glow as glow
from .images.nice_image import nice_image as nice_image
from .images.real_nvp_image import real_nvp_image as real_nvp_image
from .images.tarflow import tarflow as tarflow
from .tables.iaf import iaf as iaf
from .tables.maf import maf as maf
from .tables.nice import nice as nice
from .tables.nsf import nsf as nsf
from .tables.real_nvp import real_nvp as real_nvp
