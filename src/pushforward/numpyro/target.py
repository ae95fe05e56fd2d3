"""The posterior of a NumPyro model as a log-density of one vector."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpyro import handlers
from numpyro.distributions import Unit, biject_to
from numpyro.infer.util import constrain_fn, potential_energy, unconstrain_fn

from .._arrays import as_float
from .._errors import bad, require, require_key
from .._types import ArrayLike, Key, Scalar
from ..distributions import Pushforward
from ._layout import Layout
from .guide import AutoFlow

#: Number of draws that are mapped at once; see `Posterior.constrain`.
_CHUNK = 1024


@final
@dataclass(frozen=True, eq=False)
class Posterior:
    """The posterior of a model given its arguments, made by `posterior`.

    The vector holds the latent sites, each mapped from its support to the real line, in the order of the model.

        log_density(x) = log p(data, θ(x)) + log|det dθ/dx|

    Attributes:
        dim: number of elements of the vector.
        names: names of its elements, such as "mu" and "theta[3]".
    """

    dim: int
    names: tuple[str, ...]
    _model: Callable[..., Any] = field(repr=False)
    _args: tuple[Any, ...] = field(repr=False)
    _kwargs: Mapping[str, Any] = field(repr=False)
    _key: Key = field(repr=False)
    _layout: Layout = field(repr=False)
    _sites: Mapping[str, Any] = field(repr=False)

    def log_density(self, x: ArrayLike) -> Scalar:
        """Return the unnormalized log-density of one unconstrained vector, in nats.

        Arguments:
            x: shape (dim,). For a batch, use `jax.vmap`.

        Raises:
            ValueError: if the shape is not as stated.
        """
        x = as_float("x", x)
        require(x.shape == (self.dim,), "x", f"an array of shape {(self.dim,)}", f"`shape {x.shape}`")
        energy = potential_energy(self._replayed, self._args, self._kwargs, self._layout.unpack(x))
        return -jnp.asarray(energy, x.dtype)

    def constrain(self, draws: ArrayLike) -> dict[str, Array]:
        """Return the values of the model's latent and deterministic sites.

        Arguments:
            draws: unconstrained vectors, shape (..., dim), such as a flow's samples.

        Returns:
            An array of shape (..., *shape of the site) for each site, by name.

        Raises:
            ValueError: if the shape is not as stated.
        """
        draws = as_float("draws", draws)
        require(draws.shape[-1:] == (self.dim,), "draws", f"of shape (..., {self.dim})", f"`shape {draws.shape}`")

        @jax.jit
        def constrain_rows(rows: Array) -> dict[str, Array]:
            return jax.lax.map(self._constrained, rows, batch_size=_CHUNK)

        batch = draws.shape[:-1]
        values = constrain_rows(draws.reshape(-1, self.dim))
        # JAX sorts the keys of a dictionary.
        return {name: values[name].reshape(batch + values[name].shape[1:]) for name in self._sites if name in values}

    def unconstrain(self, values: Mapping[str, ArrayLike]) -> Float[Array, "..."]:
        """Return the unconstrained vectors of values of the latent sites: the inverse of `constrain`.

        Arguments:
            values: an array of shape (..., *shape of the site) for each latent site, by name; others are ignored.

        Returns:
            Shape (..., dim).

        Raises:
            ValueError: if a site is missing or a shape is not as stated.
        """
        missing = [name for name in self._layout.shapes if name not in values]
        require(not missing, "values", f"arrays of {', '.join(self._layout.shapes)}", f"`none of {missing}`")
        arrays = {name: as_float(name, values[name]) for name in self._layout.shapes}
        shapes = {name: np.shape(self._sites[name]["value"]) for name in arrays}
        batches = {name: a.shape[: max(0, a.ndim - len(shapes[name]))] for name, a in arrays.items()}
        batch = next(iter(batches.values()))
        for name, array in arrays.items():
            require(array.shape == batch + shapes[name], name, f"of shape {batch + shapes[name]}", array.shape)
        rows = {name: array.reshape(-1, *shapes[name]) for name, array in arrays.items()}
        return jax.jit(jax.vmap(self._unconstrained))(rows).reshape(*batch, self.dim)

    def to_arviz(self, draws: ArrayLike, **options: Any) -> Any:
        """Return draws in the format of ArviZ, with the model's names, deterministic sites and data.

        Arguments:
            draws: unconstrained vectors, shape (draws, dim), or (chains, draws, dim).
            options: options of `arviz.from_dict`, such as `coords` and `dims`.

        Returns:
            An `arviz.InferenceData` (from ArviZ 1 on an `xarray.DataTree`) of "posterior" and "observed_data".

        Raises:
            ImportError: if ArviZ is not installed.
            ValueError: if the shape is not as stated.
        """
        try:
            import arviz
        except ImportError as error:
            raise ImportError("`to_arviz` needs ArviZ: pip install pushforward[numpyro]") from error
        draws = as_float("draws", draws)
        require(
            draws.ndim in (2, 3), "draws", "of shape (draws, dim) or (chains, draws, dim)", f"`shape {draws.shape}`"
        )
        draws = draws if draws.ndim == 3 else draws[None]
        groups = {"posterior": {name: np.asarray(value) for name, value in self.constrain(draws).items()}}
        data = {name: np.asarray(site["value"]) for name, site in self._sites.items() if _is_data(site)}
        groups |= {"observed_data": data} if data else {}
        before_one = arviz.__version__.startswith("0.")
        return arviz.from_dict(**groups, **options) if before_one else arviz.from_dict(groups, **options)

    def guide(self, flow: Pushforward, *, prefix: str = "auto") -> AutoFlow:
        """Return a flow fitted to `log_density` as a guide of the model, ready for `NeuTraReparam(guide, {})`.

        Arguments:
            flow: a flow over the unconstrained vector.
            prefix: prefix of the names of the guide's own sites.

        Raises:
            ValueError: if the flow is not an unconditional density on all vectors of shape (dim,).
        """
        guide = AutoFlow(self._model, flow, prefix=prefix)
        handlers.seed(guide, self._key)(*self._args, **self._kwargs)
        return guide

    def _replayed(self, *args: Any, **kwargs: Any) -> Any:
        """Run the model with `param` sites at their initial values, since they are not part of the posterior."""
        params = {name: site["value"] for name, site in self._sites.items() if site["type"] == "param"}
        return handlers.substitute(handlers.seed(self._model, self._key), params)(*args, **kwargs)

    def _constrained(self, x: Array) -> dict[str, Array]:
        values = self._layout.unpack(x)
        return constrain_fn(self._replayed, self._args, self._kwargs, values, return_deterministic=True)

    def _unconstrained(self, values: dict[str, Array]) -> Array:
        return self._layout.pack(unconstrain_fn(self._replayed, self._args, self._kwargs, values))


def posterior(key: Key, model: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Posterior:
    """Return the posterior of a NumPyro model as a log-density to fit a flow to.

        target = pf.numpyro.posterior(key, model, data)
        flow = pf.flows.iaf(key, target.dim)
        result = pf.fit_density(key, flow, target.log_density)
        target.constrain(result.flow.sample(key, 1000))

    Arguments:
        key: random key for the run of the model that finds its sites, and for other randomness in the model.
        model: a model whose latent sites are continuous and the same in every run. `numpyro.param` sites keep their
            initial values.
        args, kwargs: arguments of the model, such as its data.

    Raises:
        ValueError: if a latent site is discrete or has no bijection from the real line, a plate takes a subsample, or
            there is no latent site.
    """
    require_key(key)
    sites = handlers.trace(handlers.seed(model, key)).get_trace(*args, **kwargs)
    layout = Layout({name: _unconstrained_shape(site) for name, site in sites.items() if _is_latent(site)})
    require(layout.dim > 0, "model", "one with latent sites", "`one without`", "Are all of its sites data?")
    for name, site in sites.items():
        if site["type"] == "plate":
            size, taken = site["args"]
            whole = taken is None or taken == size
            remedy = "Each evaluation would see other rows; call the model without `subsample_size`."
            require(whole, "model", "evaluated on all of its data", f"`{taken} of {size} rows in plate {name}`", remedy)
    return Posterior(layout.dim, layout.names, model, args, kwargs, key, layout, sites)


def _is_latent(site: Mapping[str, Any]) -> bool:
    return site["type"] == "sample" and not site["is_observed"]


def _is_data(site: Mapping[str, Any]) -> bool:
    # `numpyro.factor` makes an observed site of this distribution.
    return site["type"] == "sample" and site["is_observed"] and not isinstance(site["fn"], Unit)


def _unconstrained_shape(site: Mapping[str, Any]) -> tuple[int, ...]:
    support = site["fn"].support
    given = f"`{site['name']} ~ {type(site['fn']).__name__}`"
    if support.is_discrete:
        remedy = "Sum or integrate a discrete site out, or condition the model on it."
        raise bad("model", "one with continuous latent sites only", given, remedy)
    try:
        transform = biject_to(support)
    except NotImplementedError:
        remedy = "Reparametrize the site; see `numpyro.infer.reparam`."
        raise bad("model", "one whose latent sites can be mapped to the real line", given, remedy) from None
    return transform.inverse_shape(np.shape(site["value"]))
