"""Posteriors of simulators: C2ST against reference posteriors of the benchmark of simulation-based inference, sbibm.

    python -m benchmarks.simulators [--method METHOD]... [--tasks-directory DIRECTORY] [TASK ...]

"Benchmarking Simulation-Based Inference", Lueckmann, Boelts, Greenberg, Gonçalves, Macke, 2021. A classifier tells the
10,000 draws of each reference posterior from as many of a method: 0.5 is chance. All methods see the same 10,000
simulations of a task, and none has settings of its own for a task:

- npe: neural posterior estimation, an equal mixture of flows q(theta | x) on the support of the prior.
- nle: neural likelihood estimation, a flow q(x | theta); to each posterior a flow is fitted by `pf.fit_density`, and
  its draws are resampled by their importance weights.
- nle-fab: the same, with `pf.train.FAB()`, which looks for modes far apart.
- nle-npe: the same likelihood, but the mixture of "npe" is the proposal. Its seconds include those of both fits.
- sbi, sbi-nsf: NPE of the library sbi (https://github.com/sbi-dev/sbi), where that is installed, with its defaults
  and its default density estimator, and with "nsf".
- published: NPE, SNPE-C, NLE and SNLE of the paper at 10,000 simulations: `benchmarking_sbi/results/main_paper.csv`
  of https://github.com/sbi-benchmark/results at commit 741183c. Theirs are fitted anew for each observation, and their
  seconds are those of other machines.

Seconds are from the simulations to the draws for all three observations.
"""

import argparse
import importlib.util
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.scipy import stats
from scipy.special import logsumexp

import pushforward as pf
from pushforward import bijections as b

TASKS_DIRECTORY = Path(__file__).parents[2] / "shared" / "data" / "sbibm"
SIMULATIONS, DRAWS = 10_000, 10_000
OBSERVATIONS = (1, 2, 3)
#: Draws of a proposal from which those of a posterior are resampled: enough that hardly any occurs twice.
PROPOSALS = 200_000
#: Flows of a mixture. Each holds other rows back for validation.
MEMBERS = 5
#: Of every fit: `pf.fit` has the same, but Adam, which decays no weights.
BATCH, LEARNING_RATE, WEIGHT_DECAY, EPOCHS = 512, 5e-3, 0.3, 84


@dataclass(frozen=True)
class Task:
    """A prior and a simulator.

    Attributes:
        prior: n draws of it, (n, parameters).
        simulate: (n, parameters) -> (n, numbers), one observation for each row of parameters.
        log_prior: of one vector of parameters.
        support: of the prior.
        parts: of an observation that are independent and identically distributed given the parameters.
    """

    prior: Callable[[np.random.Generator, int], np.ndarray]
    simulate: Callable[[np.random.Generator, np.ndarray], np.ndarray]
    log_prior: Callable[[Any], Any]
    support: b.AbstractBijection
    parts: int = 1


def two_moons(rng: np.random.Generator, theta: np.ndarray) -> np.ndarray:
    """A crescent, moved by |theta1 + theta2|, which leaves two crescents of parameters."""
    angle, radius = rng.uniform(-math.pi / 2, math.pi / 2, len(theta)), rng.normal(0.1, 0.01, len(theta))
    across, along = np.abs(theta[:, 0] + theta[:, 1]) / math.sqrt(2), (theta[:, 1] - theta[:, 0]) / math.sqrt(2)
    return np.stack([radius * np.cos(angle) + 0.25 - across, radius * np.sin(angle) + along], axis=1)


def slcp(rng: np.random.Generator, theta: np.ndarray) -> np.ndarray:
    """Four draws of a normal distribution in the plane, whose scales are theta3² and theta4²: four modes."""
    first, second, rho = theta[:, 2] ** 2, theta[:, 3] ** 2, np.tanh(theta[:, 4])
    covariance = np.stack([first**2, rho * first * second, rho * first * second, second**2], axis=1).reshape(-1, 2, 2)
    factor = np.linalg.cholesky(covariance + 1e-6 * np.eye(2))
    noise = rng.normal(size=(len(theta), 4, 2))
    return (theta[:, None, :2] + np.einsum("nij,npj->npi", factor, noise)).reshape(len(theta), 8)


def gaussian_linear(rng: np.random.Generator, theta: np.ndarray) -> np.ndarray:
    """The parameters and normal noise of the prior's variance, 0.1."""
    return theta + math.sqrt(0.1) * rng.normal(size=theta.shape)


def _box(simulate: Callable[[np.random.Generator, np.ndarray], np.ndarray], dim: int, half: float, parts: int) -> Task:
    """Return a task with a uniform prior on [-half, half]^dim."""
    return Task(
        # The ends are moved inwards by a rounding step of float32, for a flow's support is open.
        lambda rng, n: rng.uniform(-half, half, (n, dim)) * (1 - 1e-6),
        simulate,
        lambda theta: jnp.where(jnp.all(jnp.abs(theta) < half), -dim * math.log(2 * half), -jnp.inf),
        b.Sigmoid((dim,), -half, half),
        parts,
    )


TASKS = {
    "two_moons": _box(two_moons, 2, 1.0, 1),
    "slcp": _box(slcp, 5, 3.0, 4),
    "gaussian_linear": Task(
        lambda rng, n: math.sqrt(0.1) * rng.normal(size=(n, 10)),
        gaussian_linear,
        lambda theta: stats.norm.logpdf(theta, 0.0, math.sqrt(0.1)).sum(),
        b.Identity((10,)),
    ),
}


#: C2ST of observations 1, 2, 3, and seconds of all three, as published.
PUBLISHED = {
    "two_moons": {
        "NPE": (0.542, 0.571, 0.646, 330),
        "SNPE-C": (0.547, 0.526, 0.581, 875),
        "NLE": (0.632, 0.646, 0.715, 418),
        "SNLE": (0.504, 0.536, 0.571, 509),
    },
    "slcp": {
        "NPE": (0.944, 0.938, 0.799, 506),
        "SNPE-C": (0.873, 0.812, 0.775, 1475),
        "NLE": (0.743, 0.760, 0.743, 1037),
        "SNLE": (0.702, 0.747, 0.660, 1095),
    },
    "gaussian_linear": {
        "NPE": (0.565, 0.531, 0.534, 210),
        "SNPE-C": (0.558, 0.545, 0.534, 1302),
        "NLE": (0.558, 0.524, 0.546, 806),
        "SNLE": (0.555, 0.546, 0.553, 1678),
    },
}


class Mixture:
    """An equal mixture of flows q(theta | x) at one x; `pf.evaluate.importance` takes it as a flow."""

    cond_shape = None

    def __init__(self, members: list[pf.Pushforward], x: np.ndarray):
        self._members, self._x = members, x

    def log_prob(self, theta: np.ndarray) -> np.ndarray:
        """Return log q(theta | x) of each row."""
        each = [np.asarray(flow.log_prob(theta, self._x), np.float64) for flow in self._members]
        return logsumexp(each, axis=0) - math.log(len(each))

    def sample_and_log_prob(self, key: Any, shape: tuple[int]) -> tuple[np.ndarray, np.ndarray]:
        """Return draws, as many from each flow as from any other, and their log-densities."""
        count = -(-shape[0] // len(self._members))
        keys = jax.random.split(key, len(self._members))
        draws = [np.asarray(flow.sample(k, count, self._x)) for flow, k in zip(self._members, keys, strict=True)]
        # Interleaved, so that a part has as many of each, too.
        theta = np.stack(draws, axis=1).reshape(-1, self._members[0].shape[0])[: shape[0]]
        return theta, self.log_prob(theta)


def optimizer(rows: int) -> optax.GradientTransformation:
    """Return AdamW with the schedule of `pf.fit`: against 10,000 simulations, networks overfit without the decay."""
    steps = EPOCHS * math.ceil(0.9 * rows / BATCH)
    rate = optax.warmup_cosine_decay_schedule(0.0, LEARNING_RATE, steps // 50, steps)
    return optax.adamw(rate, weight_decay=WEIGHT_DECAY)


def fit(key: Any, flow: pf.Pushforward, x: np.ndarray, condition: np.ndarray) -> pf.Pushforward:
    """Return the flow fitted to pairs, with the settings of all tasks."""
    return pf.fit(key, flow, x, condition, batch_size=BATCH, max_epochs=EPOCHS, optimizer=optimizer(len(x))).flow


@dataclass(frozen=True)
class Problem:
    """A task, its simulations, and the observations."""

    task: Task
    theta: np.ndarray
    x: np.ndarray
    observations: list[np.ndarray]


#: The draws of the posterior of each observation.
Method = Callable[[Any, Problem], list[np.ndarray]]


def posterior_flows(key: Any, problem: Problem) -> list[pf.Pushforward]:
    """Return flows q(theta | x) on the support of the prior."""
    flows = []
    for k in jax.random.split(key, MEMBERS):
        for_flow, for_fit = jax.random.split(k)
        flow = pf.flows.nsf(for_flow, problem.theta.shape[1], cond_dim=problem.x.shape[1])
        flows.append(fit(for_fit, pf.flows.constrain(flow, problem.task.support), problem.theta, problem.x))
    return flows


def likelihood(key: Any, problem: Problem) -> Callable[[np.ndarray], Callable[[Any], Any]]:
    """Return a function x -> (theta -> log q(x | theta) + log prior(theta)).

    Where an observation has parts that are independent and identically distributed, the flow is of one part, and is
    fitted to all parts of all simulations.
    """
    parts, dim = problem.task.parts, problem.x.shape[1] // problem.task.parts
    for_flow, for_fit = jax.random.split(key)
    flow = pf.flows.nsf(for_flow, dim, cond_dim=problem.theta.shape[1])
    flow = fit(for_fit, flow, problem.x.reshape(-1, dim), np.repeat(problem.theta, parts, axis=0))

    def posterior(x: np.ndarray) -> Callable[[Any], Any]:
        each = jnp.asarray(x.reshape(parts, dim))
        return lambda theta: flow.log_prob(each, theta).sum() + problem.task.log_prior(theta)

    return posterior


def npe(key: Any, problem: Problem) -> list[np.ndarray]:
    for_fit, *keys = jax.random.split(key, 1 + len(problem.observations))
    flows = posterior_flows(for_fit, problem)
    pairs = zip(keys, problem.observations, strict=True)
    return [Mixture(flows, x).sample_and_log_prob(k, (DRAWS,))[0] for k, x in pairs]


def nle(key: Any, problem: Problem, objective: Any = None) -> list[np.ndarray]:
    for_fit, *keys = jax.random.split(key, 1 + len(problem.observations))
    posterior = likelihood(for_fit, problem)
    draws = []
    for k, x in zip(keys, problem.observations, strict=True):
        for_flow, for_fit, for_draws, for_choice = jax.random.split(k, 4)
        flow = pf.flows.nsf(for_flow, problem.theta.shape[1], wiring="coupling")
        flow = pf.flows.constrain(flow, problem.task.support)
        flow = pf.fit_density(for_fit, flow, posterior(x), objective=objective).flow
        found = pf.evaluate.importance(for_draws, flow, posterior(x), PROPOSALS)
        print(found.verdict, file=sys.stderr, flush=True)
        draws.append(found.resample(for_choice, DRAWS))
    return draws


def nle_npe(key: Any, problem: Problem) -> list[np.ndarray]:
    for_posterior, for_likelihood, *keys = jax.random.split(key, 2 + len(problem.observations))
    flows, posterior = posterior_flows(for_posterior, problem), likelihood(for_likelihood, problem)
    draws = []
    for k, x in zip(keys, problem.observations, strict=True):
        for_draws, for_choice = jax.random.split(k)
        found = pf.evaluate.importance(for_draws, Mixture(flows, x), posterior(x), PROPOSALS)
        print(found.verdict, file=sys.stderr, flush=True)
        draws.append(found.resample(for_choice, DRAWS))
    return draws


def sbi_npe(key: Any, problem: Problem, density_estimator: str = "maf") -> list[np.ndarray]:
    """Posteriors by the library sbi, on all cores that the process may use."""
    import torch
    from sbi.inference import NPE
    from sbi.utils import BoxUniform

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(int(jax.random.bits(key)))
    dim, support = problem.theta.shape[1], problem.task.support
    if isinstance(support, b.Sigmoid):
        prior = BoxUniform(torch.tensor(np.array(support.low)), torch.tensor(np.array(support.high)))
    else:
        prior = torch.distributions.MultivariateNormal(torch.zeros(dim), 0.1 * torch.eye(dim))
    trainer = NPE(prior, density_estimator=density_estimator, show_progress_bars=False)
    trainer.append_simulations(torch.tensor(problem.theta), torch.tensor(problem.x)).train()
    posterior = trainer.build_posterior()
    return [
        posterior.sample((DRAWS,), x=torch.tensor(x)[None], show_progress_bars=False).numpy()
        for x in problem.observations
    ]


METHODS: dict[str, Method] = {
    "npe": npe,
    "nle": nle,
    "nle-fab": partial(nle, objective=pf.train.FAB()),
    "nle-npe": nle_npe,
    "sbi": sbi_npe,
    "sbi-nsf": partial(sbi_npe, density_estimator="nsf"),
}


def measure(name: str, method: str, directory: Path, seed: int) -> str:
    """Return the row of the table of a task and a method."""
    task, stored = TASKS[name], np.load(directory / f"{name}.npz")
    rng = np.random.default_rng(seed)
    theta = task.prior(rng, SIMULATIONS)
    x = task.simulate(rng, theta)
    observations = [stored[f"observation_{k}"] for k in OBSERVATIONS]
    problem = Problem(task, theta.astype(np.float32), x.astype(np.float32), observations)
    for_method, *keys = jax.random.split(jax.random.key(seed), 1 + len(OBSERVATIONS))
    began = time.perf_counter()
    draws = METHODS[method](for_method, problem)
    seconds = time.perf_counter() - began
    references = [stored[f"posterior_{k}"] for k in OBSERVATIONS]
    found = [pf.evaluate.c2st(k, r, d).value for k, r, d in zip(keys, references, draws, strict=True)]
    return row(name, method, found, seconds)


def row(name: str, method: str, c2st: Sequence[float], seconds: float) -> str:
    figures = " | ".join(f"{value:.3f}" for value in [*c2st, np.mean(c2st)])
    return f"| {name} | {method} | {figures} | {seconds:.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=f"of {', '.join(TASKS)}; all by default")
    parser.add_argument("--method", action="append", choices=[*METHODS, "published"], help="all by default")
    parser.add_argument("--tasks-directory", type=Path, default=TASKS_DIRECTORY)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    unknown = set(args.tasks) - set(TASKS)
    if unknown:
        parser.error(f"TASK must be of {', '.join(TASKS)}; got {', '.join(sorted(unknown))}")
    # Two cores are better used by two devices; see docs/speed.md.
    jax.config.update("jax_num_cpu_devices", len(os.sched_getaffinity(0)))
    print("| task | method | C2ST 1 | C2ST 2 | C2ST 3 | mean | seconds |\n|---|---|---|---|---|---|---|")
    for name in args.tasks or TASKS:
        for method in args.method or [*METHODS, "published"]:
            if method == "published":
                for published, (*c2st, seconds) in PUBLISHED[name].items():
                    print(row(name, f"{published}, published", c2st, seconds))
            elif method.startswith("sbi") and importlib.util.find_spec("sbi") is None:
                print(f"| {name} | {method} | not installed | | | | |")
            else:
                print(measure(name, method, args.tasks_directory, args.seed), flush=True)


if __name__ == "__main__":
    main()
