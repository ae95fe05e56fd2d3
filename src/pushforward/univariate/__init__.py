"""Strictly increasing maps of the line, whose parameters are arguments, per element."""

from ._base import AbstractUnivariate as AbstractUnivariate
from .affine import Affine as Affine
from .compose import Compose as Compose
from .rational_quadratic import RationalQuadratic as RationalQuadratic
from .shift import Shift as Shift
