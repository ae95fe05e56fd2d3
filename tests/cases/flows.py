"""The architectures."""

from collections.abc import Callable
from typing import Any

import jax

from pushforward import adapt as a
from pushforward import bijections as b
from pushforward import flows as f

from ..supports import BOUND, interval
from ._case import Case
from .bijections import CONDITIONING
from .networks import SEES_NOTHING, SMALL


def flow(make: Callable[..., Any], dim: int, **settings: Any) -> Callable[[jax.Array], Any]:
    return lambda key: make(key, dim, **{"layers": 2, "hidden": SMALL, **settings})


SPLINE = {"bins": 3, "bound": BOUND}


def flow_case(name: str, make: Callable[[jax.Array], Any], **settings: Any) -> Case:
    return Case(name, make, composed=True, **settings)


def on_simplex(key: jax.Array) -> Any:
    return a.constrain(flow(f.real_nvp, 3, cond_dim=2)(key), b.StickBreaking(3))


def _tarflow(key: jax.Array) -> Any:
    return f.tarflow(key, (2, 2, 1), levels=4, patch=1, blocks=2, layers=1, width=8, heads=2, cond_dim=2)


#: The logistic map of a flow of images of four levels.
PIXELS = interval(-4 * 0.05 / 0.9, 4 + 4 * 0.05 / 0.9)

FLOWS = [
    flow_case("nice:", flow(f.nice, 3)),
    flow_case("nice:conditional", flow(f.nice, 4, cond_dim=2)),
    flow_case("real_nvp:", flow(f.real_nvp, 3)),
    flow_case("real_nvp:one-conditional", flow(f.real_nvp, 1, cond_dim=2)),
    flow_case("maf:", flow(f.maf, 4)),
    flow_case("maf:one", flow(f.maf, 1), dead={"conditioner.weights[0]": SEES_NOTHING}),
    flow_case(
        "maf:deep-conditional", flow(f.maf, 3, layers=6, residual=True, cond_dim=2), known={"literal": CONDITIONING}
    ),
    flow_case("iaf:", flow(f.iaf, 3)),
    flow_case("iaf:conditional", flow(f.iaf, 2, cond_dim=2)),
    flow_case("nsf:autoregressive", flow(f.nsf, 2, **SPLINE)),
    flow_case("nsf:autoregressive-conditional", flow(f.nsf, 3, **SPLINE, cond_dim=2)),
    flow_case("nsf:coupling", flow(f.nsf, 2, wiring="coupling", **SPLINE)),
    flow_case("nsf:coupling-conditional", flow(f.nsf, 3, wiring="coupling", **SPLINE, cond_dim=2)),
    flow_case("nice_image:", lambda key: f.nice_image(key, (2, 2, 1), levels=4, layers=2, hidden=SMALL)),
    flow_case(
        "real_nvp_image:conditional",
        lambda key: f.real_nvp_image(key, (2, 2, 1), levels=4, scales=1, pairs=1, cond_dim=2, width=4, blocks=1),
        x=PIXELS,
    ),
    flow_case(
        "glow:conditional",
        lambda key: f.glow(key, (2, 2, 1), levels=4, scales=1, steps=1, width=4, cond_dim=2),
        x=PIXELS,
    ),
    flow_case("tarflow:conditional", _tarflow),
]
