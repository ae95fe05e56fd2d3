"""Networks that give a map its parameters."""

from ._base import AbstractAutoregressiveConditioner as AbstractAutoregressiveConditioner
from ._base import AbstractConditioner as AbstractConditioner
from ._layers import Activation as Activation
from .masked_mlp import MaskedMLP as MaskedMLP
from .mlp import MLP as MLP
