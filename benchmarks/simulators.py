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
  of https://github.com/sbi-benchmark/results at commit 741183c. Theirs are fitted anew for each observation, their
  seconds are those of other machines, and their classifier was trained to the end, where that of `pf.evaluate.c2st`
  stops early: figures of the two do not compare to the last digit.

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
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.scipy import stats

import pushforward as pf
from pushforward import bijections as b

TASKS_DIRECTORY = Path(__file__).parents[2] / "shared" / "data" / "sbibm"
SIMULATIONS, DRAWS = 10_000, 10_000
OBSERVATIONS = (1, 2, 3)
#: Draws of a proposal from which those of a posterior are resampled.
PROPOSALS = 200_000
#: Flows of a mixture. Each holds other rows back for validation.
MEMBERS = 5
#: Of every fit. `pf.fit` has the same learning rate, but batches of 512, 1,500 steps and Adam, which decays no weights:
#: with so few simulations its networks overfit.
BATCH, LEARNING_RATE, WEIGHT_DECAY, STEPS = 128, 5e-3, 0.3, 6_000


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


def _normal() -> Task:
    return Task(
        lambda rng, n: math.sqrt(0.1) * rng.normal(size=(n, 10)),
        gaussian_linear,
        lambda theta: stats.norm.logpdf(theta, 0.0, math.sqrt(0.1)).sum(),
        b.Identity((10,)),
    )


#: Built when they are asked for, since the first array fixes how many devices JAX has.
TASKS: dict[str, Callable[[], Task]] = {
    "two_moons": partial(_box, two_moons, 2, 1.0, 1),
    "slcp": partial(_box, slcp, 5, 3.0, 4),
    "gaussian_linear": _normal,
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


@cache
def adamw(steps: int) -> optax.GradientTransformation:
    """Return AdamW with the schedule of `pf.fit`; one object, so that the fits of a mixture share a compilation."""
    rate = optax.warmup_cosine_decay_schedule(0.0, LEARNING_RATE, 200, steps)
    return optax.adamw(rate, weight_decay=WEIGHT_DECAY)


def fit(key: Any, flow: pf.Pushforward, x: np.ndarray, condition: np.ndarray) -> pf.Pushforward:
    """Return the flow fitted to pairs."""
    per_epoch = math.ceil(0.9 * len(x) / BATCH)
    epochs = math.ceil(STEPS / per_epoch)
    optimizer = adamw(epochs * per_epoch)
    return pf.fit(key, flow, x, condition, batch_size=BATCH, max_epochs=epochs, optimizer=optimizer).flow


class Problem:
    """A task, its simulations and what is fitted to them: once, for all methods that need it.

    Attributes:
        task: the prior and the simulator.
        theta, x: the simulations.
        observations: of which the posteriors are asked.
        seconds: that each fit took, by its name.
    """

    def __init__(self, task: Task, seed: int, observations: list[np.ndarray]):
        rng = np.random.default_rng(seed)
        theta = task.prior(rng, SIMULATIONS)
        self.task, self.observations = task, observations
        self.theta, self.x = theta.astype(np.float32), task.simulate(rng, theta).astype(np.float32)
        self.seconds: dict[str, float] = {}
        self._keys = jax.random.split(jax.random.key(seed))

    @cached_property
    def posterior(self) -> pf.distributions.Mixture:
        """An equal mixture of flows q(theta | x) on the support of the prior."""
        began, flows = time.perf_counter(), []
        for key in jax.random.split(self._keys[0], MEMBERS):
            for_flow, for_fit = jax.random.split(key)
            flow = pf.flows.nsf(for_flow, self.theta.shape[1], cond_dim=self.x.shape[1])
            flows.append(fit(for_fit, pf.adapt.constrain(flow, self.task.support), self.theta, self.x))
        self.seconds["posterior"] = time.perf_counter() - began
        return pf.distributions.Mixture(flows)

    @cached_property
    def likelihood(self) -> pf.Pushforward:
        """A flow q(part of x | theta).

        Where an observation has parts that are independent and identically distributed, all parts of all simulations
        are rows of one fit.
        """
        began, parts = time.perf_counter(), self.task.parts
        dim = self.x.shape[1] // parts
        for_flow, for_fit = jax.random.split(self._keys[1])
        flow = pf.flows.nsf(for_flow, dim, cond_dim=self.theta.shape[1])
        flow = fit(for_fit, flow, self.x.reshape(-1, dim), np.repeat(self.theta, parts, axis=0))
        self.seconds["likelihood"] = time.perf_counter() - began
        return flow

    def log_density(self, x: np.ndarray) -> Callable[[Any], Any]:
        """Return theta -> log q(x | theta) + log prior(theta)."""
        flow, parts = self.likelihood, jnp.asarray(x.reshape(self.task.parts, -1))
        return lambda theta: flow.log_prob(parts, theta).sum() + self.task.log_prior(theta)


def resampled(key: Any, proposal: Any, log_density: Callable[[Any], Any]) -> np.ndarray:
    """Return draws of the density, chosen among those of the proposal."""
    for_draws, for_choice = jax.random.split(key)
    found = pf.evaluate.importance(for_draws, proposal, log_density, PROPOSALS)
    print(found.verdict, file=sys.stderr, flush=True)
    return found.resample(for_choice, DRAWS)


def npe(key: Any, problem: Problem, x: np.ndarray) -> np.ndarray:
    return np.asarray(problem.posterior.sample(key, DRAWS, x))


def nle(key: Any, problem: Problem, x: np.ndarray, objective: Any = None) -> np.ndarray:
    for_flow, for_fit, for_draws = jax.random.split(key, 3)
    flow = pf.flows.nsf(for_flow, problem.theta.shape[1], wiring="coupling")
    flow = pf.adapt.constrain(flow, problem.task.support)
    flow = pf.fit_density(for_fit, flow, problem.log_density(x), objective=objective).flow
    return resampled(for_draws, flow, problem.log_density(x))


def nle_npe(key: Any, problem: Problem, x: np.ndarray) -> np.ndarray:
    return resampled(key, pf.distributions.Conditioned(problem.posterior, x), problem.log_density(x))


def fit_sbi(problem: Problem, density_estimator: str) -> Any:
    """Return the posterior of the library sbi for any x, fitted on all cores that the process may use."""
    import torch
    from sbi.inference import NPE
    from sbi.utils import BoxUniform

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(0)
    dim, support = problem.theta.shape[1], problem.task.support
    if isinstance(support, b.Sigmoid):
        prior: Any = BoxUniform(torch.tensor(np.array(support.low)), torch.tensor(np.array(support.high)))
    else:
        prior = torch.distributions.MultivariateNormal(torch.zeros(dim), 0.1 * torch.eye(dim))
    trainer = NPE(prior, density_estimator=density_estimator, show_progress_bars=False)
    trainer.append_simulations(torch.tensor(problem.theta), torch.tensor(problem.x)).train()
    return trainer.build_posterior()


#: By name: what is fitted once, and the draws of one posterior.
METHODS: dict[str, tuple[tuple[str, ...], Callable[[Any, Problem, np.ndarray], np.ndarray]]] = {
    "npe": (("posterior",), npe),
    "nle": (("likelihood",), nle),
    "nle-fab": (("likelihood",), partial(nle, objective=pf.train.FAB())),
    "nle-npe": (("posterior", "likelihood"), nle_npe),
}
SBI = {"sbi": "maf", "sbi-nsf": "nsf"}


def measure(problem: Problem, method: str) -> tuple[list[np.ndarray], float]:
    """Return draws of the posterior of each observation, and the seconds from the simulations to them."""
    keys = jax.random.split(jax.random.key(0), len(problem.observations))
    if method in SBI:
        began, fitted = time.perf_counter(), 0.0
        posterior = fit_sbi(problem, SBI[method])
        draws = [posterior.sample((DRAWS,), x=x[None], show_progress_bars=False).numpy() for x in problem.observations]
    else:
        needed, draw = METHODS[method]
        for name in needed:
            getattr(problem, name)
        began, fitted = time.perf_counter(), sum(problem.seconds[name] for name in needed)
        draws = [draw(k, problem, x) for k, x in zip(keys, problem.observations, strict=True)]
    return draws, fitted + time.perf_counter() - began


def row(name: str, method: str, c2st: Sequence[float], seconds: float) -> str:
    figures = " | ".join(f"{value:.3f}" for value in [*c2st, np.mean(c2st)])
    return f"| {name} | {method} | {figures} | {seconds:.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=f"of {', '.join(TASKS)}; all by default")
    parser.add_argument("--method", action="append", choices=[*METHODS, *SBI, "published"], help="all by default")
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
        stored = np.load(args.tasks_directory / f"{name}.npz")
        problem = Problem(TASKS[name](), args.seed, [stored[f"observation_{k}"] for k in OBSERVATIONS])
        references = [stored[f"posterior_{k}"] for k in OBSERVATIONS]
        for method in args.method or [*METHODS, *SBI, "published"]:
            if method == "published":
                for published, (*values, seconds) in PUBLISHED[name].items():
                    print(row(name, f"{published}, published", values, seconds))
            elif method in SBI and importlib.util.find_spec("sbi") is None:
                print(f"| {name} | {method} | not installed | | | | |")
            else:
                draws, seconds = measure(problem, method)
                keys = jax.random.split(jax.random.key(args.seed), len(draws))
                pairs = zip(keys, references, draws, strict=True)
                print(row(name, method, [pf.evaluate.c2st(k, r, d).value for k, r, d in pairs], seconds), flush=True)


if __name__ == "__main__":
    main()
