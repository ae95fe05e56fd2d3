"""Networks that give a map its parameters."""

from ._base import AbstractAutoregressiveConditioner as AbstractAutoregressiveConditioner
from ._base import AbstractConditioner as AbstractConditioner
from ._layers import Activation as Activation
from ._layers import Compute as Compute
from .causal_transformer import CausalTransformer as CausalTransformer
from .conv_net import ConvNet as ConvNet
from .guided import Guided as Guided
from .masked_mlp import MaskedMLP as MaskedMLP
from .mlp import MLP as MLP
