"""Densities that are evaluated and sampled exactly."""

from ._base import AbstractBatchDistribution as AbstractBatchDistribution
from ._base import AbstractDistribution as AbstractDistribution
from ._base import AbstractEmbeddingDistribution as AbstractEmbeddingDistribution
from .conditioned import Conditioned as Conditioned
from .embedded import Embedded as Embedded
from .gaussian_mixture import GaussianMixture as GaussianMixture
from .logistic import Logistic as Logistic
from .mixture import Mixture as Mixture
from .multivariate_normal import MultivariateNormal as MultivariateNormal
from .normal import Normal as Normal
from .normal import StandardNormal as StandardNormal
from .pushforward import Pushforward as Pushforward
from .residual_mixture import ResidualMixture as ResidualMixture
from .student_t import StudentT as StudentT
from .uniform import Uniform as Uniform
