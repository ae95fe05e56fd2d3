"""Causal transformer, parallel and incremental."""

import math
from typing import Any, NamedTuple, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.ad_checkpoint import checkpoint_name
from jax.lax import dynamic_update_index_in_dim
from jaxtyping import Array, Float, Int

from ..._errors import require, require_count
from ..._types import Condition, Key
from ...numerics.products import PRODUCT, precision
from ...numerics.safe import compress_tails
from .._layers import Compute, checked_compute, computed_in, normalized, uniform, zeros
from ._base import AbstractAutoregressiveConditioner


class _Layers(NamedTuple):
    """Stacked weights of the layers; the last two axes are inputs and outputs."""

    attend: Array
    project: Array
    up: Array
    up_bias: Array
    down: Array
    down_bias: Array


class _State(NamedTuple):
    """The state before a step.

    Attributes:
        last: the token of the step before, (size, *batch).
        given: the term that the condition adds to each token, (n, width).
        keys, values: of the tokens so far, (layers, n, heads, dim, width / heads).
    """

    last: Array
    given: Array
    keys: Array
    values: Array


@final
class CausalTransformer(AbstractAutoregressiveConditioner):
    """Transformer over tokens: the parameters of token `order[i]` depend on x[order[:i]] and the condition.

        h_i = W x_order[i-1] + position_i + V condition   (a learned vector in place of W x for i = 0)
        h ← h + attention(norm(h)),   h ← h + W₂ gelu(W₁ norm(h)),   params_order[i] = U norm(h_i) + bias_i

    Attention at step i sees the steps up to i. The incremental form keeps the keys and values of the tokens so far, so
    that each token goes through the network once; together the steps cost as much as one parallel pass. U starts at
    zero. The network sees inputs beyond ±5 as ±5 (1 + log(|x| / 5)).

    Arguments:
        key: for the initial weights.
        dim: number of tokens.
        size: elements of a token.
        num_params: parameters per element.
        width: of the hidden layers, a multiple of `heads`.
        layers: number of layers of attention.
        heads: number of heads of attention.
        cond_dim: elements of the condition, 0 for none.
        order: the token that each step generates; 0, 1, ..., dim - 1 by default.
        compute: "bfloat16" to multiply in bfloat16; None to multiply in the dtype of x. In bfloat16 the two forms agree
            to its three digits only, and so do the density returned with a draw and its density evaluated afterwards.

    Reference:
        "Attention Is All You Need", Vaswani et al., 2017; "Normalizing Flows are Capable Generative Models", Zhai et
        al., 2024, for its use in a flow.
    """

    embed: Array
    start_token: Array
    position: Array
    given: Array | None
    layers: tuple[Array, ...]
    out: Array
    out_bias: Array
    dim: int = eqx.field(static=True)
    token: tuple[int, ...] = eqx.field(static=True)
    num_params: int = eqx.field(static=True)
    heads: int = eqx.field(static=True)
    cond_dim: int = eqx.field(static=True)
    order: tuple[int, ...] = eqx.field(static=True)
    compute: Compute = eqx.field(static=True)

    def __init__(
        self,
        key: Key,
        dim: int,
        size: int,
        num_params: int,
        *,
        width: int = 128,
        layers: int = 2,
        heads: int = 4,
        cond_dim: int = 0,
        order: tuple[int, ...] | None = None,
        compute: Compute = None,
    ):
        counts = {"dim": dim, "size": size, "num_params": num_params, "width": width, "layers": layers, "heads": heads}
        dim, size, num_params, width, layers, heads = (require_count(name, count) for name, count in counts.items())
        cond_dim = require_count("cond_dim", cond_dim, 0)
        require(width % heads == 0, "width", f"a multiple of the {heads} `heads`", width)
        order = tuple(range(dim)) if order is None else tuple(int(i) for i in order)
        require(sorted(order) == list(range(dim)), "order", f"a permutation of 0, ..., {dim - 1}", order)
        of_layer = [(width, 3 * width), (width, width), (width, 4 * width), (4 * width, width)]
        shapes = [shape for shape in of_layer for _ in range(layers)]
        embed, start, position, *rest = uniform(
            key, [(size, width), (1, width), (1, dim * width), *shapes, *([(cond_dim, width)] if cond_dim else [])]
        )
        self.given = rest.pop() if cond_dim else None
        attend, project, up, down = (jnp.stack(rest[i * layers : (i + 1) * layers]) for i in range(4))
        self.embed, self.start_token = embed, 0.1 * start[0]
        self.position = 0.1 * position.reshape((dim, width))
        self.layers = tuple(_Layers(attend, project, up, zeros((layers, 4 * width)), down, zeros((layers, width))))
        self.out, self.out_bias = zeros((num_params * size, width)), zeros((num_params, size, dim))
        self.dim = dim
        self.token = (size,)
        self.num_params = num_params
        self.heads = heads
        self.cond_dim = cond_dim
        self.order = order
        self.compute = checked_compute(compute)

    @property
    def size(self) -> int:
        """The number of elements of a token."""
        return self.token[0]

    @property
    def block(self) -> int:
        """The number of steps in a block: all."""
        return self.dim

    def __call__(
        self, x: Float[Array, "dim size *batch"], condition: Condition = None
    ) -> Float[Array, "dim size *batch p"]:
        """Return all parameters, shape (dim, size, *batch, num_params)."""
        order = np.array(self.order)
        n = math.prod(x.shape[2:])
        tokens = jnp.moveaxis(x[order[:-1]].reshape((self.dim - 1, self.size, n)), -1, 0)
        dtype = computed_in(self.compute, x.dtype)
        begin = jnp.broadcast_to(self.start_token, (n, 1, len(self.start_token)))
        h = jnp.concatenate([begin.astype(dtype), _product(compress_tails(tokens).astype(dtype), self.embed)], axis=1)
        h = h + self.position.astype(dtype) + self._of(condition, n).astype(dtype)[:, None]
        causal = np.tril(np.ones((self.dim, self.dim), bool))

        def attention(query: Array, key: Array, value: Array) -> Array:
            size = h.shape[-1] // self.heads
            query, key, value = (a.reshape((n, self.dim, self.heads, size)) for a in (query, key, value))
            logits = checkpoint_name(jnp.einsum("nthd,nshd->nhts", query, key, precision=precision()), PRODUCT)
            weights = _weights(logits, causal, query.shape[-1])
            return jnp.einsum("nhts,nshd->nthd", weights, value, precision=precision()).reshape(h.shape)

        def layer(h: Array, weights: tuple[Array, ...]) -> tuple[Array, None]:
            own = _Layers(*weights)
            query, key, value = jnp.split(_product(normalized(h, -1).astype(dtype), own.attend), 3, axis=-1)
            return _rest(h, attention(query, key, value), own), None

        # Compiled one by one, the few layers need not copy the results that they keep for a gradient into one array.
        h = jax.lax.scan(layer, h, self.layers, unroll=True)[0]
        # Univariate maps read parameters fastest with parameters as the first axis and the batch as the last.
        last = jnp.swapaxes(normalized(h, -1).astype(dtype), 0, 1).reshape((self.dim * n, h.shape[-1]))
        params = jnp.einsum("kw,tw->kt", self.out.astype(dtype), last, precision=precision()).astype(x.dtype)
        params = params.reshape((self.num_params, self.size, self.dim, n)) + self.out_bias[..., None]
        params = jnp.transpose(params, (2, 1, 3, 0))[np.argsort(order)]
        return params.reshape((*x.shape, self.num_params))

    def start(self, condition: Condition = None, batch: tuple[int, ...] = ()) -> _State:
        """Return the state before the first step."""
        layers, width = _Layers(*self.layers).down_bias.shape
        n, dtype = math.prod(batch), self.embed.dtype
        cache = jnp.zeros((layers, n, self.heads, self.dim, width // self.heads), computed_in(self.compute, dtype))
        return _State(jnp.zeros((self.size, *batch), dtype), self._of(condition, n), cache, cache)

    def enter(self, known: _State, number: int | Int[Array, ""]) -> _State:
        """Return the state unchanged, as there is one block."""
        return known

    def params_at(self, block: _State, i: int | Int[Array, ""]) -> tuple[Float[Array, "size *batch p"], _State]:
        """Return the parameters of token `order[i]`, and the state with the keys and values of step i."""
        dtype = block.keys.dtype
        n = len(block.given)
        last = _product(compress_tails(block.last.reshape((self.size, n)).T).astype(dtype), self.embed)
        h = jnp.where(jnp.asarray(i) == 0, self.start_token.astype(dtype), last)
        h = h + self.position[i].astype(dtype) + block.given.astype(dtype)
        past = jnp.arange(self.dim) <= i

        def layer(h: Array, at: Any) -> tuple[Array, Any]:
            weights, keys, values = at
            own = _Layers(*weights)
            new = _product(normalized(h, -1).astype(dtype), own.attend).reshape((n, 3, self.heads, -1))
            query, key, value = new[:, 0], new[:, 1], new[:, 2]
            keys, values = (
                dynamic_update_index_in_dim(cache, one, i, 2) for cache, one in ((keys, key), (values, value))
            )
            logits = jnp.einsum("nhd,nhsd->nhs", query, keys, precision=precision())
            weights = _weights(logits, past, query.shape[-1])
            attended = jnp.einsum("nhs,nhsd->nhd", weights, values, precision=precision())
            return _rest(h, attended.reshape(h.shape), own), (keys, values)

        h, (keys, values) = jax.lax.scan(layer, h, (self.layers, block.keys, block.values))
        last = normalized(h, -1).astype(dtype)
        params = jnp.einsum("kw,nw->kn", self.out.astype(dtype), last, precision=precision())
        params = params.astype(block.last.dtype).reshape((self.num_params, self.size, n)) + self.out_bias[:, :, i, None]
        params = jnp.moveaxis(params, 0, -1)
        state = block._replace(keys=keys, values=values)
        return params.reshape((*block.last.shape, self.num_params)), state

    def advance(self, block: _State, i: int | Int[Array, ""], x_i: Float[Array, "size *batch"]) -> _State:
        """Return the state after token `order[i]` has received the value `x_i`."""
        return block._replace(last=x_i.astype(block.last.dtype))

    def leave(self, block: _State) -> _State:
        """Return the state unchanged."""
        return block

    def _of(self, condition: Condition, n: int) -> Float[Array, "n width"]:
        """Return the term that the condition adds to each token."""
        if condition is None or self.given is None:
            return jnp.zeros((n, self.embed.shape[-1]), self.embed.dtype)
        given = compress_tails(condition.reshape((self.cond_dim, n))).T.astype(self.embed.dtype)
        return jnp.matmul(given, self.given, precision=precision())


def _product(h: Float[Array, "... m"], weights: Float[Array, "m k"]) -> Float[Array, "... k"]:
    # Flattened to matrices, because XLA would transpose the gradient of a product over two axes in memory first.
    rows = h.reshape((math.prod(h.shape[:-1]), h.shape[-1]))
    flat = jnp.matmul(rows, weights.astype(h.dtype), precision=precision())
    return checkpoint_name(flat.reshape((*h.shape[:-1], weights.shape[-1])), PRODUCT)


def _weights(logits: Array, sees: Any, size: int) -> Array:
    """Return the attention weights from logits along the last axis, in float32 at least; 0 where `sees` is false."""
    wide = logits.astype(jnp.promote_types(logits.dtype, jnp.float32)) / math.sqrt(size)
    return jax.nn.softmax(jnp.where(sees, wide, -jnp.inf), axis=-1).astype(logits.dtype)


def _rest(h: Array, attended: Array, own: _Layers) -> Array:
    """Return the result of a layer, given the result of its heads."""
    h = h + _product(attended, own.project)
    up = _product(normalized(h, -1).astype(h.dtype), own.up) + own.up_bias.astype(h.dtype)
    return h + _product(jax.nn.gelu(up), own.down) + own.down_bias.astype(h.dtype)
