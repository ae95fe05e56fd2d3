"""Networks that give a map its parameters, and networks that turn a condition into a vector."""

from ._layers import Activation as Activation
from ._layers import Compute as Compute
from .conditioners._base import AbstractAutoregressiveConditioner as AbstractAutoregressiveConditioner
from .conditioners._base import AbstractConditioner as AbstractConditioner
from .conditioners.causal_transformer import CausalTransformer as CausalTransformer
from .conditioners.conv_net import ConvNet as ConvNet
from .conditioners.guided import Guided as Guided
from .conditioners.masked_mlp import MaskedMLP as MaskedMLP
from .conditioners.mlp import MLP as MLP
from .embeddings._base import AbstractEmbedding as AbstractEmbedding
from .embeddings.deep_set import DeepSet as DeepSet
from .embeddings.image_embedding import ImageEmbedding as ImageEmbedding
from .embeddings.series_embedding import SeriesEmbedding as SeriesEmbedding
from .embeddings.tree_embedding import TreeEmbedding as TreeEmbedding
from .embeddings.vector_embedding import VectorEmbedding as VectorEmbedding
from .settings import ConvNetSettings as ConvNetSettings
from .settings import MLPSettings as MLPSettings
from .subsets._base import AbstractSubsetNetwork as AbstractSubsetNetwork
from .subsets.subset_mlp import SubsetMLP as SubsetMLP
