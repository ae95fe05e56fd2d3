"""Flows as scikit-learn estimators; needs `pip install "pushforward[sklearn]"`."""

from .density import FlowDensity as FlowDensity
from .distributions import JointDistribution as JointDistribution
from .distributions import PredictedDistribution as PredictedDistribution
from .regressor import FlowRegressor as FlowRegressor
