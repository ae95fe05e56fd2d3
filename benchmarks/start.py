"""From the start of a process to a fitted density: trains until rows it does not see reach a log-likelihood.

    python -m benchmarks.start LIBRARY THREADS [--rate 0.002]

The loop is the same for all libraries: batches of 512, Adam at a constant rate, a check after each epoch. Started by
`python -m benchmarks`, which takes the time. The line that it prints says what the seconds went to.
"""

import argparse
import json
import time

import numpy as np

from . import problem
from .libraries import build, load
from .spec import Spec, UnsupportedError
from .worker import confine

#: Epochs after which a library has failed.
EPOCHS = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library")
    parser.add_argument("threads", type=int)
    parser.add_argument("--rate", type=float, default=2e-3)
    args = parser.parse_args()
    confine(args.threads)
    phases, since = {}, time.perf_counter()

    def done(phase: str) -> None:
        nonlocal since
        now = time.perf_counter()
        phases[phase], since = phases.get(phase, 0.0) + now - since, now

    load(args.library, args.threads)
    done("imports")
    spec = Spec("nsf", problem.DIM, rate=args.rate)
    rows, _ = problem.draw(20_000, 1)
    held_out, truth = problem.draw(2_000, 2)
    try:
        model, rng = build(args.library, spec), np.random.default_rng(0)
    except UnsupportedError as error:
        raise SystemExit(str(error)) from None
    model.see(rows)
    done("data and flow")
    seen, steps = model.array(held_out), len(rows) // spec.batch
    for epoch in range(1, EPOCHS + 1):
        order = rng.permutation(len(rows))[: steps * spec.batch]
        model.train(model.place(rows[order].reshape(steps, spec.batch, -1), None))
        done("first epoch" if epoch == 1 else "other epochs")
        gap = truth - float(np.mean(np.asarray(model.log_prob(seen, None))))
        done("first check" if epoch == 1 else "other epochs")
        if gap <= problem.GAP:
            print(json.dumps({"epochs": epoch, "gap": gap, "phases": phases}), flush=True)
            return
    raise SystemExit(f"{gap:.3f} nats below the truth after {EPOCHS} epochs")


if __name__ == "__main__":
    main()
