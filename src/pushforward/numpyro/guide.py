"""A flow as a NumPyro guide."""

from collections.abc import Callable, Mapping
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro
from jaxtyping import PyTree
from numpyro.distributions import constraints
from numpyro.distributions.transforms import UnpackTransform
from numpyro.infer.autoguide import AutoContinuous
from numpyro.infer.initialization import init_to_uniform

from .._errors import bad, require
from .._fields import trainable
from ..bijections import Chain, TriangularAffine
from ..distributions import Pushforward
from ._layout import Layout
from ._support import BijectionTransform, support_of
from .distribution import FlowDistribution


@final
class AutoFlow(AutoContinuous):
    """A guide that is a flow over all latent sites, mapped to the real line and laid out as one vector.

        guide = AutoFlow(model, functools.partial(pf.flows.iaf, jax.random.key(0)))
        result = SVI(model, guide, optim.Adam(1e-3), Trace_ELBO()).run(key, 5000, data)
        guide.sample_posterior(key, result.params, sample_shape=(1000,))

    The vector has the order of `pushforward.numpyro.posterior`. With `numpyro.infer.reparam.NeuTraReparam` of the
    guide, HMC runs in the base space of the flow.

    Arguments:
        model: a NumPyro model.
        flow: a function (number of elements) -> flow, to which the guide appends an affine bijection that starts at
            the initial values of the model; or a flow that is used as it is, such as one fitted to
            `Posterior.log_density`. With a fitted flow, methods that need parameters also accept `{}`.
        prefix: prefix of the names of the guide's own sites; the parameters are the tree "{prefix}_flow".
        init_loc_fn: initial values of the model; see NumPyro's initialization strategies.
        init_scale: initial standard deviation of each element, if `flow` is a function.
        create_plates: see NumPyro's `AutoGuide`.

    Raises:
        ValueError: if `flow` is neither, or is not an unconditional `Pushforward` on all vectors of shape (dim,).

    Reference:
        "Variational Inference with Normalizing Flows", Rezende, Mohamed, 2015.
        "NeuTra-lizing Bad Geometry in Hamiltonian Monte Carlo Using Neural Transport", Hoffman, Sountsov, Dillon,
        Langmore, Tran, Vasudevan, 2019.
    """

    def __init__(
        self,
        model: Callable[..., Any],
        flow: Pushforward | Callable[[int], Pushforward],
        *,
        prefix: str = "auto",
        init_loc_fn: Callable[..., Any] = init_to_uniform,
        init_scale: float = 0.1,
        create_plates: Callable[..., Any] | None = None,
    ):
        self._given: Pushforward | Callable[[int], Pushforward] = flow
        ok = isinstance(flow, Pushforward) or (callable(flow) and not isinstance(flow, eqx.Module))
        require(ok, "flow", "a flow, or a function of the number of elements that returns one", flow)
        require(init_scale > 0, "init_scale", "positive", init_scale)
        self._init_scale = init_scale
        AutoContinuous.__init__(self, model, prefix=prefix, init_loc_fn=init_loc_fn, create_plates=create_plates)

    def get_flow(self, params: Mapping[str, Any]) -> Pushforward:
        """Return the flow over the unconstrained vector, for example to evaluate or save it.

        Arguments:
            params: parameters of the guide, such as `SVIRunResult.params`; `{}` gives the initial flow.

        Raises:
            ValueError: if the guide has not run the model yet.
        """
        remedy = "Call `svi.init` or `svi.run` first, or make the guide by `Posterior.guide`."
        require(self.prototype_trace is not None, "guide", "run once", "`a guide that is not`", remedy)
        return eqx.combine(params.get(self._site, self._initial), self._static)

    def get_base_dist(self) -> FlowDistribution:
        """Return the flow's base."""
        return FlowDistribution(self.get_flow({}).base)

    def get_transform(self, params: Mapping[str, Any]) -> BijectionTransform:
        """Return the flow's bijection, from the base to the unconstrained vector."""
        return BijectionTransform(self.get_flow(params).bijection, constraints.real_vector)

    def get_posterior(self, params: Mapping[str, Any]) -> FlowDistribution:
        """Return the distribution of the unconstrained vector."""
        return FlowDistribution(self.get_flow(params))

    def _get_posterior(self) -> FlowDistribution:
        params = numpyro.param(self._site, self._initial)
        return FlowDistribution(eqx.combine(params, self._static))

    @property
    def _site(self) -> str:
        return f"{self.prefix}_flow"

    def _setup_prototype(self, *args: Any, **kwargs: Any) -> None:
        AutoContinuous._setup_prototype(self, *args, **kwargs)
        # NumPyro orders sites as in the model or by name, depending on the strategy; a fitted flow needs one order.
        sites = [name for name in self.prototype_trace or {} if name in self._init_locs]
        layout = Layout({name: jnp.shape(self._init_locs[name]) for name in sites})
        self._init_latent = layout.pack(self._init_locs)
        self._unpack_latent = UnpackTransform(layout.unpack, layout.pack)
        flow = self._checked(self._given if isinstance(self._given, Pushforward) else self._built(self._given))
        self._initial: PyTree
        self._static: PyTree
        self._initial, self._static = eqx.partition(flow, trainable(flow))

    def _built(self, build: Callable[[int], Pushforward]) -> Pushforward:
        # The flow's constants must be concrete numbers even if SVI is initialized inside `jax.jit`.
        with jax.ensure_compile_time_eval():
            flow = self._checked(build(self.latent_dim))
            matrix = self._init_scale * jnp.eye(self.latent_dim, dtype=self._init_latent.dtype)
            start = TriangularAffine(jnp.zeros(self.latent_dim, matrix.dtype), matrix)
        start = eqx.tree_at(lambda affine: affine.loc, start, self._init_latent)
        return Pushforward(flow.base, Chain([flow.bijection, start]))

    def _checked(self, flow: Any) -> Pushforward:
        shape = (self.latent_dim,)
        if not isinstance(flow, Pushforward):
            raise bad("flow", "a function that returns a `Pushforward`", flow)
        require(flow.shape == shape, "flow", f"of the model's unconstrained shape {shape}", f"`shape {flow.shape}`")
        require(flow.cond_shape is None, "flow", "unconditional", f"`cond_shape {flow.cond_shape}`")
        support = support_of(flow)
        remedy = "Sites are mapped to the real line by the model's own supports."
        require(support is constraints.real_vector, "flow", "a density on all real vectors", support, remedy)
        return flow
