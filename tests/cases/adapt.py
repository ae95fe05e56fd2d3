"""Changes to a flow."""

from pushforward import adapt as a
from pushforward import flows as f

from ..supports import interval, simplex
from .flows import flow, flow_case, on_simplex
from .networks import SMALL

ADAPT = [
    flow_case("jacobi:", lambda key: a.jacobi(flow(f.maf, 2)(key), 2)),
    flow_case("guide:", lambda key: a.guide(flow(f.maf, 3, cond_dim=2)(key), 0.5)),
    flow_case("temper:", lambda key: a.temper(f.nice_image(key, (2, 2, 1), levels=4, layers=2, hidden=SMALL), 0.7)),
    flow_case("dequantizer:", lambda key: a.dequantizer(key, (2, 2, 1), levels=4, width=4), x=interval(0.0, 1.0)),
    flow_case("constrain:conditional", on_simplex, x=simplex(3)),
]
