"""From a table to a density: read, fit, evaluate, sample, look, save, load.

    python examples/weather.py [DIRECTORY]

Writes DIRECTORY/weather.pf and draws DIRECTORY/weather.png: samples of the flow against held-out rows.
"""

import sys
from pathlib import Path

import jax
import numpy as np

import pushforward as pf

DATA = Path(__file__).parents[1] / "data" / "weather.csv"
COLUMNS = ("temp", "dewp", "humid", "wind_speed", "pressure")


def main(directory: Path) -> None:
    table = pf.data.read_table(DATA, COLUMNS)
    print(table.report())
    rows = np.random.default_rng(0).permutation(table.values)
    test, train = rows[:2000], rows[2000:]

    flow = pf.flows.nsf(jax.random.key(0), dim=len(COLUMNS), layers=3, hidden=(64, 64))
    result = pf.fit(jax.random.key(1), flow, train, max_epochs=30)
    log_prob = result.flow.log_prob(test)
    error = log_prob.std() / len(test) ** 0.5
    print(f"held-out log-likelihood: {log_prob.mean():.3f} ± {error:.3f} nats per row")
    print(f"epochs: {len(result.history['val'])}, best: {result.best_epoch}, seconds: {result.seconds:.0f}")

    samples = result.flow.sample(jax.random.key(2), 2000)
    axes = pf.plot.corner(samples, test, names=COLUMNS)
    axes.flat[0].figure.savefig(directory / "weather.png", dpi=100)

    pf.save(directory / "weather.pf", result.flow, {"columns": COLUMNS})
    loaded = pf.load(directory / "weather.pf")
    assert np.array_equal(loaded.log_prob(test), log_prob)
    print("saved, loaded, and bit for bit the same densities")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
