"""Architectures of the literature, functions that build a `Pushforward`; `constrain`, `temper`, `guide` change one."""

from .constrain import constrain as constrain
from .dequantizer import dequantizer as dequantizer
from .glow import glow as glow
from .guide import guide as guide
from .iaf import iaf as iaf
from .jacobi import jacobi as jacobi
from .maf import maf as maf
from .nice import nice as nice
from .nice_image import nice_image as nice_image
from .nsf import nsf as nsf
from .real_nvp import real_nvp as real_nvp
from .real_nvp_image import real_nvp_image as real_nvp_image
from .tarflow import tarflow as tarflow
from .temper import temper as temper
