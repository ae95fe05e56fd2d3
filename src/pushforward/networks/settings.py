"""Settings of networks, which an architecture passes to the networks that it builds."""

from dataclasses import dataclass
from typing import final

from .._types import Key
from ._layers import Activation, Compute
from .conditioners.conv_net import ConvNet
from .conditioners.masked_mlp import MaskedMLP
from .conditioners.mlp import MLP


@final
@dataclass(frozen=True)
class MLPSettings:
    """Settings of multilayer perceptrons, masked or not.

    Attributes:
        hidden: width of each hidden layer.
        activation: "relu", "gelu", "silu" or "tanh".
        residual: whether to add its input to each hidden layer that is as wide as the layer before it.
    """

    hidden: tuple[int, ...] = (128, 128)
    activation: Activation = "relu"
    residual: bool = False

    def build(self, key: Key, in_size: int, out_shape: tuple[int, int], cond_dim: int = 0) -> MLP:
        """Return a network whose inputs are `in_size` elements and a condition; see `MLP`."""
        return MLP(key, in_size, out_shape, cond_dim=cond_dim, **vars(self))

    def build_masked(
        self, key: Key, dim: int, num_params: int, cond_dim: int = 0, order: tuple[int, ...] | None = None
    ) -> MaskedMLP:
        """Return an autoregressive network whose inputs are `dim` elements and a condition; see `MaskedMLP`."""
        return MaskedMLP(key, dim, num_params, cond_dim=cond_dim, order=order, **vars(self))


@final
@dataclass(frozen=True)
class ConvNetSettings:
    """Settings of convolutional networks.

    Attributes:
        width: channels of the hidden layers.
        blocks: number of residual blocks.
        activation: "relu", "gelu", "silu" or "tanh".
        compute: "bfloat16" to multiply in bfloat16 and add in float32; None to compute in the dtype of the input.
            Log-determinants have the dtype of the input in both cases.
    """

    width: int = 64
    blocks: int = 2
    activation: Activation = "relu"
    compute: Compute = None

    def build(
        self, key: Key, in_shape: tuple[int, int, int], out_shape: tuple[int, int, int, int], cond_dim: int = 0
    ) -> ConvNet:
        """Return a network whose inputs are an image and a condition; see `ConvNet`."""
        return ConvNet(key, in_shape, out_shape, cond_dim=cond_dim, **vars(self))
