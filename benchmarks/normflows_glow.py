"""The Glow of normflows' documentation, made for images of one channel: what `benchmarks.images` compares with.

https://github.com/VincentStimper/normalizing-flows, examples/glow.ipynb: blocks of three convolutions with 256 hidden
channels, halved by channel, 16 a level; diagonal Gaussian bases with parameters of their own for each element; Adamax
at a constant rate of 1e-3 with weight decay 1e-5; batches of 128; pixels as (x + u) / 256, u uniform in [0, 1). Two
things differ: there are two levels, because 28 pixels can be halved twice, and the bases know no classes.
"""

import copy
import math
import time
from typing import Any

import normflows as nf
import numpy as np
import torch
from torch import Tensor

#: Images of which densities are asked for at once.
PIECE = 250


def build(shape: tuple[int, int, int], levels: int, steps: int, hidden: int) -> nf.MultiscaleFlow:
    """Return the flow of images of `shape`: height, width, channels."""
    height, width, channels = shape
    bases, flows, merges = [], [], []
    for i in range(levels):
        size = channels * 2 ** (levels + 1 - i)
        blocks = [nf.flows.GlowBlock(size, hidden, split_mode="channel", scale=True) for _ in range(steps)]
        flows.append([*blocks, nf.flows.Squeeze()])
        if i > 0:
            merges.append(nf.flows.Merge())
        # The coarsest level keeps all of its channels, the others half: the rest goes on to the next level.
        factor = 2 ** (levels - i)
        bases.append(nf.distributions.DiagGaussian((size if i == 0 else size // 2, height // factor, width // factor)))
    return nf.MultiscaleFlow(bases, flows, merges, class_cond=False)


def log_prob(model: torch.nn.Module, x: Tensor) -> Tensor:
    """Return log-densities of images x = pixels + u in [0, 256), in nats, in the units of the pixels."""
    return model.log_prob(x / 256, None) - x[0].numel() * math.log(256)


@torch.no_grad()
def bits_per_dim(model: torch.nn.Module, pixels: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """Return the bits per dimension of each image, of the bound by `draws` uniform draws."""
    generator = torch.Generator().manual_seed(seed)
    values = []
    for start in range(0, len(pixels), PIECE):
        x = _tensor(pixels[start : start + PIECE])
        densities = [log_prob(model, x + torch.rand(x.shape, generator=generator)) for _ in range(draws)]
        values.append(torch.logsumexp(torch.stack(densities).double(), 0) - math.log(draws))
    return -torch.cat(values).numpy() / (pixels[0].size * math.log(2))


@torch.no_grad()
def sample(model: nf.MultiscaleFlow, n: int) -> np.ndarray:
    """Return n images of pixels 0 to 255."""
    x = model.sample(n)[0].permute(0, 2, 3, 1).numpy()
    return np.clip(np.floor(256 * x), 0, 255).astype(np.uint8)


def train(
    train: np.ndarray, val: np.ndarray, seconds: float, seed: int, settings: dict[str, Any]
) -> tuple[nf.MultiscaleFlow, dict[str, Any]]:
    """Train for so many seconds, validation after each epoch included; return the best epoch's flow, and figures."""
    torch.manual_seed(seed)
    began = time.perf_counter()
    model = build(train.shape[1:], settings["levels"], settings["steps"], settings["hidden"])
    optimizer = torch.optim.Adamax(model.parameters(), lr=settings["rate"], weight_decay=1e-5)
    images, batch = _tensor(train), settings["batch"]
    per_epoch = len(images) // batch
    best, best_loss, best_step, step, skipped, validation, over = model, math.inf, 0, 0, 0, 0.0, False
    while not over:
        if step % per_epoch == 0:
            # As in the example, the rows of an incomplete last batch are left out of the epoch.
            order = torch.randperm(len(images))[: per_epoch * batch].reshape(per_epoch, batch)
        x = images[order[step % per_epoch]]
        loss = -log_prob(model, x + torch.rand_like(x)).mean()
        optimizer.zero_grad()
        if torch.isfinite(loss):
            loss.backward()
            optimizer.step()
        else:
            skipped += 1
        step += 1
        # The time of a validation is kept back, so that the last parameters are judged, too.
        over = time.perf_counter() - began + validation > seconds
        if over or step % per_epoch == 0:
            start = time.perf_counter()
            loss = float(bits_per_dim(model, val, 1, seed).mean())
            validation = time.perf_counter() - start
            print(
                f"{step / per_epoch:.2f} epochs, {start - began:.0f} s: {loss:.4f} bits/dim of validation", flush=True
            )
            if loss < best_loss:
                best, best_loss, best_step = copy.deepcopy(model), loss, step
    return best, {
        "seconds": time.perf_counter() - began,
        "epochs": step / per_epoch,
        "best_epoch": best_step / per_epoch,
        "validation": best_loss,
        "skipped": skipped,
        "parameters": sum(p.numel() for p in model.parameters()),
    }


def _tensor(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(pixels.astype(np.float32)).permute(0, 3, 1, 2).contiguous()
