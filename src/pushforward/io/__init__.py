"""Save and load models: one safetensors file, without pickle, that cannot run code."""

from .errors import FileFormatError as FileFormatError
from .file import from_bytes as from_bytes
from .file import load as load
from .file import read_metadata as read_metadata
from .file import save as save
from .file import to_bytes as to_bytes
