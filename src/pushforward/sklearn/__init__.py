"""Flows as scikit-learn estimators; needs `pip install "pushforward[sklearn]"`."""

from .density import FlowDensity as FlowDensity
