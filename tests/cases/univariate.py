"""The univariate maps."""

from pushforward import univariate as u

from ..supports import BOUND
from ._case import Case

STEEP = (
    "in a bin 0.06 wide that ends with a slope of 0.02, to round z to the next float32 changes the log-derivative by "
    "4e-3, as the formula in float64 shows"
)


def spline() -> u.RationalQuadratic:
    """Return a small spline, whose outer knots are among the points of `REAL`."""
    return u.RationalQuadratic(bins=3, bound=BOUND)


UNIVARIATE = [
    Case("Shift:", lambda key: u.Shift()),
    Case("Affine:", lambda key: u.Affine()),
    Case("Affine:narrow", lambda key: u.Affine(max_log_scale=1.0)),
    Case("RationalQuadratic:", lambda key: u.RationalQuadratic()),
    Case("RationalQuadratic:small", lambda key: spline(), known={"float32-3.0": STEEP}),
    Case("Compose:", lambda key: u.Compose((spline(), u.Affine()))),
    Case("RationalQuadratic:two-bins", lambda key: u.RationalQuadratic(bins=2, bound=1.0)),
]
