"""Flows and NumPyro models, both ways, in float32, as NumPyro runs by default."""

import functools
import importlib
import sys
import types
from collections.abc import Iterator
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import optax
import pytest
from numpyro.contrib.control_flow import scan
from numpyro.distributions import biject_to, constraints
from numpyro.infer import MCMC, NUTS, SVI, Trace_ELBO
from numpyro.infer.reparam import NeuTraReparam
from scipy import stats

import pushforward as pf
from pushforward.numpyro import AutoFlow, FlowDistribution, posterior

from ..cases import randomize

KEY = jax.random.key(0)


@pytest.fixture(autouse=True)
def _float32() -> Iterator[None]:
    with jax.enable_x64(False):
        yield


def affine(loc: list[float], matrix: list[list[float]]) -> pf.Pushforward:
    """Return the normal distribution of a mean and a Cholesky factor as a flow."""
    return pf.Pushforward(
        pf.distributions.StandardNormal((len(loc),)),
        pf.bijections.TriangularAffine(np.array(loc, np.float32), np.array(matrix, np.float32)),
    )


def bent(dim: int = 2, cond_dim: int = 0) -> pf.Pushforward:
    """Return a small flow that is no normal distribution."""
    return randomize(pf.flows.real_nvp(KEY, dim, cond_dim=cond_dim, layers=2, hidden=(8,)), KEY, 0.7)


def schools(y: Any = None, sd: float = 2.0) -> None:
    """Its sites are in no alphabetical order, and a simplex has fewer unconstrained elements."""
    tau = numpyro.sample("tau", dist.HalfNormal(3.0))
    mu = numpyro.sample("mu", dist.Normal(1.0, 5.0))
    with numpyro.plate("school", 3):
        theta: Any = numpyro.sample("theta", dist.Normal(mu, tau))
        numpyro.sample("y", dist.Normal(theta, sd), obs=y)
    numpyro.deterministic("best", theta.max())
    numpyro.sample("share", dist.Dirichlet(jnp.ones(3)))


Y = np.array([3.0, -1.0, 7.0], np.float32)


# The posterior of a model


def test_names() -> None:
    target = posterior(KEY, schools, Y)
    assert target.names == ("tau", "mu", "theta[0]", "theta[1]", "theta[2]", "share[0]", "share[1]")
    assert target.dim == 7

    def matrix() -> None:
        numpyro.sample("w", dist.Normal().expand([2, 2]))

    assert posterior(KEY, matrix).names == ("w[0, 0]", "w[0, 1]", "w[1, 0]", "w[1, 1]")


def test_log_density_is_the_joint_density_with_its_jacobian() -> None:
    def model(y: Any) -> None:
        mu: Any = numpyro.sample("mu", dist.Normal(1.0, 5.0))
        tau = numpyro.sample("tau", dist.HalfNormal(3.0))
        numpyro.sample("y", dist.Normal(mu, tau), obs=y)
        numpyro.factor("more", -mu)

    target = posterior(KEY, model, y=Y)
    x = np.array([[0.5, -0.3], [2.0, 1.0]], np.float32)
    mu, tau = x[:, 0].astype(float), np.exp(x[:, 1].astype(float))
    expected = stats.norm.logpdf(mu, 1, 5) + stats.halfnorm.logpdf(tau, scale=3) + np.log(tau) - mu
    expected += stats.norm.logpdf(Y, mu[:, None], tau[:, None]).sum(axis=1)
    found = jax.jit(jax.vmap(target.log_density))(x)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_constrain_and_back() -> None:
    target = posterior(KEY, schools, Y)
    draws = jax.random.normal(KEY, (2, 5, target.dim))
    values = target.constrain(draws)
    assert list(values) == ["tau", "mu", "theta", "best", "share"]
    assert {name: a.shape for name, a in values.items()} == {
        "tau": (2, 5),
        "mu": (2, 5),
        "theta": (2, 5, 3),
        "best": (2, 5),
        "share": (2, 5, 3),
    }
    np.testing.assert_allclose(values["tau"], np.exp(draws[..., 0]), rtol=1e-5)
    np.testing.assert_array_equal(values["theta"], draws[..., 2:5])
    np.testing.assert_array_equal(values["best"], values["theta"].max(axis=-1))
    np.testing.assert_allclose(values["share"].sum(axis=-1), 1, rtol=1e-5)
    np.testing.assert_allclose(target.unconstrain(values), draws, atol=1e-4)
    one = {name: value[1, 2] for name, value in values.items()}
    np.testing.assert_allclose(target.unconstrain(one), draws[1, 2], atol=1e-4)


def test_bounds_that_depend_on_other_sites() -> None:
    def model() -> None:
        low = numpyro.sample("low", dist.Normal())
        numpyro.sample("x", dist.Uniform(low, low + 2))

    target = posterior(KEY, model)
    draws = jax.random.normal(KEY, (50, 2))
    values = target.constrain(draws)
    assert np.all((values["x"] > values["low"]) & (values["x"] < values["low"] + 2))
    np.testing.assert_allclose(target.unconstrain(values), draws, atol=1e-4)


def test_parameters_keep_their_values() -> None:
    def model() -> None:
        scale: Any = numpyro.param("scale", lambda key: jax.random.uniform(key) + 1.0, constraint=constraints.positive)
        numpyro.sample("x", dist.Normal(numpyro.deterministic("again", scale), 1.0))

    target = posterior(KEY, model)
    assert target.names == ("x",)
    scale = target.constrain([0.0])["again"]
    assert 1 < scale < 2
    assert target.log_density([0.0]) == pytest.approx(stats.norm.logpdf(0, scale), rel=1e-5)


# ArviZ announces its version 1 to who imports it.
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_to_arviz() -> None:
    target = posterior(KEY, schools, Y)
    draws = jax.random.normal(KEY, (2, 50, target.dim))
    data = target.to_arviz(draws, coords={"school": ["a", "b", "c"]}, dims={"theta": ["school"]})
    values = target.constrain(draws)
    assert set(data["posterior"].data_vars) == set(values)
    np.testing.assert_array_equal(data["posterior"]["theta"].sel(school="b"), values["theta"][..., 1])
    np.testing.assert_array_equal(data["observed_data"]["y"], Y)
    assert target.to_arviz(draws[0])["posterior"].sizes["chain"] == 1
    with pytest.raises(ValueError, match=r"`draws` must be of shape \(draws, dim\) or \(chains, draws, dim\)"):
        target.to_arviz(draws[0, 0])


@pytest.mark.parametrize("version", ["0.23.4", "1.3.0"])
def test_to_arviz_of_either_version(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # One release takes the groups as arguments, the next as one dictionary.
    known = types.SimpleNamespace(__version__=version, from_dict=lambda groups=None, **given: groups or given)
    monkeypatch.setitem(sys.modules, "arviz", known)
    groups = posterior(KEY, schools, Y).to_arviz(np.zeros((4, 7)))
    assert {name: list(group) for name, group in groups.items()} == {
        "posterior": ["tau", "mu", "theta", "best", "share"],
        "observed_data": ["y"],
    }
    assert groups["posterior"]["theta"].shape == (1, 4, 3)


def discrete() -> None:
    numpyro.sample("k", dist.Bernoulli(0.5))


def subsampled() -> None:
    numpyro.sample("mu", dist.Normal())
    with numpyro.plate("rows", 10, subsample_size=4):
        numpyro.sample("y", dist.Normal(), obs=jnp.zeros(4))


def on_a_sphere() -> None:
    numpyro.sample("direction", dist.ProjectedNormal(jnp.ones(3)))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (discrete, "continuous latent sites only; got `k ~ Bernoulli.*`. Sum or integrate a discrete site out"),
        (subsampled, "evaluated on all of its data; got `4 of 10 rows in plate rows`"),
        (on_a_sphere, "mapped to the real line; got `direction ~ ProjectedNormal`. Reparametrize"),
        (lambda: numpyro.sample("y", dist.Normal(), obs=1.0), "one with latent sites; got `one without`"),
    ],
)
def test_models_that_are_refused(model: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"`model` must be .*{message}"):
        posterior(KEY, model)


def test_arguments_that_are_refused() -> None:
    target = posterior(KEY, schools, Y)
    with pytest.raises(ValueError, match=r"`x` must be an array of shape \(7,\); got `shape \(2, 7\)`"):
        target.log_density(np.zeros((2, 7)))
    with pytest.raises(ValueError, match=r"`draws` must be of shape \(..., 7\); got `shape \(3,\)`"):
        target.constrain(np.zeros(3))
    with pytest.raises(ValueError, match=r"`values` must be arrays of tau, mu, theta, share; got `none of \['mu'\]`"):
        target.unconstrain({"tau": 1.0, "theta": Y, "share": np.ones(3) / 3})
    with pytest.raises(ValueError, match=r"`theta` must be of shape \(3,\); got \(2,\)"):
        target.unconstrain({"tau": 1.0, "mu": 0.0, "theta": Y[:2], "share": np.ones(3) / 3})


# A flow as a distribution


def test_shapes_and_densities() -> None:
    flow = bent()
    d = FlowDistribution(flow)
    assert (d.batch_shape, d.event_shape, d.support) == ((), (2,), constraints.real_vector)
    x = d.sample(KEY, (4, 3))
    assert x.shape == (4, 3, 2)
    np.testing.assert_array_equal(x, flow.sample(KEY, (4, 3)))
    np.testing.assert_allclose(d.log_prob(x), flow.log_prob(x), rtol=1e-6)
    wide = d.expand((3,))
    draws, intermediates = wide.sample_with_intermediates(KEY, (4,))
    assert draws.shape == (4, 3, 2)
    np.testing.assert_allclose(wide.log_prob(draws, intermediates), flow.log_prob(draws), rtol=1e-3)
    assert np.unique(np.asarray(draws)).size == 24
    assert d.expand((3,)).to_event(1).log_prob(draws).shape == (4,)


def test_conditions_are_the_batch() -> None:
    flow = bent(2, cond_dim=1)
    condition = jnp.arange(3.0)[:, None]
    d = FlowDistribution(flow, condition)
    assert (d.batch_shape, d.event_shape) == ((3,), (2,))
    x = d.sample(KEY, (5,))
    assert x.shape == (5, 3, 2)
    np.testing.assert_allclose(d.log_prob(x), flow.log_prob(x, condition), rtol=1e-6)
    assert d.log_prob(x[0, 0]).shape == (3,)
    # A draw belongs to its own condition.
    assert float(jnp.mean(d.log_prob(x))) > float(jnp.mean(d.log_prob(x[:, ::-1])))
    wide = FlowDistribution(flow, condition[:1]).expand((3,))
    assert wide.sample(KEY, (5,)).shape == (5, 3, 2)
    with pytest.raises(ValueError, match="`condition` must be an array of trailing shape"):
        FlowDistribution(flow)


def test_it_is_a_pytree() -> None:
    flow = bent(2, cond_dim=1)
    d = FlowDistribution(flow, jnp.ones(1))
    x = jnp.array([0.3, -0.2])
    expected = float(d.log_prob(x))
    assert float(jax.jit(lambda d, x: d.log_prob(x))(d, x)) == pytest.approx(expected, rel=1e-5)
    gradient = jax.grad(lambda d: d.log_prob(x), allow_int=True)(d)
    assert np.all(np.isfinite(gradient.condition))
    assert np.any(np.asarray(gradient.condition) != 0)

    conditions = jnp.array([[0.0], [1.0], [2.0]])
    many = jax.vmap(lambda c: FlowDistribution(flow, c))(conditions)
    np.testing.assert_allclose(jax.vmap(lambda d: d.log_prob(x))(many), flow.log_prob(x, conditions), rtol=1e-5)
    _, total = jax.lax.scan(lambda d, x: (d, d.log_prob(x)), d, jnp.stack([x, x]))
    np.testing.assert_allclose(total, [expected, expected], rtol=1e-5)


def ended_by(*last: pf.bijections.AbstractBijection) -> pf.Pushforward:
    inner = affine([0.0, 0.0], [[1.0, 0.0], [0.3, 1.0]])
    return pf.Pushforward(inner.base, pf.bijections.Chain([inner.bijection, *last]))


def standardize() -> pf.bijections.Standardize:
    return pf.bijections.Standardize([1.0, -1.0], [2.0, 3.0])


# Made inside the test, where they are of its dtype.
@pytest.mark.parametrize(
    ("last", "of_elements"),
    [
        (lambda: [standardize(), pf.bijections.Exp((2,))], constraints.positive),
        (lambda: [pf.bijections.Softplus((2,))], constraints.softplus_positive),
        (lambda: [pf.bijections.Chain([pf.bijections.Tanh((2,))])], constraints.interval(-1.0, 1.0)),
        (lambda: [pf.bijections.Sigmoid((2,), -1.0, 3.0)], None),
        (lambda: [pf.bijections.NormalCDF((2,), -1.0, 3.0)], None),
        (lambda: [pf.bijections.StickBreaking(2)], None),
        (lambda: [pf.bijections.Exp((2,)), standardize()], None),
        (lambda: [pf.bijections.Concatenate([pf.bijections.Exp((1,)), pf.bijections.Tanh((1,))])], None),
    ],
    ids=["exp", "softplus", "tanh", "sigmoid", "normal-cdf", "simplex", "shifted", "sides"],
)
def test_support(last: Any, of_elements: Any) -> None:
    flow = ended_by(*last())
    support = FlowDistribution(flow).support
    if of_elements is not None:
        assert support == constraints.independent(of_elements, 1)
    assert np.all(support(flow.sample(KEY, 100)))
    outside = jnp.full((1, 2), -4.5)
    assert not np.any(support(outside))
    assert flow.log_prob(outside) == -np.inf
    transform = biject_to(support)
    z = jax.random.normal(KEY, (20, 2))
    y = transform(z)
    assert np.all(support(y))
    np.testing.assert_allclose(transform.inv(y), z, atol=1e-4)
    _, expected_log_det = jnp.linalg.slogdet(jax.vmap(jax.jacobian(transform))(z))
    np.testing.assert_allclose(transform.log_abs_det_jacobian(z, y), expected_log_det, atol=1e-4)


def test_support_that_is_passed() -> None:
    box = pf.distributions.Uniform([0.0, 0.0], [1.0, 2.0])
    with pytest.raises(ValueError, match=r"`support` must be given; got None\. It cannot be told from this flow"):
        FlowDistribution(box)
    support = constraints.independent(constraints.interval(jnp.zeros(2), jnp.array([1.0, 2.0])), 1)
    assert FlowDistribution(box, support=support).support is support
    scalar = pf.Pushforward(pf.distributions.Normal(0.0, 1.0), pf.bijections.Exp(()))
    assert FlowDistribution(scalar).support is constraints.positive


def test_plate_and_positive_flow_in_a_model() -> None:
    flow = ended_by(pf.bijections.Exp((2,)))

    def model() -> None:
        with numpyro.plate("n", 3):
            numpyro.sample("x", FlowDistribution(flow))

    target = posterior(KEY, model)
    assert target.names[:3] == ("x[0, 0]", "x[0, 1]", "x[1, 0]")
    z = jax.random.normal(KEY, (6,))
    expected = flow.log_prob(jnp.exp(z.reshape(3, 2))).sum() + z.sum()
    assert float(target.log_density(z)) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("batch", [(), (2,)], ids=["one", "expanded"])
def test_a_conditional_flow_as_the_transition_of_a_scan(batch: tuple[int, ...]) -> None:
    flow = bent(2, cond_dim=2)

    def model() -> None:
        def step(state: Any, _: None) -> tuple[Any, None]:
            transition = FlowDistribution(flow, state).expand(batch) if batch else FlowDistribution(flow, state)
            state = numpyro.sample("x", transition)
            return state[0] if batch else state, None

        scan(step, jnp.zeros(2), None, length=4)

    target = posterior(KEY, model)
    x = jax.random.normal(KEY, (4, *batch, 2))
    first = x[:, 0] if batch else x
    before = jnp.concatenate([jnp.zeros((1, 2)), first[:-1]])
    expected = flow.log_prob(x, before[:, None] if batch else before).sum()
    assert float(target.log_density(x.ravel())) == pytest.approx(float(expected), rel=1e-4)


def run_nuts(model: Any, *args: Any, draws: int = 1500, **settings: Any) -> dict[str, Any]:
    mcmc = MCMC(NUTS(model, **settings), num_warmup=300, num_samples=draws, progress_bar=False)
    mcmc.run(KEY, *args)
    return mcmc.get_samples()


def test_nuts_recovers_a_prior_and_its_update() -> None:
    positive = ended_by(pf.bijections.Exp((2,)))
    normal = affine([1.0, -1.0], [[2.0, 0.0], [1.0, 1.0]])

    def model() -> None:
        numpyro.sample("prior", FlowDistribution(positive))
        x: Any = numpyro.sample("x", FlowDistribution(normal))
        numpyro.sample("y", dist.Normal(x[0], 1.0), obs=3.0)

    draws = run_nuts(model)
    logs = np.log(draws["prior"])
    np.testing.assert_allclose(logs.mean(axis=0), 0, atol=0.15)
    np.testing.assert_allclose(np.cov(logs.T), [[1, 0.3], [0.3, 1.09]], atol=0.2)
    # The update of a normal distribution by y = x0 + N(0, 1) is in closed form.
    covariance = np.array([[4.0, 2.0], [2.0, 2.0]])
    gain = covariance[:, 0] / 5
    np.testing.assert_allclose(draws["x"].mean(axis=0), [1, -1] + gain * 2, atol=0.15)
    np.testing.assert_allclose(np.cov(draws["x"].T), covariance - np.outer(gain, covariance[0]), atol=0.25)


# A flow as a guide


@final
class Funnel(pf.bijections.AbstractBijection):
    """The map of N(0, I) onto v ~ N(0, 9), x ~ N(0, exp(v))."""

    shape: tuple[int, ...] = eqx.field(static=True, default=(2,))
    cond_shape: tuple[int, ...] | None = eqx.field(static=True, default=None)

    def _forward_and_log_det(self, z: Any, condition: Any) -> Any:
        v = 3 * z[0]
        return jnp.stack([v, jnp.exp(v / 2) * z[1]]), jnp.log(3.0) + v / 2

    def _inverse_and_log_det(self, x: Any, condition: Any) -> Any:
        return jnp.stack([x[0] / 3, jnp.exp(-x[0] / 2) * x[1]]), -jnp.log(3.0) - x[0] / 2


def funnel() -> None:
    v = numpyro.sample("v", dist.Normal(0.0, 3.0))
    numpyro.sample("a", dist.Normal(0.0, jnp.exp(v / 2)))


def test_neutra_through_a_fitted_flow_straightens_a_funnel() -> None:
    flow = pf.Pushforward(pf.distributions.StandardNormal((2,)), Funnel())
    target = posterior(KEY, funnel)
    np.testing.assert_allclose(target.log_density([1.0, 2.0]), flow.log_prob([1.0, 2.0]), rtol=1e-5)
    guide = target.guide(flow)
    neutra = NeuTraReparam(guide, {})
    latent = run_nuts(neutra.reparam(funnel), draws=2000)["auto_shared_latent"]
    np.testing.assert_allclose(latent.mean(axis=0), 0, atol=0.12)
    np.testing.assert_allclose(np.cov(latent.T), np.eye(2), atol=0.15)
    values = neutra.transform_sample(latent)
    assert np.mean(values["v"] < -3) == pytest.approx(stats.norm.cdf(-1), abs=0.04)
    np.testing.assert_allclose(values["v"], 3 * latent[:, 0], rtol=1e-5)
    samples = guide.sample_posterior(KEY, {}, sample_shape=(2000,))
    assert float(samples["v"].std()) == pytest.approx(3, rel=0.06)


def correlated(y: Any) -> None:
    """The posterior of (slope, intercept) is normal, far from 0 and correlated, and its order is not alphabetical."""
    slope: Any = numpyro.sample("slope", dist.Normal(0.0, 10.0))
    intercept: Any = numpyro.sample("intercept", dist.Normal(0.0, 10.0))
    numpyro.deterministic("at_one", slope + intercept)
    with numpyro.plate("rows", len(y)):
        numpyro.sample("y", dist.Normal(intercept + slope * jnp.linspace(0.0, 1.0, len(y)), 0.5), obs=y)


def test_svi_fits_the_flow() -> None:
    y = 2.0 + 3.0 * jnp.linspace(0.0, 1.0, 20)
    build = functools.partial(pf.flows.real_nvp, KEY, layers=1, hidden=(8,))
    guide = AutoFlow(correlated, build)
    with pytest.raises(ValueError, match=r"`guide` must be run once; .* Call `svi.init`"):
        guide.get_flow({})
    svi = SVI(correlated, guide, optax.adam(optax.cosine_decay_schedule(0.03, 1500)), Trace_ELBO(num_particles=8))
    result = svi.run(KEY, 1500, y, progress_bar=False)

    rows = np.stack([np.linspace(0, 1, 20), np.ones(20)], 1)
    covariance = np.linalg.inv(rows.T @ rows / 0.25 + np.eye(2) / 100)
    mean = covariance @ rows.T @ np.asarray(y) / 0.25
    flow = guide.get_flow(result.params)
    draws, log_prob = flow.sample_and_log_prob(KEY, 20_000)
    np.testing.assert_allclose(draws.mean(axis=0), mean, atol=0.05)
    np.testing.assert_allclose(np.cov(draws.T), covariance, atol=0.1 * covariance.max())
    # The Kullback-Leibler divergence, which is no smaller than 0 but for the draws, and which the flow can bring to 0.
    target = posterior(KEY, correlated, y)
    gap = jnp.mean(log_prob - jax.vmap(target.log_density)(draws))
    evidence = float(target.log_density(mean)) + np.linalg.slogdet(2 * np.pi * covariance)[1] / 2
    assert -0.005 < float(gap) + evidence < 0.05

    samples = guide.sample_posterior(KEY, result.params, sample_shape=(500,))
    assert set(samples) == {"slope", "intercept", "at_one"}
    np.testing.assert_allclose(samples["at_one"], samples["slope"] + samples["intercept"], rtol=1e-5)
    assert float(samples["slope"].mean()) == pytest.approx(mean[0], abs=0.15)
    x = guide.get_posterior(result.params).sample(KEY, (3,))
    transform = guide.get_transform(result.params)
    np.testing.assert_allclose(transform(transform.inv(x)), x, rtol=1e-4)


def test_the_order_of_the_vector_is_that_of_the_posterior() -> None:
    # Inside jit NumPyro's own initial values come in the order of the alphabet.
    y = jnp.ones(3)
    target = posterior(KEY, correlated, y)
    assert target.names == ("slope", "intercept")
    flow = affine([5.0, -5.0], [[0.1, 0.0], [0.0, 0.1]])
    guide = AutoFlow(correlated, flow)
    svi = SVI(correlated, guide, numpyro.optim.Adam(0.01), Trace_ELBO())
    state = jax.jit(svi.init)(KEY, y)
    samples = guide.sample_posterior(KEY, svi.get_params(state), sample_shape=(10,))
    np.testing.assert_allclose(samples["slope"], 5, atol=1)
    np.testing.assert_allclose(samples["intercept"], -5, atol=1)


# Made inside the test, where they are of its dtype.
@pytest.mark.parametrize(
    ("flow", "message"),
    [
        (lambda: lambda dim: dim, "`flow` must be a function that returns a `Pushforward`; got 2"),
        (
            lambda: affine([0.0], [[1.0]]),
            r"the model's unconstrained shape \(2,\); got `shape \(1,\)`",
        ),
        (lambda: bent(2, cond_dim=1), "`flow` must be unconditional"),
        (lambda: ended_by(pf.bijections.Exp((2,))), "`flow` must be a density on all real vectors; got Independent"),
    ],
    ids=["function", "shape", "conditional", "positive"],
)
def test_flows_that_are_no_guide(flow: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        numpyro.handlers.seed(AutoFlow(funnel, flow()), KEY)()


def test_without_numpyro(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpyro", None)
    monkeypatch.delitem(sys.modules, "pushforward.numpyro")
    with pytest.raises(ImportError, match=r"pushforward.numpyro needs NumPyro: pip install pushforward\[numpyro\]"):
        importlib.import_module("pushforward.numpyro")


def test_without_arviz(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "arviz", None)
    with pytest.raises(ImportError, match=r"`to_arviz` needs ArviZ: pip install pushforward\[numpyro\]"):
        posterior(KEY, funnel).to_arviz(np.zeros((1, 2)))
