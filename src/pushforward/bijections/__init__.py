"""Invertible maps of one event."""

from ._base import AbstractBatchBijection as AbstractBatchBijection
from ._base import AbstractBijection as AbstractBijection
from .autoregressive import Autoregressive as Autoregressive
from .chain import Chain as Chain
from .concatenate import Concatenate as Concatenate
from .correlation_cholesky import CorrelationCholesky as CorrelationCholesky
from .coupling import Coupling as Coupling
from .elementwise import Elementwise as Elementwise
from .exp import Exp as Exp
from .flip import Flip as Flip
from .householder import Householder as Householder
from .identity import Identity as Identity
from .invert import Invert as Invert
from .lu_linear import LULinear as LULinear
from .ordered import Ordered as Ordered
from .permute import Permute as Permute
from .reshape import Reshape as Reshape
from .sigmoid import Sigmoid as Sigmoid
from .softplus import Softplus as Softplus
from .stack import Stack as Stack
from .standardize import Standardize as Standardize
from .standardize_condition import StandardizeCondition as StandardizeCondition
from .stick_breaking import StickBreaking as StickBreaking
from .tanh import Tanh as Tanh
from .triangular_affine import TriangularAffine as TriangularAffine
from .whiten import Whiten as Whiten
